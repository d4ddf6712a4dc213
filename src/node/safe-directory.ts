// Directories by descriptor: every step below a target goes through an open directory, never through a path that somebody could swap
// for a link meanwhile. Node has no openat; /proc/self/fd/N/NAME is the same thing on Linux.
import { closeSync, constants, existsSync, lstatSync, mkdirSync, openSync, type Stats } from 'node:fs';
import { nameToBytes } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { errnoError, system } from './errno.ts';

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** An open directory. */
export interface SafeDirectory {
  readonly fd: number;
  /** How messages call it. */
  readonly label: string;
  /** The path of one name in it, for system calls of this process. */
  at(name: string): Buffer;
  /** The same for another process of the same user. */
  outsideAt(name: string): string;
  /** lstat of a name, or undefined. */
  look(name: string): Stats | undefined;
  /** Opens a directory in it; UNSAFE_PATH when the name is a symbolic link. */
  enter(name: string): SafeDirectory;
  close(): void;
}

function wrap(fd: number, label: string): SafeDirectory {
  const at = (name: string): Buffer => Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), nameToBytes(name)]);
  const inside = (name: string): string => `${label}/${name}`;
  return {
    fd,
    label,
    at,
    outsideAt: (name) => `/proc/${process.pid}/fd/${fd}/${name}`,
    look: (name) => system(() => lstatSync(at(name), { throwIfNoEntry: false }), { file: inside(name) }),
    enter(name) {
      try {
        return wrap(openSync(at(name), DIRECTORY), inside(name));
      } catch (error) {
        const link = lstatSync(at(name), { throwIfNoEntry: false })?.isSymbolicLink() === true;
        if (link) {
          throw new KindlingError(
            'UNSAFE_PATH',
            'a symbolic link is where a directory must be; it is not followed',
            { file: inside(name) },
            error,
          );
        }
        throw errnoError(error, { file: inside(name) }) ?? error;
      }
    },
    close: () => closeSync(fd),
  };
}

/** Opens the target itself (links in its own path are the caller's wish and are followed), making the last directory when it is missing. */
export function openTarget(path: string): SafeDirectory {
  if (!existsSync('/proc/self/fd')) {
    throw new KindlingError('NO_TOOL', 'extracting needs /proc: without it no directory can be held safely', { file: path });
  }
  return system(
    () => {
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path);
      return wrap(openSync(path, constants.O_RDONLY | constants.O_DIRECTORY), path);
    },
    { file: path },
  );
}
