// A directory on disk as a root (lazy: what is not asked for is never looked at) and as a tree (everything).
import { readdirSync, type Stats } from 'node:fs';
import { compareNames, nameFromBytes } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import type { Root } from '../plan/index.ts';
import { type Entry, joinPath, makeTree, parentOf, type Tree } from '../tree/index.ts';
import { asPath } from './descriptors.ts';
import { diskPath, entryFrom, kindOf, lookAt } from './entries.ts';
import { system } from './errno.ts';

function checkDirectory(base: string): void {
  const stats = lookAt(base, '');
  if (stats === undefined) throw new KindlingError('NO_ENTRY', 'there is no such directory', { file: base });
  if (!stats.isDirectory()) throw new KindlingError('NO_ENTRY', 'it is no directory', { file: base });
}

function namesIn(base: string, path: string): string[] {
  const where = asPath(diskPath(base, path));
  const names = readdirSync(where, 'utf8');
  // U+FFFD stands for bytes that are no UTF-8 (or, rarely, for itself): only then the raw names are worth their price.
  const raw = names.some((name) => name.includes('\ufffd')) ? readdirSync(where, 'buffer').map((name) => nameFromBytes(name)) : names;
  return raw.sort(compareNames);
}

/**
 * A directory as a root. Each path is looked at once and remembered; links are never followed, not even in parent components, so nothing
 * outside is reached. A directory that may not be read throws NO_PERMISSION when its names are asked for.
 */
export function directoryRoot(base: string): Root {
  checkDirectory(base);
  const entries = new Map<string, Entry | undefined>();
  const listings = new Map<string, readonly string[]>();
  const looks = new Map<string, Stats | undefined>();
  const look = (path: string): Stats | undefined => {
    const known = looks.get(path);
    if (known !== undefined || looks.has(path)) return known;
    const stats = path === '' || look(parentOf(path))?.isDirectory() === true ? lookAt(base, path) : undefined;
    looks.set(path, stats);
    return stats;
  };
  const entry = (path: string): Entry | undefined => {
    const known = entries.get(path);
    if (known !== undefined || entries.has(path)) return known;
    const stats = look(path);
    const found = stats === undefined ? undefined : entryFrom(base, path, stats);
    entries.set(path, found);
    return found;
  };
  return {
    label: base,
    entry,
    // Makes no entry: comparing thousands of inputs asks for nothing else.
    stat(path) {
      const stats = look(path);
      return stats === undefined ? undefined : { size: stats.size, mtime: stats.mtimeMs, ctime: stats.ctimeMs, inode: stats.ino };
    },
    kind(path) {
      const stats = look(path);
      return stats === undefined ? undefined : kindOf(stats);
    },
    names(path) {
      const known = listings.get(path);
      if (known !== undefined) return known;
      const names = entry(path)?.kind === 'directory' ? system(() => namesIn(base, path), { file: `${base}/${path}` }) : [];
      listings.set(path, names);
      return names;
    },
  };
}

/** What `directoryTree` passes by. */
export interface DirectoryTreeOptions {
  /** Leave directories empty on which another file system is mounted. */
  readonly oneFileSystem?: boolean;
}

/** Everything in a directory as a tree; files with several names become hard links. Content is read when it is asked for. */
export function directoryTree(base: string, options: DirectoryTreeOptions = {}): Tree {
  checkDirectory(base);
  const entries: Entry[] = [];
  const firstNames = new Map<string, string>();
  const pending = [''];
  let device: number | undefined;
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const stats = lookAt(base, path);
    if (stats === undefined) continue; // gone since its directory was read
    device ??= stats.dev;
    const entry = entryFrom(base, path, stats);
    if (entry.kind === 'directory') {
      entries.push(entry);
      if (options.oneFileSystem === true && stats.dev !== device) continue;
      const names = system(() => namesIn(base, path), { file: `${base}/${path}` });
      for (let at = names.length - 1; at >= 0; at--) pending.push(joinPath(path, names[at]!));
      continue;
    }
    const identity = stats.nlink > 1 ? `${stats.dev}:${stats.ino}` : undefined;
    const to = identity === undefined ? undefined : firstNames.get(identity);
    if (identity !== undefined && to === undefined) firstNames.set(identity, path);
    entries.push(
      to === undefined ? entry : { kind: 'hardlink', path, to, mode: entry.mode, uid: entry.uid, gid: entry.gid, mtime: entry.mtime },
    );
  }
  return makeTree(entries);
}
