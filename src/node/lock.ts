// The lock of a root: one run at a time changes its archives. Node has no flock, so it is a file that names its holder, made whole or not at
// all (a link of a finished file). A holder that is no more (process gone, or its number used again, or another boot) is recognised; its lock
// is taken away by one process at a time, which announces itself first and looks whether another did: so no fresh lock is ever taken away.
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { nameFromBytes, utf8 } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { onInterrupt } from './cleanup.ts';
import type { Confined } from './confined.ts';
import { type Disk, type DiskPath, isErrno } from './disk.ts';
import { newFile, writeChunks } from './write.ts';

/** Who holds a lock. */
export interface Holder {
  readonly pid: number;
  /** When the process started, in ticks of its kernel; "-" where that is not known. */
  readonly start: string;
  /** Which boot of which machine; "-" where that is not known. */
  readonly boot: string;
  /** Whose process numbers these are. */
  readonly space: string;
}

/** This process, and what is known of others. A test has its own. */
export interface Processes {
  readonly self: Holder;
  isAlive(holder: Holder): boolean;
}

/** What can be told about waiting. */
export interface LockOptions {
  readonly processes?: Processes;
  /** Told once for each holder that is waited for. */
  readonly onWait?: (holder: Holder) => void;
  /** Ends the waiting with INTERRUPTED. */
  readonly signal?: AbortSignal;
  readonly pollTime?: number;
}

/** A held lock. */
export interface Lock {
  release(): void;
}

const NAME = 'lock';
const BREAKING = /^lock\.breaking\.(\d+)\.([0-9-]+)\.(.+)$/;
const TEMPORARY = /^\.lock\.\d+\.new$/;
const POLL_MS = 100;

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined; // no such process, or no /proc: both mean that nothing is known
  }
}

/** When a process started: field 22 of its stat line, behind the name in brackets, which may hold anything. */
function startOf(pid: number | 'self'): string {
  const line = text(`/proc/${pid}/stat`);
  return line?.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
}

function spaceOf(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  } catch {
    return '-';
  }
}

/** The processes of this machine. */
export function machineProcesses(): Processes {
  const boot = text('/proc/sys/kernel/random/boot_id')?.trim() ?? '-';
  const self: Holder = { pid: process.pid, start: startOf('self'), boot, space: spaceOf() };
  return {
    self,
    isAlive(holder) {
      if (holder.boot !== '-' && self.boot !== '-' && holder.boot !== self.boot) return false;
      // The numbers of another namespace say nothing here: it is given the benefit of the doubt.
      if (holder.space !== self.space) return true;
      if (existsSync('/proc/self/stat')) {
        const start = startOf(holder.pid);
        return start !== '-' && (holder.start === '-' || start === holder.start);
      }
      try {
        process.kill(holder.pid, 0);
        return true;
      } catch (error) {
        return isErrno(error, 'EPERM');
      }
    },
  };
}

function printed({ pid, start, boot, space }: Holder): string {
  return `${pid} ${start} ${boot} ${space}\n`;
}

function parsed(content: string): Holder | undefined {
  const found = /^(\d{1,10}) (\d+|-) (\S+) (\S+)\n$/.exec(content);
  return found === null ? undefined : { pid: Number(found[1]), start: found[2]!, boot: found[3]!, space: found[4]! };
}

/** Content of the lock; undefined when there is none. */
function contentOf(disk: Disk, path: DiskPath): string | undefined {
  try {
    return nameFromBytes(disk.read(path));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Waits for the lock of a directory and takes it; a signal gives it back. */
export async function takeLock(disk: Disk, directory: Confined, options: LockOptions = {}): Promise<Lock> {
  const processes = options.processes ?? machineProcesses();
  const path = directory.at(NAME);
  let waitedFor: string | undefined;
  for (let turn = 0; ; turn += 1) {
    if (await made(disk, directory, processes.self)) break;
    const content = contentOf(disk, path);
    if (content === undefined) continue;
    const holder = parsed(content);
    // One that cannot be read was never made like this: it is what a crash left of one.
    if (holder === undefined || !processes.isAlive(holder)) {
      takeAway(disk, directory, content, processes);
      if (contentOf(disk, path) === content) await sleep(5 + ((processes.self.pid * 7 + turn * 13) % 40));
      continue;
    }
    if (waitedFor !== content) options.onWait?.(holder);
    waitedFor = content;
    await sleep(options.pollTime ?? POLL_MS);
    if (options.signal?.aborted === true) {
      throw new KindlingError('INTERRUPTED', `a signal came while process ${holder.pid} was being waited for`, {
        file: `${directory.label}/${NAME}`,
      });
    }
  }
  let held = true;
  const release = (): void => {
    withdraw();
    if (held) {
      held = false;
      // Gone with its directory, perhaps.
      unlinked(disk, path);
    }
  };
  const withdraw = onInterrupt(release);
  for (const name of disk.names(directory.self)) if (TEMPORARY.test(name) && !isOwned(name, processes)) disk.unlink(directory.at(name));
  return { release };
}

function isOwned(name: string, { self, isAlive }: Processes): boolean {
  const pid = Number(name.split('.')[2]);
  return isAlive({ ...self, pid, start: '-' });
}

/** Makes the lock unless there is one. */
async function made(disk: Disk, directory: Confined, self: Holder): Promise<boolean> {
  const temporary = directory.at(`.${NAME}.${self.pid}.new`);
  if (disk.look(temporary) !== undefined) disk.unlink(temporary);
  const file = newFile(disk, temporary, 0o644);
  await file.fill((fd) => writeChunks(disk, fd, [utf8(printed(self))]), 0o644);
  try {
    disk.link(temporary, directory.at(NAME));
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    file.remove();
  }
}

/**
 * Takes a dead lock away. Whoever wants to do that first makes a file of its own name and then looks for others: of two, at least one sees
 * the other and steps back, so at most one is at the lock, and that one looks at it once more.
 */
function takeAway(disk: Disk, directory: Confined, content: string, { self, isAlive }: Processes): void {
  const mine = `${NAME}.breaking.${self.pid}.${self.start}.${self.boot}`;
  const flag = directory.at(mine);
  try {
    disk.close(disk.create(flag, 0o644));
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
  try {
    const others = disk.names(directory.self).filter((name) => name !== mine && BREAKING.test(name));
    for (const name of others) {
      const [, pid, start, boot] = BREAKING.exec(name)!;
      if (isAlive({ pid: Number(pid), start: start!, boot: boot!, space: self.space })) return;
      unlinked(disk, directory.at(name));
    }
    if (contentOf(disk, directory.at(NAME)) === content) disk.unlink(directory.at(NAME));
  } finally {
    unlinked(disk, flag);
  }
}

function unlinked(disk: Disk, path: DiskPath): void {
  try {
    disk.unlink(path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
