// Makes the World a verb runs in, and sees to it that a signal leaves nothing behind.
import { constants } from 'node:os';
import { KindlingError } from '../errors.ts';
import { runCleanups } from '../node/cleanup.ts';
import type { StreamOutput } from './output.ts';
import { makeProgress } from './progress.ts';
import { printable } from './report.ts';
import type { Parsed, Verb } from './verb.ts';
import type { World } from './world.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs a verb on the process's streams. `onBefore` is told what to call before anything is printed: it takes the progress line away. */
export async function runInWorld(
  verb: Verb,
  parsed: Parsed,
  out: StreamOutput,
  err: StreamOutput,
  onBefore: (before: () => void) => void,
): Promise<number> {
  const verbosity = parsed.flag('quiet') ? -1 : parsed.flag('verbose') ? 1 : 0;
  const interrupted = new AbortController();
  const progress = makeProgress({
    mode: verbosity < 0 ? 'off' : err.isTerminal && process.env.TERM !== 'dumb' ? 'redrawn' : verbosity > 0 ? 'plain' : 'off',
    columns: err.columns,
    // Not through `err`: its `before` takes the progress line away, which is this.
    write: (text) => process.stderr.write(text),
    now: () => performance.now(),
  });
  onBefore(progress.hide);
  const world = makeWorld(parsed, out, err, verbosity, progress, interrupted.signal);
  const onSignal = (name: NodeJS.Signals): void => {
    progress.clear();
    interrupted.abort();
    runCleanups();
    process.exit(128 + constants.signals[name]);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    const code = await verb.run(parsed, world);
    progress.clear();
    return code;
  } catch (error) {
    progress.hide();
    throw error;
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
    runCleanups();
  }
}

function makeWorld(
  parsed: Parsed,
  out: StreamOutput,
  err: StreamOutput,
  verbosity: -1 | 0 | 1,
  progress: World['progress'],
  signal: AbortSignal,
): World {
  const say = (text: string, least: -1 | 0 | 1): void => {
    if (verbosity < least) return;
    // Not awaited on purpose: messages are small and in order, and a lost message must not fail the work.
    err.line(text).catch(() => {});
  };
  return {
    out,
    err,
    env: process.env,
    now: () => Date.now(),
    sourceDateEpoch: sourceDateEpoch(process.env.SOURCE_DATE_EPOCH),
    json: parsed.flag('json'),
    verbosity,
    progress,
    signal,
    note: (text) => say(lines(text), 0),
    warn: (text) => say(`${err.style('yellow', 'warning:')} ${lines(text)}`, 0),
    detail: (text) => say(lines(text), 1),
    document: (value) => out.line(JSON.stringify(value, null, 2)),
  };
}

/** A message of the verb's own may have several lines; nothing else in it reaches the terminal raw. */
function lines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** SOURCE_DATE_EPOCH in seconds; undefined when unset or empty. Throws USAGE when it is no whole number (as reproducible-builds.org asks). */
export function sourceDateEpoch(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^[0-9]{1,12}$/.test(text)) throw new KindlingError('USAGE', `SOURCE_DATE_EPOCH is "${text}", expected seconds since 1970`);
  return Number(text);
}
