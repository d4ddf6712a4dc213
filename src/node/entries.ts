// What lstat tells, as an entry of a tree.
import { lstatSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { nameFromBytes, nameToBytes } from '../bytes/index.ts';
import type { Entry, EntryKind } from '../tree/index.ts';
import { asPath } from './descriptors.ts';
import { system } from './errno.ts';
import { openedSource } from './source.ts';

const LONE = /[\udc80-\udcff]/;

/** Major and minor number out of a `dev_t` as glibc packs it. */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  const low = rdev % 2 ** 32;
  const high = Math.floor(rdev / 2 ** 32);
  return { major: (((low >>> 8) & 0xfff) | (high & ~0xfff)) >>> 0, minor: ((low & 0xff) | ((low >>> 12) & 0xfff00)) >>> 0 };
}

/** The path of an entry below a directory on disk, as system calls take it: text where it is UTF-8 (cheaper), bytes otherwise. */
export function diskPath(base: string, path: string): string | Uint8Array {
  const whole = path === '' ? base : base.endsWith('/') ? `${base}${path}` : `${base}/${path}`;
  return LONE.test(whole) ? nameToBytes(whole) : whole;
}

/** lstat, or undefined where there is nothing (a component that is no directory included). The base itself is followed if it is a link. */
export function lookAt(base: string, path: string): Stats | undefined {
  const options = { throwIfNoEntry: false } as const;
  const where = asPath(diskPath(base, path));
  try {
    return path === '' ? statSync(where, options) : lstatSync(where, options);
  } catch (error) {
    // The path cannot exist: one of its parents is a file, or it is longer than any file's.
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined;
    return system(() => {
      throw error;
    });
  }
}

/** What kind of entry it is. */
export function kindOf(stats: Stats): Exclude<EntryKind, 'hardlink'> {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'char';
  if (stats.isBlockDevice()) return 'block';
  return stats.isFIFO() ? 'fifo' : 'socket';
}

/** The entry at `path` below `base`. File content is read when it is asked for. */
export function entryFrom(base: string, path: string, stats: Stats): Entry {
  const common = { path, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid, mtime: Math.floor(stats.mtimeMs / 1000) };
  const kind = kindOf(stats);
  switch (kind) {
    case 'file': {
      const where = diskPath(base, path);
      const label = path === '' ? base : `${base}/${path}`;
      const content = openedSource({ path: where, label, size: stats.size, dev: stats.dev, ino: stats.ino, noFollow: true });
      return { kind, ...common, content };
    }
    case 'symlink': {
      const target = system(() => readlinkSync(asPath(diskPath(base, path)), 'buffer'));
      return { kind, ...common, target: nameFromBytes(target) };
    }
    case 'char':
    case 'block':
      return { kind, ...common, ...deviceNumbers(stats.rdev) };
    default:
      return { kind, ...common };
  }
}
