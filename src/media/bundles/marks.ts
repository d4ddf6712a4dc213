// How a layer says that something below it is gone: the whiteouts and opaque directories of overlayfs (Linux, Documentation/filesystems/overlayfs.rst).
import { utf8 } from '../../bytes/index.ts';
import { type DirectoryEntry, device, type Entry } from '../../tree/index.ts';

/** Whose extended attributes are the marks: `trusted.overlay.*` of a mount by root, `user.overlay.*` of one with the option userxattr. */
export type MarkSpace = 'trusted' | 'user';

const YES = utf8('y');

function mark(entry: Entry, space: MarkSpace, name: string): Uint8Array | undefined {
  return entry.xattrs?.get(`${space}.overlay.${name}`);
}

/** Whether an entry hides what is below it and shows nothing: a character device 0:0, or (from Linux 6.7 on) an empty file with the whiteout attribute. */
export function isWhiteout(entry: Entry, space: MarkSpace = 'trusted'): boolean {
  if (entry.kind === 'char') return entry.major === 0 && entry.minor === 0;
  return entry.kind === 'file' && entry.content.size === 0 && mark(entry, space, 'whiteout') !== undefined;
}

/** Whether a directory shows nothing of the directories below it. */
export function isOpaque(entry: Entry, space: MarkSpace = 'trusted'): boolean {
  const value = entry.kind === 'directory' ? mark(entry, space, 'opaque') : undefined;
  return value?.length === 1 && value[0] === YES[0];
}

/** Where a renamed directory's lower part is: a name beside it, or a path from the top with "/" in front. Undefined for one that was not renamed. */
export function redirectOf(entry: Entry, space: MarkSpace = 'trusted'): Uint8Array | undefined {
  return entry.kind === 'directory' ? mark(entry, space, 'redirect') : undefined;
}

/** Whether a file has only its metadata here and its content in a layer below. */
export function isMetacopy(entry: Entry, space: MarkSpace = 'trusted'): boolean {
  return entry.kind === 'file' && mark(entry, space, 'metacopy') !== undefined;
}

/** A whiteout, as the kernel makes one. */
export function whiteout(path: string, mtime = 0): Entry {
  return { ...device('char', path, 0, 0, 0), mtime };
}

/** The directory with the mark that makes it opaque. */
export function opaque(entry: DirectoryEntry, space: MarkSpace = 'trusted'): DirectoryEntry {
  return { ...entry, xattrs: new Map([...(entry.xattrs ?? []), [`${space}.overlay.opaque`, YES]]) };
}

/** The entry without overlayfs's own attributes, as a mounted overlay shows it. */
export function unmarked(entry: Entry, space: MarkSpace = 'trusted'): Entry {
  const prefix = `${space}.overlay.`;
  if (entry.xattrs === undefined || ![...entry.xattrs.keys()].some((name) => name.startsWith(prefix))) return entry;
  const { xattrs, ...rest } = entry;
  const kept = [...xattrs].filter(([name]) => !name.startsWith(prefix));
  return kept.length === 0 ? rest : { ...rest, xattrs: new Map(kept) };
}
