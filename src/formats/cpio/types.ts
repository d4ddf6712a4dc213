// The file type bits of a cpio mode (those of struct stat) and the kinds of a tree.
import type { EntryKind } from '../../tree/index.ts';

/** The bits of st_mode that hold the file type (cpio(5), stat(7)). */
export const S_IFMT = 0o170000;

const BITS: Readonly<Record<Exclude<EntryKind, 'hardlink'>, number>> = {
  fifo: 0o010000,
  char: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
};
const KINDS = new Map(Object.entries(BITS).map(([kind, bits]) => [bits, kind as Exclude<EntryKind, 'hardlink'>]));

/** The kind a mode says, or undefined for type bits no system knows. */
export function kindOf(mode: number): Exclude<EntryKind, 'hardlink'> | undefined {
  return KINDS.get(mode & S_IFMT);
}

/** Type bits and permission bits together. */
export function modeOf(kind: Exclude<EntryKind, 'hardlink'>, permissions: number): number {
  return BITS[kind] | (permissions & 0o7777);
}
