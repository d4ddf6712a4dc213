// Standard output and standard error as Outputs: ordered, with back-pressure, coloured only where a person looks.
import { styleText } from 'node:util';
import { KindlingError } from '../errors.ts';
import type { Output } from './world.ts';

/** What `streamOutput` needs of a Node stream. */
export interface WritableLike {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly destroyed: boolean;
  write(chunk: string | Uint8Array, done: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** Thrown by writes to a pipe that nobody reads any more; `main` ends quietly on it. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

/** Whether colours are shown: a terminal that is not "dumb", no --no-color, no NO_COLOR (any value but the empty one counts). */
export function showsColours(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>, noColor: boolean): boolean {
  if (noColor || (env.NO_COLOR !== undefined && env.NO_COLOR !== '')) return false;
  return isTerminal && env.TERM !== 'dumb';
}

/** An Output that can be waited for. */
export interface StreamOutput extends Output {
  /** Resolves when everything written has left the process; rejects with the first write that failed. */
  flush(): Promise<void>;
}

/** An Output over a stream. `name` is what messages call it; `before` runs before each write (to take a progress line away). */
export function streamOutput(stream: WritableLike, name: string, colours: boolean, before: () => void = () => {}): StreamOutput {
  let failed: Error | undefined;
  let pendingCount = 0;
  let waiting: (() => void)[] = [];
  // Without a listener an error would be thrown as uncaught as well; every write's callback reports it already.
  stream.on('error', (error) => {
    failed ??= outputError(error, name);
  });
  const settled = (error?: Error | null): void => {
    if (error !== undefined && error !== null) failed ??= outputError(error, name);
    pendingCount -= 1;
    if (pendingCount > 0 && failed === undefined) return;
    const wake = waiting;
    waiting = [];
    for (const resolve of wake) resolve();
  };
  const flush = async (): Promise<void> => {
    if (pendingCount > 0 && failed === undefined) await new Promise<void>((resolve) => waiting.push(resolve));
    if (failed !== undefined) throw failed;
  };
  const write = async (chunk: string | Uint8Array): Promise<void> => {
    if (failed !== undefined) throw failed;
    before();
    pendingCount += 1;
    // While the stream's buffer has room the writer goes on at once: many small lines stay cheap. `flush` catches what fails later.
    if (!stream.write(chunk, settled)) await flush();
  };
  return {
    isTerminal: stream.isTTY === true,
    columns: stream.columns ?? 80,
    write,
    flush,
    line: (text = '') => write(`${text}\n`),
    style: (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text),
  };
}

function outputError(error: Error, name: string): Error {
  const code = (error as { code?: unknown }).code;
  if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') return new ReaderGone(`${name} was closed`);
  if (code === 'ENOSPC') return new KindlingError('NO_SPACE', `${name}: no space left`, { file: name }, error);
  return new KindlingError('IO', `${name}: ${error.message}`, { file: name }, error);
}
