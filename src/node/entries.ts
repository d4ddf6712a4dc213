// What lstat tells, as an entry of a tree.
import { lstatSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { nameFromBytes, nameToBytes } from '../bytes/index.ts';
import type { Entry } from '../tree/index.ts';
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

/** The entry at `path` below `base`. File content is read when it is asked for. */
export function entryFrom(base: string, path: string, stats: Stats): Entry {
  const common = { path, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid, mtime: Math.floor(stats.mtimeMs / 1000) };
  if (stats.isFile()) {
    const where = diskPath(base, path);
    const label = path === '' ? base : `${base}/${path}`;
    const content = openedSource({ path: where, label, size: stats.size, dev: stats.dev, ino: stats.ino, noFollow: true });
    return { kind: 'file', ...common, content };
  }
  if (stats.isDirectory()) return { kind: 'directory', ...common };
  if (stats.isSymbolicLink()) {
    const target = system(() => readlinkSync(asPath(diskPath(base, path)), 'buffer'));
    return { kind: 'symlink', ...common, target: nameFromBytes(target) };
  }
  if (stats.isCharacterDevice()) return { kind: 'char', ...common, ...deviceNumbers(stats.rdev) };
  if (stats.isBlockDevice()) return { kind: 'block', ...common, ...deviceNumbers(stats.rdev) };
  return { kind: stats.isFIFO() ? 'fifo' : 'socket', ...common };
}
