// The disk as the few operations that change it. Everything that has to survive a crash at any moment is written through this interface,
// so that a test can stop the process before each single operation, or make it fail, without a word of the code under test being changed.
import {
  closeSync,
  constants,
  fchmodSync,
  fdatasync,
  fsync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  type Stats,
  statfsSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { nameFromBytes } from '../bytes/index.ts';

/** A path as system calls take it. */
export type DiskPath = string | Buffer;

/** Free room of a file system. */
export interface Room {
  /** Bytes that may be written. */
  readonly free: number;
  /** Whether it is a FAT or exFAT: no links, times in steps of two seconds, other inode numbers after each mount. */
  readonly isFat: boolean;
}

/** A disk. Each call is one operation of the operating system, and fails as that does (with `code` ENOSPC, EROFS and so on). */
export interface Disk {
  /** Makes a file that is not there yet and opens it for writing; EEXIST when it is. */
  create(path: DiskPath, mode: number): number;
  /** Writes at the position of the file, or at `position`; answers how much. */
  write(fd: number, bytes: Uint8Array, at: number, size: number, position?: number): number;
  chmod(fd: number, mode: number): void;
  sync(fd: number): Promise<void>;
  /** The same without times and such. */
  syncData(fd: number): Promise<void>;
  close(fd: number): void;
  rename(from: DiskPath, to: DiskPath): void;
  link(from: DiskPath, to: DiskPath): void;
  unlink(path: DiskPath): void;
  mkdir(path: DiskPath, mode: number): void;
  rmdir(path: DiskPath): void;
  /** Sets the time of the last change, in milliseconds since 1970. */
  setTime(path: DiskPath, mtime: number): void;
  /** Makes names in a directory last. */
  syncDirectory(path: DiskPath): void;
  /**
   * Brings what is synced in a directory's file system to where it is found without the file system's journal, as boot loaders read. Does
   * nothing where there is no block device behind it, or this user may not open that.
   */
  settle(path: DiskPath): void;
  /** lstat; undefined where nothing is. */
  look(path: DiskPath): Stats | undefined;
  names(path: DiskPath): string[];
  read(path: DiskPath): Uint8Array;
  room(path: DiskPath): Room;
}

const FAT_TYPES: ReadonlySet<number> = new Set([0x4d44, 0x2011bab0]);

/** The disk of this machine. */
export const DISK: Disk = {
  create: (path, mode) => openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode),
  write: (fd, bytes, at, size, position) => writeSync(fd, bytes, at, size, position ?? null),
  chmod: (fd, mode) => fchmodSync(fd, mode),
  sync: promisify(fsync),
  syncData: promisify(fdatasync),
  close: (fd) => closeSync(fd),
  rename: (from, to) => renameSync(from, to),
  link: (from, to) => linkSync(from, to),
  unlink: (path) => unlinkSync(path),
  mkdir: (path, mode) => mkdirSync(path, { mode }),
  rmdir: (path) => rmdirSync(path),
  setTime: (path, mtime) => utimesSync(path, mtime / 1000, mtime / 1000),
  syncDirectory(path) {
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      fsyncSync(fd);
    } catch (error) {
      // Some file systems cannot sync a directory; the file itself is safe.
      if (!isErrno(error, 'EINVAL', 'ENOTSUP')) throw error;
    } finally {
      closeSync(fd);
    }
  },
  settle(path) {
    const device = blockDevice(lstatSync(path).dev);
    if (device === undefined) return;
    let fd: number;
    try {
      fd = openSync(device, constants.O_RDONLY);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENXIO', 'ENODEV', 'ENOMEDIUM', 'EACCES', 'EPERM')) return;
      throw error;
    }
    try {
      // A synced directory is in the journal; its blocks, and those of the inodes it names, are written to their own places whenever the kernel
      // likes, in any order. GRUB reads no journal: between two of them it sees the new name of a file that is still empty.
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
  look: (path) => lstatSync(path, { throwIfNoEntry: false }),
  names: (path) => readdirSync(path, 'buffer').map((name) => nameFromBytes(name)),
  read: (path) => readFileSync(path),
  room(path) {
    const { bavail, bsize, type } = statfsSync(path);
    return { free: bavail * bsize, isFat: FAT_TYPES.has(type) };
  },
};

/** The same for files that need not outlive a crash: nothing waits for the disk itself. */
export const UNSYNCED_DISK: Disk = { ...DISK, sync: async () => {}, syncData: async () => {}, syncDirectory: () => {} };

/** The device node of a device number (glibc's makedev), as the kernel itself names it; undefined where no such block device is known. */
function blockDevice(device: number): string | undefined {
  const number = BigInt(device);
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn);
  const minor = (number & 0xffn) | ((number >> 12n) & 0xffffff00n);
  try {
    const name = /^DEVNAME=(\S+)$/m.exec(readFileSync(`/sys/dev/block/${major}:${minor}/uevent`, 'utf8'))?.[1];
    return name === undefined ? undefined : `/dev/${name}`;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return undefined; // a file system without a device, or no /sys
    throw error;
  }
}

/** Whether a failure is a system call's with one of these codes. */
export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}
