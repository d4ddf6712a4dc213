// Writing a file so that at every moment either the old one or the new one is there, whole.
import {
  closeSync,
  constants,
  fchmodSync,
  fdatasync,
  fstatSync,
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
const SYNC_EVERY = 32 * 1024 * 1024;
let serial = 0;

/** Bytes and where in the file they belong. */
export interface PlacedBytes {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Puts everything into an open file; answers the size. */
type Fill = (fd: number) => Promise<number>;

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
  return await writeFile(path, (fd) => writeChunks(fd, chunks), options);
}

/**
 * The same for pieces that come in any order, for formats whose header is known last. Where nothing is written, there are zeros. The memory of
 * a piece may be used again as soon as the next one is asked for. A block device is written in place; a pipe cannot be (IO).
 */
export async function writePlaced(path: string, pieces: AsyncIterable<PlacedBytes>, options: WriteOptions = {}): Promise<number> {
  return await writeFile(path, (fd) => writePieces(fd, pieces), options);
}

async function writeFile(path: string, fill: Fill, options: WriteOptions): Promise<number> {
  try {
    const target = finalPath(path);
    const old = statsOf(target);
    if (old?.isDirectory() === true) throw new KindlingError('IO', 'it is a directory, expected a file', { file: path });
    if (old !== undefined && !old.isFile()) return await writeStraight(target, fill);
    checkSpace(target, options.expectedSize ?? 0);
    return await replace(target, fill, options.mode ?? (old === undefined ? undefined : old.mode & 0o7777));
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

async function replace(target: string, fill: Fill, mode: number | undefined): Promise<number> {
  const { fd, temporary } = openTemporary(target);
  let fdOpen = true;
  const undo = (): void => {
    if (fdOpen) closeSync(fd);
    fdOpen = false;
    unlinkSync(temporary);
  };
  const withdraw = onInterrupt(undo);
  try {
    const size = await fill(fd);
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

async function writeStraight(target: string, fill: Fill): Promise<number> {
  const fd = openSync(target, constants.O_WRONLY);
  try {
    return await fill(fd);
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

/** Positions are bytes from the start; the kernel begins to put them on the disk on the way, so that the sync at the end is short. */
async function writePieces(fd: number, pieces: AsyncIterable<PlacedBytes>): Promise<number> {
  const stats = fstatSync(fd);
  if (!stats.isFile() && !stats.isBlockDevice()) {
    throw new KindlingError('IO', 'it is neither a file nor a block device: this format is not written from front to back');
  }
  let size = 0;
  let unsynced = 0;
  let syncing: Promise<void> | undefined;
  let syncFailure: unknown;
  try {
    for await (const { at, bytes } of pieces) {
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done);
      size = Math.max(size, at + bytes.length);
      unsynced += bytes.length;
      if (unsynced < SYNC_EVERY || syncing !== undefined) continue;
      unsynced = 0;
      syncing = promisify(fdatasync)(fd)
        // The kernel tells of a failure once: the sync at the end would succeed.
        .catch((error: unknown) => {
          syncFailure ??= error;
        })
        .finally(() => {
          syncing = undefined;
        });
    }
  } finally {
    await syncing;
  }
  if (syncFailure !== undefined) throw syncFailure;
  if (stats.isBlockDevice()) await promisify(fsync)(fd);
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
