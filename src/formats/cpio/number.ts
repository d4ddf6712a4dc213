// Numbering: inode numbers and link counts for entries about to be written, and which name of a hard-linked file carries the data.
// Inode numbers start at 1 in each archive: the kernel forgets its link table at every TRAILER!!!, and equal input must give equal bytes.
import { type ByteSource, bytesSource, EMPTY, nameToBytes } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import type { Entry, HardlinkEntry } from '../../tree/index.ts';

/** Which names of a hard-linked file carry its bytes. GNU newc writes the last one, odc writers every one; the kernel reads both. */
export type LinkData = 'first' | 'last' | 'every';

/** One entry ready to be written: hard links are resolved to what they name. */
export interface Numbered {
  readonly path: string;
  readonly entry: Exclude<Entry, HardlinkEntry>;
  readonly ino: number;
  readonly nlink: number;
  /** The bytes that follow the header: file content or link target; empty otherwise. */
  readonly content: ByteSource;
}

/** Numbers entries in the order given. Throws NO_ENTRY for a hard link whose target is not among them. */
export function number(entries: readonly Entry[], data: LinkData): Numbered[] {
  const byPath = new Map<string, Exclude<Entry, HardlinkEntry>>();
  const groups = new Map<string, { paths: string[]; ino: number }>();
  for (const entry of entries) if (entry.kind !== 'hardlink') byPath.set(entry.path, entry);
  for (const entry of entries) {
    if (entry.kind !== 'hardlink') continue;
    const named = byPath.get(entry.to);
    if (named === undefined) {
      throw new KindlingError('NO_ENTRY', `hard link "${entry.path}" names "${entry.to}", which is not in this archive`, {
        path: entry.path,
      });
    }
    // Neither the kernel nor cpio links symbolic links: each name is written as a link of its own.
    if (named.kind !== 'symlink') groups.set(entry.to, { paths: [], ino: 0 });
  }
  if (groups.size > 0) {
    for (const entry of entries) groups.get(entry.kind === 'hardlink' ? entry.to : entry.path)?.paths.push(entry.path);
  }
  let ino = 0;
  return entries.map((entry) => {
    const named = entry.kind === 'hardlink' ? byPath.get(entry.to)! : entry;
    const whole = named.kind === 'file' ? named.content : named.kind === 'symlink' ? bytesSource(nameToBytes(named.target)) : EMPTY;
    const group = groups.get(named.path);
    if (group === undefined) {
      ino += 1;
      return { path: entry.path, entry: named, ino, nlink: named.kind === 'directory' ? 2 : 1, content: whole };
    }
    if (group.ino === 0) group.ino = ++ino;
    const carrier = data === 'first' ? group.paths[0] : group.paths.at(-1);
    const content = data === 'every' || entry.path === carrier ? whole : EMPTY;
    return { path: entry.path, entry: named, ino: group.ino, nlink: group.paths.length, content };
  });
}
