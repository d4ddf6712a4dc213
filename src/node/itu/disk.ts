// Files of a root, changed one by one and never outside it: every step goes through an open directory (safe-directory.ts), every change is a
// file written beside its place, synced and renamed, and every operation that changes something goes through an injected Disk.
import { lchownSync, lstatSync, readlinkSync, symlinkSync } from 'node:fs';
import { type ByteSource, bytesSource, nameFromBytes, nameToBytes } from '../../bytes/index.ts';
import type { ItuState } from '../../verbs/itu/journal.ts';
import { sha256 } from '../digest.ts';
import { DISK, type Disk, type DiskPath, isErrno } from '../disk.ts';
import { errnoError } from '../errno.ts';
import type { SafeDirectory } from '../safe-directory.ts';

/** A disk with the two operations that bundles need besides. */
export interface ItuDisk extends Disk {
  symlink(target: Buffer, path: DiskPath): void;
  /** Gives a file or link to somebody; the link itself, not what it leads to. */
  own(path: DiskPath, uid: number, gid: number): void;
}

/** The disk of this machine. */
export const ITU_DISK: ItuDisk = {
  ...DISK,
  symlink: (target, path) => symlinkSync(target, path),
  own: (path, uid, gid) => lchownSync(path, uid, gid),
};

const PIECE_SIZE = 1 << 20;

/** The name beside a file under which its successor is written; the same each time, so that one left by a killed process is found. */
export function temporaryName(name: string): string {
  return `.${name.slice(0, 60)}.${sha256(nameToBytes(name)).slice(0, 16)}.itu-new`;
}

/** Runs a change at a name; a failure says which file it was. */
async function at<T>(directory: SafeDirectory, name: string, change: () => T | Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    throw errnoError(error, { file: `${directory.label}/${name}` }) ?? error;
  }
}

/** Opens a directory below an open one, component by component; undefined where there is none. The caller closes it. */
export function enterPath(top: SafeDirectory, path: string): SafeDirectory | undefined {
  let open = top.enter('.');
  for (const name of path.split('/').filter((part) => part !== '')) {
    const found = open.look(name);
    if (found === undefined) {
      open.close();
      return undefined;
    }
    try {
      const next = open.enter(name);
      open.close();
      open = next;
    } catch (error) {
      open.close();
      throw error;
    }
  }
  return open;
}

/** Runs a piece of work in a directory below an open one; `absent` where the directory is not there. */
export async function inPath<T>(
  top: SafeDirectory,
  path: string,
  absent: T,
  work: (directory: SafeDirectory) => T | Promise<T>,
): Promise<T> {
  const directory = enterPath(top, path);
  if (directory === undefined) return absent;
  try {
    return await work(directory);
  } finally {
    directory.close();
  }
}

/** Makes a directory in an open one unless it is there. */
export async function makeDirectory(disk: ItuDisk, directory: SafeDirectory, name: string, mode: number): Promise<void> {
  await at(directory, name, () => {
    if (directory.look(name) !== undefined) return;
    disk.mkdir(directory.at(name), mode);
    const made = directory.enter(name);
    try {
      // The umask has no say: a driver that only root can find is no use to anybody.
      disk.chmod(made.fd, mode);
    } finally {
      made.close();
    }
    disk.syncDirectory(directory.at('.'));
  });
}

/** Takes a file or link away; nothing happens where there is none. */
export async function removeName(disk: ItuDisk, directory: SafeDirectory, name: string): Promise<void> {
  await at(directory, name, () => {
    if (directory.look(name) === undefined) return;
    disk.unlink(directory.at(name));
    disk.syncDirectory(directory.at('.'));
  });
}

/** Takes a directory away when it is empty; answers whether it is gone. */
export async function removeEmpty(disk: ItuDisk, directory: SafeDirectory, name: string): Promise<boolean> {
  return await at(directory, name, () => {
    const found = directory.look(name);
    if (found === undefined) return true;
    if (!found.isDirectory()) return false;
    try {
      disk.rmdir(directory.at(name));
    } catch (error) {
      if (isErrno(error, 'ENOTEMPTY', 'EEXIST', 'EBUSY')) return false;
      throw error;
    }
    disk.syncDirectory(directory.at('.'));
    return true;
  });
}

