// The outside world as a verb sees it: everything a verb may touch is in here, so that a test can hand in another one.
import type { Progress } from './progress.ts';

/** A colour or weight that `Style` can give to text. */
export type StyleName = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan';

/** One of the two output streams. Writes are ordered and wait for a slow reader; a reader that went away ends the process quietly. */
export interface Output {
  readonly isTerminal: boolean;
  /** Width in columns; 80 when it is no terminal. */
  readonly columns: number;
  /** Text as UTF-8, bytes as they are. Await it: that is the back-pressure. Names from trees go through `nameToBytes` first. */
  write(chunk: string | Uint8Array): Promise<void>;
  /** Text and a newline. */
  line(text?: string): Promise<void>;
  /** The text in colour where this stream shows colours, otherwise unchanged. */
  style(name: StyleName, text: string): string;
}

/** What a verb runs in. */
export interface World {
  /** Data. */
  readonly out: Output;
  /** Messages and progress. */
  readonly err: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since 1970; only for what a person reads (durations, file names of logs), never for bytes of an output. */
  now(): number;
  /** SOURCE_DATE_EPOCH in seconds, undefined when it is not set. */
  readonly sourceDateEpoch: number | undefined;
  /** --json was given. */
  readonly json: boolean;
  /** -1 after -q, 1 after -v. */
  readonly verbosity: -1 | 0 | 1;
  /** Steps of long work, on standard error. */
  readonly progress: Progress;
  /** Aborted by SIGINT, SIGTERM or SIGHUP shortly before the process ends. */
  readonly signal: AbortSignal;
  /** A message on standard error, unless -q. */
  note(text: string): void;
  /** A message on standard error, starting with "warning:", unless -q. */
  warn(text: string): void;
  /** A message on standard error with -v. */
  detail(text: string): void;
  /** Prints one JSON document on standard output. */
  document(value: unknown): Promise<void>;
}
