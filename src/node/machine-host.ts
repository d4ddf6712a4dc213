// The MachineHost of a real computer: QEMU as a child process that can never outlive kindling.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { KindlingError } from '../errors.ts';
import type { Ending, MachineEnd, MachineHost, MachineListener, MachineSpec, RunningMachine } from '../machine/index.ts';
import { onInterrupt } from './cleanup.ts';
import { memoryCount } from './guest-memory.ts';

import { type Monitor, openMonitor } from './qemu-monitor.ts';
import { findTool } from './tools.ts';

const POLL_MS = 25;
const ASK_MS = 2000;
const TERM_MS = 3000;
const MESSAGES_MOST = 16_384;
// a guest that prints without end must not fill the disk: the console's file is cut off, a machine with such a report is ended
const CONSOLE_MOST = 64 << 20;
const REPORT_MOST = 64 << 20;

/** The real outside world. */
export function machineHost(): MachineHost {
  return {
    start,
    seconds: () => performance.now() / 1000,
    after(seconds, act) {
      const timer = setTimeout(act, seconds * 1000);
      return () => clearTimeout(timer);
    },
  };
}

async function start(spec: MachineSpec, qemu: readonly string[], consoleFile: string, listener: MachineListener): Promise<RunningMachine> {
  const [name = '', ...args] = qemu;
  const program = findTool(name);
  if (program === undefined) throw new KindlingError('NO_TOOL', `${name} is not installed`, { file: name });
  rmSync(spec.reportFile, { force: true });
  const log = boundedLog(consoleFile);
  // setpriv ties QEMU's life to ours even where we are killed outright; without it our own handlers must do
  const setpriv = findTool('setpriv');
  const child =
    setpriv === undefined
      ? spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
      : spawn(setpriv, ['--pdeathsig', 'KILL', '--', program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  await spawned(child, name);
  return follow(child, spec, log, listener);
}

function spawned(child: ChildProcess, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new KindlingError('IO', `${name} cannot be started: ${error.message}`, { file: name }, error)));
  });
}

function follow(child: ChildProcess, spec: MachineSpec, log: BoundedLog, listener: MachineListener): RunningMachine {
  const monitor = openMonitor(spec.monitorSocket);
  const memory = memoryCount(child.pid ?? 0);
  const report = fileTail(spec.reportFile, (bytes) => listener.report(bytes));
  let messages = '';
  let stopping = false;
  const killAtExit = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', killAtExit);
  const withdraw = onInterrupt(killAtExit);
  const poll = setInterval(() => {
    if (report.read() > REPORT_MOST) child.kill('SIGKILL');
    memory.read();
  }, POLL_MS);
  child.stdout?.on('data', (bytes: Uint8Array) => {
    log.write(bytes);
    report.read(); // what was reported before this console line comes first
    listener.console(bytes);
  });
  child.stderr?.on('data', (bytes: Uint8Array) => {
    messages = (messages + new TextDecoder().decode(bytes)).slice(0, MESSAGES_MOST);
  });
  const ended = new Promise<MachineEnd>((resolve) => {
    child.once('close', (status) => {
      clearInterval(poll);
      process.off('exit', killAtExit);
      withdraw();
      report.read();
      report.close();
      log.close();
      monitor.close();
      resolve({ ending: endingFrom(monitor.reason, stopping, child.signalCode), messages, status });
    });
  });
  return {
    touched: () => memory.read(),
    ended,
    stop() {
      stopping = true;
      return stop(child, monitor, ended);
    },
  };
}

function endingFrom(reason: string | undefined, stopping: boolean, signal: NodeJS.Signals | null): Ending {
  if (reason === 'guest-shutdown' || reason === 'guest-reset' || reason === 'guest-panic') return reason;
  if (signal === 'SIGKILL') return 'killed';
  return stopping || reason === 'host-qmp-quit' ? 'quit' : 'exit';
}

async function stop(child: ChildProcess, monitor: Monitor, ended: Promise<MachineEnd>): Promise<MachineEnd> {
  if (monitor.quit() && (await within(ended, ASK_MS))) return ended;
  child.kill('SIGTERM');
  if (!(await within(ended, TERM_MS))) child.kill('SIGKILL');
  return ended;
}

/** Whether it settles in time. */
async function within(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), milliseconds);
  const inTime = await Promise.race([promise.then(() => true), late.promise]);
  clearTimeout(timer);
  return inTime;
}

interface BoundedLog {
  write(bytes: Uint8Array): void;
  close(): void;
}

function boundedLog(path: string): BoundedLog {
  const descriptor = openSync(path, 'w', 0o644);
  let left = CONSOLE_MOST;
  return {
    write(bytes) {
      const kept = bytes.subarray(0, left);
      if (kept.length > 0) writeSync(descriptor, kept);
      left -= kept.length;
    },
    close: () => closeSync(descriptor),
  };
}

/** Hands on what is appended to a file that may not exist yet; `read` returns how much that was in all. */
function fileTail(path: string, take: (bytes: Uint8Array) => void): { read(): number; close(): void } {
  const buffer = new Uint8Array(65_536);
  let descriptor: number | undefined;
  let at = 0;
  return {
    read() {
      try {
        descriptor ??= openSync(path, 'r');
      } catch {
        return 0; // QEMU has not made it yet
      }
      while (at < fstatSync(descriptor).size) {
        const count = readSync(descriptor, buffer, 0, buffer.length, at);
        if (count === 0) break;
        at += count;
        take(buffer.slice(0, count));
      }
      return at;
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}
