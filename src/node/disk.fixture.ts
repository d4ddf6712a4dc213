// A disk that stops, or fails, at a chosen operation: for tests of everything that has to survive that.
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { DISK, type Disk } from './disk.ts';

/** Thrown by a disk whose process was "killed": nothing reaches the disk any more, whatever cleans up on the way. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** What goes wrong, and when. Operations that change the disk are counted from 1; `reads` counts those that look at it too. */
export interface Trouble {
  readonly at: number;
  /** A system call's code, for an operation that fails; without it the process is killed before the operation. */
  readonly errno?: string;
  /** Whether all later operations of the kind fail too, as on a full disk. Only with `errno`. */
  readonly lasts?: boolean;
  readonly reads?: boolean;
  /** The power goes: what was written and not synced is lost. Only without `errno`. */
  readonly power?: boolean;
  /** Done before the operation, which then goes on as if nothing had happened. */
  readonly act?: () => void;
}

/** A disk with trouble ahead. */
export interface TroubledDisk extends Disk {
  /** Names of the operations so far, reads only where they count. */
  readonly operations: readonly string[];
}

interface Unsynced {
  /** A descriptor of our own. */
  readonly fd: number;
}

/** Operations that change a disk, by name. */
export const CHANGES = [
  'create',
  'write',
  'chmod',
  'sync',
  'syncData',
  'rename',
  'link',
  'unlink',
  'mkdir',
  'rmdir',
  'setTime',
  'syncDirectory',
  'settle',
] as const;
const READS = ['look', 'names', 'read', 'room'] as const;
// What a disk without room refuses; it still renames and removes.
const NEEDS_ROOM: ReadonlySet<string> = new Set(['create', 'write', 'mkdir', 'link', 'sync', 'syncData']);

function failure(code: string, operation: string): Error {
  return Object.assign(new Error(`${code}: ${operation}`), { code, syscall: operation, errno: -1 });
}

/** Wraps a disk. Syncing is only counted: a test's files need not survive the test. */
export function troubledDisk(trouble: Trouble = { at: Number.POSITIVE_INFINITY }, base: Partial<Disk> = {}): TroubledDisk {
  const real: Disk = { ...DISK, sync: async () => {}, syncData: async () => {}, syncDirectory: () => {}, settle: () => {}, ...base };
  const operations: string[] = [];
  const unsynced = new Map<number, Unsynced>();
  let dead = false;
  const die = (): never => {
    if (!dead && trouble.power === true) for (const { fd } of unsynced.values()) ftruncateSync(fd, 0);
    if (!dead) for (const { fd } of unsynced.values()) closeSync(fd);
    dead = true;
    throw new Killed();
  };
  const step = (operation: string): void => {
    if (dead) die();
    operations.push(operation);
    const isDue = trouble.lasts === true ? operations.length >= trouble.at : operations.length === trouble.at;
    if (!isDue) return;
    if (trouble.act !== undefined) trouble.act();
    else if (trouble.errno === undefined) die();
    else if (trouble.errno !== 'ENOSPC' || NEEDS_ROOM.has(operation)) throw failure(trouble.errno, operation);
  };
  const counted = <K extends keyof Disk>(name: K): Disk[K] => {
    const call = real[name] as (...args: unknown[]) => unknown;
    return ((...args: unknown[]) => {
      step(name);
      return call(...args);
    }) as Disk[K];
  };
  const synced = (fd: number): void => {
    const held = unsynced.get(fd);
    if (held !== undefined) closeSync(held.fd);
    unsynced.delete(fd);
  };
  const disk = { ...real, operations } as { -readonly [K in keyof TroubledDisk]: TroubledDisk[K] };
  Object.assign(disk, Object.fromEntries(CHANGES.map((name) => [name, counted(name)])));
  if (trouble.reads === true) Object.assign(disk, Object.fromEntries(READS.map((name) => [name, counted(name)])));
  disk.create = (path, mode) => {
    step('create');
    const fd = real.create(path, mode);
    if (trouble.power === true) unsynced.set(fd, { fd: openSync(path, 'r+') });
    return fd;
  };
  // Half of a piece may be all that gets there.
  disk.write = (fd, bytes, at, size, position) => {
    const halves = operations.length + 1 === trouble.at && size > 1;
    if (halves) real.write(fd, bytes, at, size >> 1, position);
    step('write');
    return real.write(fd, bytes, at, size, position);
  };
  disk.sync = async (fd) => {
    step('sync');
    await real.sync(fd);
    synced(fd);
  };
  // A process that is gone has no open files: closing changes nothing on the disk.
  disk.close = (fd) => real.close(fd);
  return disk;
}
