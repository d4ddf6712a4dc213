// A directory as the root that install and uninstall change (verbs/install-disk.ts), confined to it by confined.ts. What changes it goes
// through Disk, which a test can stop at any call.
import { closeSync, constants, openSync, readlinkSync, readSync, type Stats, symlinkSync } from 'node:fs';
import { compareNames, nameFromBytes, nameToBytes } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { baseName, parentOf } from '../tree/index.ts';
import type { Found, InstallDisk } from '../verbs/install/disk.ts';
import { onInterrupt } from './cleanup.ts';
import { type Confined, openConfined } from './confined.ts';
import { runningSha256 } from './digest.ts';
import { DISK, type Disk, type DiskPath, isErrno } from './disk.ts';
import { errnoError, system } from './errno.ts';

/** A disk that makes symbolic links too. */
export interface LinkingDisk extends Disk {
  symlink(target: DiskPath, path: DiskPath): void;
}

/** The disk of this machine. */
export const LINKING_DISK: LinkingDisk = { ...DISK, symlink: (target, path) => symlinkSync(target, path) };

const PIECE_SIZE = 1 << 20;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The name under which a file is written before it gets its own: the same each time, so that a later run finds what a killed one left. */
function temporaryName(name: string): string {
  return `.${name}.kindling-new`;
}

function foundOf(stats: Stats, directory: Confined, name: string): Found {
  const common = { mode: stats.mode & 0o7777, size: stats.size };
  if (stats.isSymbolicLink()) return { kind: 'link', ...common, target: nameFromBytes(readlinkSync(directory.at(name), 'buffer')) };
  return { kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other', ...common };
}

function* piecesOf(fd: number): Generator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(PIECE_SIZE);
  for (let size = readSync(fd, buffer); size > 0; size = readSync(fd, buffer)) yield buffer.subarray(0, size);
}

function removeAt(disk: Disk, path: DiskPath): void {
  try {
    disk.unlink(path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

async function writeWhole(disk: Disk, path: DiskPath, pieces: Iterable<Uint8Array>, mode: number): Promise<void> {
  removeAt(disk, path);
  const fd = disk.create(path, 0o600);
  const withdraw = onInterrupt(() => removeAt(disk, path));
  try {
    for (const piece of pieces) {
      for (let done = 0; done < piece.length; ) done += disk.write(fd, piece, done, piece.length - done);
    }
    disk.chmod(fd, mode);
    await disk.sync(fd);
  } finally {
    withdraw();
    disk.close(fd);
  }
}

/** The root at a directory. Throws NO_ENTRY when there is none. */
export function installDisk(base: string, disk: LinkingDisk = LINKING_DISK): InstallDisk {
  if (system(() => disk.look(base), { file: base }) === undefined) {
    throw new KindlingError('NO_ENTRY', 'there is no such directory', { file: base });
  }
  const fileOf = (path: string): string => `${base.replace(/\/$/, '')}/${path}`;
  const missing = (path: string): KindlingError =>
    new KindlingError('NO_ENTRY', 'there is no such file or directory', { file: fileOf(path) });

  const opened = (path: string): Confined | undefined => {
    try {
      return openConfined(disk, base, path, false);
    } catch (error) {
      // A file where a directory could be: then nothing is below it.
      if (error instanceof KindlingError && error.code === 'UNSAFE_PATH') return undefined;
      throw error;
    }
  };
  /** Does something in a directory; `none` where that is missing. */
  const inside = <T>(path: string, work: (directory: Confined) => T, none: () => T): T => {
    const directory = opened(path);
    if (directory === undefined) return none();
    try {
      return system(() => work(directory), { file: fileOf(path) });
    } finally {
      directory.close();
    }
  };
  /** Does something with a name in its directory. */
  const inParent = <T>(path: string, work: (directory: Confined, name: string) => T, none: () => T): T =>
    inside(parentOf(path), (directory) => work(directory, baseName(path)), none);
  const inMust = <T>(path: string, work: (directory: Confined, name: string) => T): T =>
    inParent(path, work, () => {
      throw missing(path);
    });
  const withFile = <T>(path: string, work: (fd: number) => T): T =>
    inMust(path, (directory, name) => {
      const fd = openSync(directory.at(name), READ);
      try {
        return work(fd);
      } finally {
        closeSync(fd);
      }
    });

  const write = async (path: string, pieces: Iterable<Uint8Array>, mode: number): Promise<void> => {
    const directory = opened(parentOf(path));
    if (directory === undefined) throw missing(path);
    const temporary = directory.at(temporaryName(baseName(path)));
    try {
      await writeWhole(disk, temporary, pieces, mode);
      disk.rename(temporary, directory.at(baseName(path)));
      disk.syncDirectory(directory.self);
    } catch (error) {
      system(() => removeAt(disk, temporary), { file: fileOf(path) });
      throw errnoError(error, { file: fileOf(path) }) ?? error;
    } finally {
      directory.close();
    }
  };

  return {
    label: base,
    look: (path) =>
      inParent<Found | undefined>(
        path,
        (directory, name) => {
          const stats = disk.look(directory.at(name));
          return stats === undefined ? undefined : foundOf(stats, directory, name);
        },
        () => undefined,
      ),
    names: (path) =>
      inside(
        path,
        (directory) => disk.names(directory.self).sort(compareNames),
        () => [],
      ),
    read: (path, most) =>
      withFile(path, (fd) => {
        const pieces: Uint8Array[] = [];
        let size = 0;
        for (const piece of piecesOf(fd)) {
          size += piece.length;
          if (size > most) throw new KindlingError('LIMIT', `more than ${most} bytes`, { file: fileOf(path) });
          pieces.push(Uint8Array.from(piece));
        }
        return new Uint8Array(Buffer.concat(pieces));
      }),
    placeOf: (path) => inMust(path, (directory, name) => `${directory.label === '/' ? '' : directory.label}/${name}`),
    digest: (path) =>
      withFile(path, (fd) => {
        const running = runningSha256();
        for (const piece of piecesOf(fd)) running.update(piece);
        return running.finish();
      }),
    free: (path) =>
      inside(
        path,
        (directory) => disk.room(directory.self).free,
        () => {
          throw missing(path);
        },
      ),
    makeDirectory: (path) =>
      inMust(path, (directory, name) => {
        try {
          disk.mkdir(directory.at(name), 0o755);
        } catch (error) {
          if (!isErrno(error, 'EEXIST')) throw error;
        }
        disk.syncDirectory(directory.self);
      }),
    writeFile: (path, bytes, mode) => write(path, [bytes], mode),
    async copyFile(from, path, mode) {
      const fd = inMust(from, (directory, name) => openSync(directory.at(name), READ));
      try {
        await write(path, piecesOf(fd), mode);
      } finally {
        closeSync(fd);
      }
    },
    makeLink: (path, target) =>
      inMust(path, (directory, name) => {
        disk.symlink(Buffer.from(nameToBytes(target)), directory.at(name));
        disk.syncDirectory(directory.self);
      }),
    remove: (path) =>
      inParent(
        path,
        (directory, name) => {
          removeAt(disk, directory.at(temporaryName(name)));
          removeAt(disk, directory.at(name));
        },
        () => {},
      ),
    removeDirectory: (path) =>
      inParent(
        path,
        (directory, name) => {
          try {
            disk.rmdir(directory.at(name));
          } catch (error) {
            if (isErrno(error, 'ENOTEMPTY', 'EEXIST', 'EBUSY')) return false;
            if (!isErrno(error, 'ENOENT')) throw error;
          }
          return true;
        },
        () => true,
      ),
  };
}
