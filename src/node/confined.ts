// A directory of a root, reached so that nothing leads out of the root: each component is opened by itself, and a symbolic link is followed
// as the root would follow it when it is booted. What is done in it afterwards goes through the open directory, whatever happens to its path.
import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readlinkSync } from 'node:fs';
import { nameFromBytes, nameToBytes } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { type Disk, type DiskPath, isErrno } from './disk.ts';
import { system } from './errno.ts';

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;
const LINKS_MOST = 40;

/** An open directory below a root. */
export interface Confined {
  /** Its path for messages and for other programs, the root's own path in front. */
  readonly label: string;
  /** The number of its file system. */
  readonly device: number;
  /** The directory itself. */
  readonly self: DiskPath;
  /** A name in it. Throws BAD_NAME for what is no single name. */
  at(name: string): DiskPath;
  /** Opens a directory in it; a symbolic link is none. */
  enter(name: string): Confined;
  close(): void;
}

interface Step {
  readonly fd: number;
  readonly label: string;
}

/** Where a name in an open directory is. Without /proc, as in some chroots, only the path is left. */
function pathIn({ fd, label }: Step, name: string): Buffer {
  const open = `/proc/self/fd/${fd}`;
  return Buffer.from(nameToBytes(`${existsSync(open) ? open : label}/${name}`));
}

/**
 * Opens a directory of a root. `make` makes what is missing, with mode 0755; otherwise undefined says that it is not there.
 * Throws LINK_LOOP, and UNSAFE_PATH where something else than a directory is in the way.
 */
export function openConfined(disk: Disk, root: string, path: string, make: boolean): Confined | undefined {
  const steps: Step[] = [system(() => ({ fd: openSync(root, DIRECTORY), label: root === '/' ? '' : root }), { file: root })];
  let rest = path.split('/').filter((name) => name !== '');
  let linkCount = 0;
  try {
    while (rest.length > 0) {
      const name = rest[0]!;
      rest = rest.slice(1);
      const here = steps.at(-1)!;
      if (name === '.') continue;
      if (name === '..') {
        if (steps.length > 1) closeSync(steps.pop()!.fd);
        continue;
      }
      const label = `${here.label}/${name}`;
      const stats = system(() => lstatSync(pathIn(here, name), { throwIfNoEntry: false }), { file: label });
      if (stats?.isSymbolicLink() === true) {
        linkCount += 1;
        if (linkCount > LINKS_MOST)
          throw new KindlingError('LINK_LOOP', `more than ${LINKS_MOST} symbolic links on the way`, { file: label });
        const target = nameFromBytes(system(() => readlinkSync(pathIn(here, name), 'buffer'), { file: label }));
        if (target.startsWith('/')) for (const step of steps.splice(1)) closeSync(step.fd);
        rest = [...target.split('/').filter((part) => part !== ''), ...rest];
        continue;
      }
      if (stats === undefined) {
        if (!make) return closed(steps);
        system(() => makeDirectory(disk, pathIn(here, name)), { file: label });
        system(() => disk.syncDirectory(pathIn(here, '.')), { file: here.label });
      } else if (!stats.isDirectory()) {
        throw new KindlingError('UNSAFE_PATH', 'something else is where a directory must be', { file: label });
      }
      steps.push({ fd: system(() => openSync(pathIn(here, name), DIRECTORY | constants.O_NOFOLLOW), { file: label }), label });
    }
  } catch (error) {
    closed(steps);
    throw error;
  }
  const last = steps.pop()!;
  closed(steps);
  return confined(last);
}

function confined(step: Step): Confined {
  const at = (name: string): Buffer => {
    if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name))
      throw new KindlingError('BAD_NAME', `"${name}" is no name of a file`);
    return pathIn(step, name);
  };
  return {
    label: step.label === '' ? '/' : step.label,
    device: fstatSync(step.fd).dev,
    self: pathIn(step, '.'),
    at,
    enter(name) {
      const label = `${step.label}/${name}`;
      return confined({ fd: system(() => openSync(at(name), DIRECTORY | constants.O_NOFOLLOW), { file: label }), label });
    },
    close: () => closeSync(step.fd),
  };
}

function makeDirectory(disk: Disk, path: DiskPath): void {
  try {
    disk.mkdir(path, 0o755);
  } catch (error) {
    // Another run was faster.
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}

function closed(steps: readonly Step[]): undefined {
  for (const { fd } of steps) closeSync(fd);
  return undefined;
}
