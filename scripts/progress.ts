// What a script says while it works: one line for each step with its seconds, on standard error.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { CLONE } from '../test/world/index.ts';

let startedAt = 0;

/** Starts the clock that `step` counts from. */
export function stepsBegin(): void {
  startedAt = performance.now();
}

/** One line on standard error. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** Does one step; says before what it is and after how long it took (and how long everything so far). */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const stepAt = performance.now();
  say(`\n▸ ${title}`);
  const result = await work();
  say(`  ${seconds(stepAt)}, ${seconds(startedAt)} in all`);
  return result;
}

/** How a verb ended, and what it printed as data. */
export interface VerbRun {
  readonly code: number;
  readonly stdout: string;
}

/** Runs a verb of the clone's own command line as a person would; its messages pass through. Data is shown too unless it is JSON. */
export function kindling(words: readonly string[]): Promise<VerbRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(CLONE, 'bin/kindling'), words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (!words.includes('--json')) process.stderr.write(chunk);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 128, stdout: Buffer.concat(chunks).toString('utf8') }));
  });
}
