// A conversation with a machine in QEMU over its serial console: what it says is waited for, what a person would type is typed, and its power
// can be pulled. For boots that need hands: boot menus, prompts, packages being installed. Boots that only report use boot.ts.
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { findTool, tool } from '../tools.ts';
import { readable } from './talk-text.ts';

/** A machine that is being talked to. */
export interface Talk {
  /**
   * Waits until the console has said `what` after everything that was waited for before (or after `forget`), at most so many seconds, and
   * answers the readable text up to its end. Rejects with the last lines when it does not come, or when the machine ends first.
   */
  expect(what: string | RegExp, seconds: number): Promise<string>;
  /** Types a line. What has been said so far is no longer waited for. */
  say(line: string): void;
  /** Types keys as they are, without a line end. */
  keys(text: string): void;
  /** What has been said so far is no longer waited for. */
  forget(): void;
  /** Types a command, waits for `prompt` and answers what was said in between, without the echo. */
  ask(command: string, prompt: string | RegExp, seconds: number): Promise<string>;
  /** Pulls the power: QEMU is killed at once. Resolves when it is gone. */
  cut(): Promise<void>;
  /** Waits until the machine has gone off by itself; rejects after so many seconds. */
  off(seconds: number): Promise<void>;
  /** Everything said so far, as a person would have read it. */
  transcript(): string;
  /** Seconds since the start. */
  seconds(): number;
}

const TAIL_LINES = 30;
const POLL_MS = 20;
// a file that gets everything said as it is said, for somebody who watches a long test
const LIVE = process.env.KINDLING_TALK;

/** How a machine with a console to talk to is started: memory in MiB (512), disks in order (virtio), firmware's own boot unless `kernel` is given. */
export interface TalkMachine {
  readonly memory?: number;
  readonly disks?: readonly TalkDisk[];
  readonly kernel?: string;
  readonly archive?: string;
  /** Words of the kernel's command line beside `console=ttyS0`. */
  readonly append?: string;
  readonly processors?: number;
  /** Further words of QEMU's command line. */
  readonly words?: readonly string[];
}

/** A disk of such a machine. */
export interface TalkDisk {
  readonly file: string;
  /** What the guest writes stays in the file (default), goes to a file that vanishes, or cannot be written. */
  readonly writes?: 'kept' | 'dropped' | 'none';
  /** Every write and flush is also appended to this file, in the format of the kernel's dm-log-writes. */
  readonly log?: string;
}

const comma = (text: string): string => text.replaceAll(',', ',,');

function diskWords({ file, writes = 'kept', log }: TalkDisk, index: number): string[] {
  const id = `disk${index}`;
  const device = ['-device', `virtio-blk-pci,drive=${id}`];
  if (log === undefined) {
    const how = { kept: '', dropped: ',snapshot=on', none: ',read-only=on' }[writes];
    return ['-drive', `if=none,id=${id},file=${comma(file)},format=raw${how}`, ...device];
  }
  return [
    ...['-blockdev', `driver=file,node-name=${id}-file,filename=${comma(file)}`],
    ...['-blockdev', `driver=file,node-name=${id}-log,filename=${comma(log)}`],
    ...['-blockdev', `driver=raw,node-name=${id}-raw,file=${id}-file`],
    ...['-blockdev', `driver=blklogwrites,node-name=${id},file=${id}-raw,log=${id}-log,log-sector-size=512`],
    ...device,
  ];
}