/** Takes a directory of kindling's own away with all that is in it. No link is followed. */
export async function removeAll(disk: ItuDisk, directory: SafeDirectory, name: string): Promise<void> {
  const found = directory.look(name);
  if (found === undefined) return;
  if (found.isDirectory()) {
    const inside = directory.enter(name);
    try {
      for (const child of disk.names(inside.at('.'))) await removeAll(disk, inside, child);
    } finally {
      inside.close();
    }
    await at(directory, name, () => disk.rmdir(directory.at(name)));
  } else await at(directory, name, () => disk.unlink(directory.at(name)));
}

/** What a file is to have besides its bytes; owner and time stay those of a new file unless told. */
export interface FileFacts {
  readonly mode: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Seconds since 1970. */
  readonly mtime?: number;
}

/** Puts a file at a name, whole or not at all, in place of a file or link that is there. */
export async function putFile(disk: ItuDisk, directory: SafeDirectory, name: string, content: ByteSource, facts: FileFacts): Promise<void> {
  const temporary = temporaryName(name);
  await at(directory, name, async () => {
    if (directory.look(temporary) !== undefined) disk.unlink(directory.at(temporary));
    const fd = disk.create(directory.at(temporary), 0o600);
    try {
      for (let from = 0; from < content.size; from += PIECE_SIZE) {
        const piece = content.read(from, Math.min(PIECE_SIZE, content.size - from));
        for (let done = 0; done < piece.length; ) done += disk.write(fd, piece, done, piece.length - done);
      }
      if (facts.owner !== undefined) disk.own(directory.at(temporary), facts.owner.uid, facts.owner.gid);
      disk.chmod(fd, facts.mode);
      await disk.sync(fd);
    } finally {
      disk.close(fd);
    }
    if (facts.mtime !== undefined) disk.setTime(directory.at(temporary), facts.mtime * 1000);
    disk.rename(directory.at(temporary), directory.at(name));
    disk.syncDirectory(directory.at('.'));
  });
}

/** Puts a symbolic link at a name in the same way. */
export async function putLink(
  disk: ItuDisk,
  directory: SafeDirectory,
  name: string,
  target: string,
  owner?: FileFacts['owner'],
): Promise<void> {
  const temporary = temporaryName(name);
  await at(directory, name, () => {
    if (directory.look(temporary) !== undefined) disk.unlink(directory.at(temporary));
    disk.symlink(Buffer.from(nameToBytes(target)), directory.at(temporary));
    if (owner !== undefined) disk.own(directory.at(temporary), owner.uid, owner.gid);
    disk.rename(directory.at(temporary), directory.at(name));
    disk.syncDirectory(directory.at('.'));
  });
}

/** What is at a name now, with the bytes of a file; undefined for anything but a file, a link or nothing. */
export async function stateAt(
  disk: ItuDisk,
  directory: SafeDirectory,
  name: string,
): Promise<{ readonly state: ItuState; readonly bytes: ByteSource | undefined } | undefined> {
  return await at(directory, name, () => {
    const found = directory.look(name);
    if (found === undefined) return { state: { kind: 'absent' }, bytes: undefined };
    const { uid, gid } = found;
    if (found.isSymbolicLink()) {
      const target = nameFromBytes(readlinkSync(directory.at(name), 'buffer'));
      return { state: { kind: 'link', uid, gid, target }, bytes: undefined };
    }
    if (!found.isFile()) return undefined;
    const bytes = disk.read(directory.at(name));
    const mtime = Math.floor(found.mtimeMs / 1000);
    return { state: { kind: 'file', mode: found.mode & 0o7777, uid, gid, mtime, sha256: sha256(bytes) }, bytes: bytesSource(bytes) };
  });
}

/** Whether a path is on the same file system as another: room is counted for each. */
export function deviceOf(directory: SafeDirectory): number {
  return lstatSync(directory.at('.')).dev;
}
