// The Linux kernel's command line (Documentation/admin-guide/kernel-parameters.rst; lib/cmdline.c next_arg): words, quotes, our defaults.
import { KindlingError } from '../errors.ts';
import type { Architecture } from './spec.ts';

/** One word of a kernel command line: `name` or `name=value`. */
export interface Word {
  readonly name: string;
  readonly value: string | undefined;
}

/** Splits a command line as the kernel does: blanks separate, a double quote starts or ends a stretch in which they do not. */
export function words(commandLine: string): readonly Word[] {
  const found: Word[] = [];
  let text = '';
  let quoted = false;
  for (const char of `${commandLine} `) {
    if (char === '"') quoted = !quoted;
    if (!quoted && /[\s]/.test(char)) {
      if (text !== '') found.push(wordOf(text));
      text = '';
    } else {
      text += char;
    }
  }
  if (text.trim() !== '') found.push(wordOf(text.slice(0, -1))); // an open quote: the kernel takes the rest as one word
  return found;
}

function wordOf(text: string): Word {
  const bare = text.startsWith('"') ? text.slice(1).replace(/"$/, '') : text;
  const equals = bare.indexOf('=');
  if (equals < 0) return { name: bare, value: undefined };
  return { name: bare.slice(0, equals), value: bare.slice(equals + 1).replace(/^"|"$/g, '') };
}

/** Value of the last word of this name; '' for a bare word, undefined when it is not there. */
export function lastValue(commandLine: string, name: string): string | undefined {
  const found = words(commandLine).findLast((word) => word.name === name);
  return found === undefined ? undefined : (found.value ?? '');
}

/** What the command line depends on besides the person's own words. */
export interface LineChoice {
  readonly architecture: Architecture;
  /** An emulated processor: its timer is checked in vain when the host is busy. */
  readonly emulated: boolean;
  /** Words of the person, put last so that they win. */
  readonly append: string;
}

/** Serial devices by architecture: the kernel's console and the report channel. */
export const SERIAL: Readonly<Record<Architecture, { readonly console: string; readonly report: string }>> = {
  x86_64: { console: 'ttyS0', report: 'ttyS1' },
  aarch64: { console: 'ttyAMA0', report: 'ttyS0' },
};

// COMMAND_LINE_SIZE of both architectures; the kernel cuts a longer one off without a word
const LINE_MOST = 2048;

/**
 * The command line of a boot in a machine: `console=`, `panic=-1` (a panic ends the machine at once), `no_timer_check` for an
 * emulated x86 ("IO-APIC + timer doesn't work!" otherwise, on a busy host) and `kindling.report=`, then the person's words.
 * A word of ours is left out when the person gives one of the same name, `console` excepted, of which there may be several.
 * Throws USAGE when it holds a line break or NUL, or is longer than the kernel keeps.
 */
export function commandLine(choice: LineChoice): string {
  const serial = SERIAL[choice.architecture];
  const own = [`console=${serial.console}`, 'panic=-1'];
  if (choice.emulated && choice.architecture === 'x86_64') own.push('no_timer_check');
  own.push(`kindling.report=${serial.report}`);
  const theirs = new Set(words(choice.append).map((word) => word.name));
  const kept = own.filter((word) => word.startsWith('console=') || !theirs.has(word.split('=')[0]!));
  const line = [...kept, choice.append.trim()].filter((word) => word !== '').join(' ');
  if (/[\0\n\r]/.test(line)) throw new KindlingError('USAGE', 'the kernel command line holds a line break or NUL');
  if (new TextEncoder().encode(line).length >= LINE_MOST) {
    throw new KindlingError('USAGE', `the kernel command line is ${line.length} characters long; the kernel keeps fewer than ${LINE_MOST}`);
  }
  return line;
}
