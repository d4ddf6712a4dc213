// How a claim is measured: the same work by several contestants in turn (A B C, A B C, ...), so that a drifting machine hits all alike;
// medians and ratios are what is quoted. Cold means that the kernel's page cache is dropped before each run (only root can).
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';

/** One contestant of a race. `run` does the whole work once; `before` (not timed) undoes what the last run left. */
export interface Contestant {
  readonly name: string;
  run(): Promise<void>;
  before?(): void;
}

/** Seconds of wall time of each counted run, by contestant. */
export type Times = ReadonlyMap<string, readonly number[]>;

/** Whether this process may drop the page cache. */
export function canDropCaches(): boolean {
  return process.geteuid?.() === 0;
}

/** Forgets the page cache, so that the next reads come from the disk. Throws when not root. */
export function dropCaches(): void {
  writeFileSync('/proc/sys/vm/drop_caches', '3\n');
}

/** Runs all contestants `rounds` times in turn and answers each one's wall times in seconds. */
export async function race(contestants: readonly Contestant[], rounds: number, cold: boolean): Promise<Times> {
  const times = new Map<string, number[]>(contestants.map((contestant) => [contestant.name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) {
      contestant.before?.();
      if (cold) dropCaches();
      const start = process.hrtime.bigint();
      await contestant.run();
      times.get(contestant.name)!.push(Number(process.hrtime.bigint() - start) / 1e9);
    }
  }
  return times;
}

/** The middle value; of an even count the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs a command to its end with output to a log file; rejects with the log's name when it fails. */
export async function command(words: readonly string[], log: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const out = openSync(log, 'a');
  try {
    const child = spawn(words[0]!, words.slice(1), { stdio: ['ignore', out, out], env: { ...process.env, ...env } });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}; see ${log}`);
  } finally {
    closeSync(out);
  }
}

const LOOK_EVERY = 5; // ms

/** The most memory one process had resident, in bytes: the kernel's own high-water mark, read until it ends. For commands of one process. */
export async function peakMemory(words: readonly string[]): Promise<number> {
  const child = spawn(words[0]!, words.slice(1), { stdio: 'ignore' });
  let peak = 0;
  const look = (): void => {
    try {
      const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
      peak = Math.max(peak, Number(kib ?? 0) * 1024);
    } catch (error) {
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error; // it has ended
    }
  };
  const timer = setInterval(look, LOOK_EVERY);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  clearInterval(timer);
  if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}`);
  return peak;
}
