// The console: the kernel's own words for "this will not boot", and the text a person waits for.
// The command line is echoed on the console, so its words (`panic=-1`, the awaited text) must not be taken for events.
import { lineSplitter } from './lines.ts';

/** A failure that the kernel announced. */
export interface ConsoleFailure {
  readonly code: 'unpack' | 'memory' | 'panic' | 'no-init';
  /** The line that said so. */
  readonly text: string;
}

const FAILURES: readonly (readonly [RegExp, ConsoleFailure['code']])[] = [
  [/Initramfs unpacking failed/, 'unpack'],
  [/rootfs image is not initramfs/, 'unpack'],
  [/System is deadlocked on memory/, 'memory'],
  [/Kernel panic - not syncing/, 'panic'],
  [/No working init found/, 'no-init'],
];

const ECHO = /\b(?:Kernel )?command line: /i;

/** What a console line says about failure, if anything. */
export function failureIn(line: string): ConsoleFailure | undefined {
  if (ECHO.test(line)) return undefined;
  const found = FAILURES.find(([pattern]) => pattern.test(line));
  return found === undefined ? undefined : { code: found[1], text: line.trim() };
}

/** What a stretch of console brought. */
export interface ConsoleNews {
  readonly failure: ConsoleFailure | undefined;
  /** The awaited text was seen. */
  readonly seen: boolean;
}

/** Watches a console as it arrives. */
export interface ConsoleWatch {
  push(bytes: Uint8Array): ConsoleNews;
  /** The last lines, for a message. */
  tail(): readonly string[];
}

const TAIL_COUNT = 12;

/** A watch for failures and, when given, for `text` anywhere in a line (a prompt without a line end included). */
export function consoleWatch(text?: string): ConsoleWatch {
  const splitter = lineSplitter();
  let tail: string[] = [];
  const matches = (line: string): boolean => text !== undefined && !ECHO.test(line) && line.includes(text);
  return {
    push(bytes) {
      const lines = splitter.push(bytes);
      tail = [...tail, ...lines].slice(-TAIL_COUNT);
      let failure: ConsoleFailure | undefined;
      for (const line of lines) failure ??= failureIn(line);
      return { failure, seen: lines.some(matches) || matches(splitter.rest()) };
    },
    tail: () => (splitter.rest() === '' ? tail : [...tail, splitter.rest()]),
  };
}
