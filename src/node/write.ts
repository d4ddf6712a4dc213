// Writing a file so that at every moment either the old one or the new one is there, whole.
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { KindlingError } from '../errors.ts';
import { onInterrupt } from './cleanup.ts';
import { DISK, type Disk, type DiskPath, isErrno } from './disk.ts';
import { errnoError } from './errno.ts';

/** How `writeAtomically` writes. */
export interface WriteOptions {
  /** Permission bits, independent of the umask; without it those of the file that is replaced, or 0666 less the umask. */
  readonly mode?: number;
  /** At least this many bytes will be written: NO_SPACE at once when they cannot fit. */
  readonly expectedSize?: number;
  /** Another disk than this machine's: a test's. */
  readonly disk?: Disk;
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
  return await writeFile(path, (fd) => writeChunks(options.disk ?? DISK, fd, chunks), options);
}

/**
 * The same for pieces that come in any order, for formats whose header is known last. Where nothing is written, there are zeros. The memory of
 * a piece may be used again as soon as the next one is asked for. A block device is written in place; a pipe cannot be (IO).
 */
export async function writePlaced(path: string, pieces: AsyncIterable<PlacedBytes>, options: WriteOptions = {}): Promise<number> {
  return await writeFile(path, (fd) => writePieces(options.disk ?? DISK, fd, pieces), options);
}

async function writeFile(path: string, fill: Fill, options: WriteOptions): Promise<number> {
  try {
    const target = finalPath(path);
    const old = statsOf(target);
    if (old?.isDirectory() === true) throw new KindlingError('IO', 'it is a directory, expected a file', { file: path });
    if (old !== undefined && !old.isFile()) return await writeStraight(target, fill);
    const disk = options.disk ?? DISK;
    checkSpace(disk, target, options.expectedSize ?? 0);
    return await replace(disk, target, fill, options.mode ?? (old === undefined ? undefined : old.mode & 0o7777));
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

function checkSpace(disk: Disk, target: string, expectedSize: number): void {
  const { free } = disk.room(dirname(target));
  if (expectedSize <= free) return;
  throw new KindlingError('NO_SPACE', `${expectedSize} bytes are needed, ${free} are free`, { file: target });
}

async function replace(disk: Disk, target: string, fill: Fill, mode: number | undefined): Promise<number> {
  const temporary = openTemporary(disk, target);
  const size = await temporary.fill((fd) => fill(fd), mode);
  try {
    disk.rename(temporary.path, target);
  } catch (error) {
    undone(temporary.remove);
    throw error;
  }
  temporary.keep();
  disk.syncDirectory(dirname(target));
  return size;
}

function openTemporary(disk: Disk, target: string): NewFile {
  for (;;) {
    serial += 1;
    const path = join(dirname(target), `.${basename(target).slice(0, 200)}.${process.pid}-${serial}.new`);
    try {
      return newFile(disk, path);
    } catch (error) {
      // Left by a killed process with the same number: the next name.
      if (!isErrno(error, 'EEXIST')) throw error;
    }
  }
}

/** A file that is being made: it goes away again unless it is kept, at a signal too. */
export interface NewFile {
  readonly path: DiskPath;
  /** Writes, sets the permission bits, syncs and closes. When anything fails the file is removed. */
  fill(write: Fill, mode: number | undefined): Promise<number>;
  /** It has its final name now, or whoever holds it takes care of it. */
  keep(): void;
  /** Removes it. */
  remove(): void;
}

/** Makes a file that is not there yet (EEXIST when it is). */
export function newFile(disk: Disk, path: DiskPath, createMode = 0o666): NewFile {
  const fd = disk.create(path, createMode);
  let fdOpen = true;
  let there = true;
  const remove = (): void => {
    withdraw();
    if (fdOpen) {
      fdOpen = false;
      disk.close(fd);
    }
    if (there) {
      there = false;
      disk.unlink(path);
    }
  };
  const withdraw = onInterrupt(remove);
  return {
    path,
    async fill(write, mode) {
      try {
        const size = await write(fd);
        if (mode !== undefined) disk.chmod(fd, mode);
        await disk.sync(fd);
        fdOpen = false;
        disk.close(fd);
        return size;
      } catch (error) {
        undone(remove);
        throw error;
      }
    },
    keep() {
      there = false;
      withdraw();
    },
    remove,
  };
}

/** Undoing after a failure: the failure itself is what is reported. */
function undone(remove: () => void): void {
  try {
    remove();
  } catch {
    // The file may be gone with its directory, or the disk may take no more changes; what made us stop says which.
  }
}

/** Writes chunks one after the other into an open file; answers the size. */
export async function writeChunks(disk: Disk, fd: number, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of chunks) {
    // Synchronous: into the page cache it costs a copy, less than handing it to another thread.
    for (let done = 0; done < chunk.length; ) done += disk.write(fd, chunk, done, chunk.length - done);
    size += chunk.length;
  }
  return size;
}

async function writeStraight(target: string, fill: Fill): Promise<number> {
  const fd = openSync(target, constants.O_WRONLY);
  try {
    return await fill(fd);
  } finally {
    closeSync(fd);
  }
}

/** Positions are bytes from the start; the kernel begins to put them on the disk on the way, so that the sync at the end is short. */
async function writePieces(disk: Disk, fd: number, pieces: AsyncIterable<PlacedBytes>): Promise<number> {
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
      for (let done = 0; done < bytes.length; ) done += disk.write(fd, bytes, done, bytes.length - done, at + done);
      size = Math.max(size, at + bytes.length);
      unsynced += bytes.length;
      if (unsynced < SYNC_EVERY || syncing !== undefined) continue;
      unsynced = 0;
      syncing = disk
        .syncData(fd)
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
  if (stats.isBlockDevice()) await disk.sync(fd);
  return size;
}
