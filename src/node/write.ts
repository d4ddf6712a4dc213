// Writing a file so that at every moment either the old one or the new one is there, whole.
import {
  closeSync,
  constants,
  fchmodSync,
  fsync,
  fsyncSync,
  lstatSync,
  openSync,
  readlinkSync,
  renameSync,
  type Stats,
  statfsSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { KindlingError } from '../errors.ts';
import { onInterrupt } from './cleanup.ts';
import { errnoError } from './errno.ts';

/** How `writeAtomically` writes. */
export interface WriteOptions {
  /** Permission bits, independent of the umask; without it those of the file that is replaced, or 0666 less the umask. */
  readonly mode?: number;
  /** At least this many bytes will be written: NO_SPACE at once when they cannot fit. */
  readonly expectedSize?: number;
}

const LINKS_MOST = 40;
let serial = 0;

/**
 * Writes chunks to a temporary file beside `path`, syncs it, gives it the name, syncs the directory; returns the size in bytes.
 * A symbolic link at `path` stays and its target is replaced; a device or pipe is written directly.
 * When the chunks or the writing fail, or a signal comes, the temporary file is removed and what was at `path` is untouched.
 * Throws NO_SPACE, NO_PERMISSION, READ_ONLY, IO, NO_ENTRY (no such directory), or what `chunks` threw.
 */
export async function writeAtomically(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: WriteOptions = {},
): Promise<number> {
  try {
    const target = finalPath(path);
    const old = statsOf(target);
    if (old?.isDirectory() === true) throw new KindlingError('IO', 'it is a directory, expected a file', { file: path });
    if (old !== undefined && !old.isFile()) return await writeStraight(target, chunks);
    checkSpace(target, options.expectedSize ?? 0);
    return await replace(target, chunks, options.mode ?? (old === undefined ? undefined : old.mode & 0o7777));
  } catch (error) {
    throw errnoError(error, { file: path }) ?? error;
  }
}

function statsOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function finalPath(path: string): string {
  let at = resolve(path);
  for (let count = 0; count < LINKS_MOST; count++) {
    const stats = statsOf(at);
    if (stats?.isSymbolicLink() !== true) return at;
    // /dev/stdout leads through /proc to something without a name ("pipe:[123]"): such a link is the file.
    if (at.startsWith('/proc/')) return at;
    at = resolve(dirname(at), readlinkSync(at));
  }
  throw new KindlingError('LINK_LOOP', `more than ${LINKS_MOST} symbolic links on the way`, { file: path });
}

function checkSpace(target: string, expectedSize: number): void {
  const { bavail, bsize } = statfsSync(dirname(target));
  if (expectedSize <= bavail * bsize) return;
  throw new KindlingError('NO_SPACE', `${expectedSize} bytes are needed, ${bavail * bsize} are free`, { file: target });
}

async function replace(
  target: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  mode: number | undefined,
): Promise<number> {
  const { fd, temporary } = openTemporary(target);
  let fdOpen = true;
  const undo = (): void => {
    if (fdOpen) closeSync(fd);
    fdOpen = false;
    unlinkSync(temporary);
  };
  const withdraw = onInterrupt(undo);
  try {
    const size = await writeChunks(fd, chunks);
    if (mode !== undefined) fchmodSync(fd, mode);
    await promisify(fsync)(fd);
    fdOpen = false;
    closeSync(fd);
    renameSync(temporary, target);
    withdraw();
    syncDirectory(dirname(target));
    return size;
  } catch (error) {
    withdraw();
    if (statsOf(temporary) !== undefined) undo();
    throw error;
  }
}

function openTemporary(target: string): { fd: number; temporary: string } {
  for (;;) {
    serial += 1;
    const temporary = join(dirname(target), `.${basename(target).slice(0, 200)}.${process.pid}-${serial}.new`);
    try {
      return { fd: openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o666), temporary };
    } catch (error) {
      // Left by a killed process with the same number: the next name.
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

async function writeStraight(target: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
  const fd = openSync(target, constants.O_WRONLY);
  try {
    return await writeChunks(fd, chunks);
  } finally {
    closeSync(fd);
  }
}

async function writeChunks(fd: number, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of chunks) {
    // Synchronous: into the page cache it costs a copy, less than handing it to another thread.
    for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done, chunk.length - done);
    size += chunk.length;
  }
  return size;
}

function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } catch (error) {
    // Some file systems cannot sync a directory; the file itself is safe.
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'EINVAL' && code !== 'ENOTSUP') throw error;
  } finally {
    closeSync(fd);
  }
}
