// The verbs there are. Each is imported when it is used and not before: start-up time is a promise.
import type { Verb } from './verb.ts';

/** A verb's line in the list, and how to get it. */
export interface VerbEntry {
  readonly name: string;
  /** The same text as the verb's own `summary` (a test compares them). */
  readonly summary: string;
  readonly load: () => Promise<Verb>;
}

// One line per verb, added when its module is there; in the order a person meets them.
export const VERBS: readonly VerbEntry[] = [
  {
    name: 'boot',
    summary: 'start a kernel with archives in QEMU and prove how far it gets',
    load: async () => (await import('./verbs/boot.ts')).boot,
  },
  {
    name: 'completion',
    summary: 'print completions for bash, zsh or fish',
    load: async () => (await import('./verbs/completion.ts')).completion,
  },
];