/** The QEMU command line of such a machine: emulated always, its console on standard input and output, no network. */
export function machineWords(machine: TalkMachine): readonly string[] {
  const { kernel, archive, append = '', disks = [], words = [] } = machine;
  const direct = kernel === undefined ? [] : ['-kernel', kernel, '-append', `console=ttyS0 no_timer_check ${append}`.trim()];
  return [
    ...['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'pc,accel=tcg', '-cpu', 'max'],
    ...['-m', String(machine.memory ?? 512), '-smp', String(machine.processors ?? 1)],
    ...['-chardev', 'stdio,id=console,signal=off', '-device', 'isa-serial,chardev=console'],
    ...disks.flatMap(diskWords),
    ...direct,
    ...(archive === undefined ? [] : ['-initrd', archive]),
    ...words,
  ];
}

/** Where the words end in a text; -1 where they are not. */
function endOf(text: string, what: string | RegExp): number {
  if (typeof what === 'string') return text.includes(what) ? text.indexOf(what) + what.length : -1;
  const found = what.exec(text);
  return found === null ? -1 : found.index + found[0].length;
}

const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Starts QEMU (`machineWords`) and listens. */
export function start(qemu: readonly string[]): Talk {
  const [program = '', ...args] = qemu;
  const setpriv = findTool('setpriv');
  const words = setpriv === undefined ? [tool(program), ...args] : [setpriv, '--pdeathsig', 'KILL', '--', tool(program), ...args];
  const child = spawn(words[0]!, words.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
  children.add(child);
  const began = performance.now();
  const decoder = new TextDecoder();
  let said = ''; // as it came, terminal codes included
  let heardAt = 0;
  let gone = false;
  let messages = '';
  child.stdout.on('data', (bytes: Uint8Array) => {
    said += decoder.decode(bytes, { stream: true });
    if (LIVE !== undefined) appendFileSync(LIVE, bytes);
  });
  child.stderr.on('data', (bytes: Uint8Array) => {
    messages = (messages + new TextDecoder().decode(bytes)).slice(-4096);
  });
  child.stdin.on('error', () => undefined); // a machine that is off takes no keys; the next expect says so
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      gone = true;
      children.delete(child);
      resolve();
    });
    child.once('error', (error) => {
      gone = true;
      messages = error.message;
      resolve();
    });
  });

  const failure = (what: string): Error => {
    const tail = readable(said).split('\n').slice(-TAIL_LINES).join('\n');
    return new Error(`${what}${messages === '' ? '' : `\nqemu: ${messages.trim()}`}\n---- the console's last lines\n${tail}`);
  };
  const forget = (): void => {
    heardAt = said.length;
  };

  async function expect(what: string | RegExp, seconds: number): Promise<string> {
    const until = performance.now() + seconds * 1000;
    let looked = -1;
    for (;;) {
      if (said.length !== looked) {
        looked = said.length;
        const heard = (endAt: number): string => readable(said.slice(heardAt, endAt));
        if (endOf(heard(looked), what) >= 0) {
          // what came after the words waited for is kept for the next wait: the shortest stretch that has them ends here
          let least = heardAt;
          let most = looked;
          while (most - least > 1) {
            const middle = (least + most) >> 1;
            if (endOf(heard(middle), what) >= 0) most = middle;
            else least = middle;
          }
          const text = heard(most);
          heardAt = most;
          return text.slice(0, endOf(text, what));
        }
      }
      if (gone) throw failure(`the machine ended before it said ${what}`);
      if (performance.now() > until) throw failure(`the machine did not say ${what} within ${seconds} s`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  const keys = (text: string): void => {
    child.stdin.write(text);
  };
  const say = (line: string): void => {
    forget();
    keys(`${line}\r`);
  };
  return {
    expect,
    say,
    keys,
    forget,
    async ask(command, prompt, seconds) {
      say(command);
      const text = await expect(prompt, seconds);
      return text.slice(text.indexOf('\n') + 1, text.lastIndexOf('\n') + 1);
    },
    async cut() {
      child.kill('SIGKILL');
      await ended;
    },
    async off(seconds) {
      const timer = Promise.withResolvers<'late'>();
      const handle = setTimeout(() => timer.resolve('late'), seconds * 1000);
      const first = await Promise.race([ended, timer.promise]);
      clearTimeout(handle);
      if (first === 'late') throw failure(`the machine did not go off within ${seconds} s`);
    },
    transcript: () => readable(said),
    seconds: () => (performance.now() - began) / 1000,
  };
}
