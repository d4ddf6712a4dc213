// The texts of `kindling --help` and `kindling VERB --help`, made from the tables.
import { COMMON_OPTIONS } from './options.ts';
import type { OptionTable, Verb } from './verb.ts';

/** A verb in the list of verbs. */
export interface VerbLine {
  readonly name: string;
  readonly summary: string;
}

/** Rows of a name and its text, the text wrapped in a column of its own. */
export function twoColumns(rows: readonly (readonly [string, string])[], columns: number, indent = 2): string {
  const widest = Math.max(0, ...rows.map(([left]) => left.length));
  const left = Math.min(widest, 30);
  const at = indent + left + 2;
  const lines: string[] = [];
  for (const [name, text] of rows) {
    const wrapped = wrap(text, Math.max(20, columns - at));
    const first = `${' '.repeat(indent)}${name.padEnd(left)}`;
    if (name.length > left) lines.push(first, ...wrapped.map((line) => ' '.repeat(at) + line));
    else lines.push(`${first}  ${wrapped[0] ?? ''}`.trimEnd(), ...wrapped.slice(1).map((line) => ' '.repeat(at) + line));
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Text broken at spaces into lines of at most `width` columns where words allow it. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

/** `build [OPTION]... [NAME]`, the first line of a verb's help. */
export function synopsis(verb: Pick<Verb, 'name' | 'positionals'>): string {
  const words = verb.positionals.map(({ name, required, repeated }) => {
    const word = repeated === true ? `${name}...` : name;
    return required ? word : `[${word}]`;
  });
  return ['kindling', verb.name, '[OPTION]...', ...words].join(' ');
}

/** Left and right column of an option list. */
export function optionRows(table: OptionTable): [string, string][] {
  return Object.entries(table).map(([name, spec]) => {
    const short = spec.short === undefined ? '    ' : `-${spec.short}, `;
    const value = spec.value === undefined ? '' : ` ${spec.value}`;
    const more = [
      spec.choices === undefined || spec.value === spec.choices.join('|') ? undefined : `one of ${spec.choices.join(', ')}`,
      spec.multiple === true ? 'may be given several times' : undefined,
      spec.default === undefined ? undefined : `default: ${spec.default}`,
    ].filter((text) => text !== undefined);
    return [`${short}--${name}${value}`, more.length === 0 ? spec.summary : `${spec.summary} (${more.join('; ')})`];
  });
}

/** The help of one verb. */
export function verbHelp(verb: Verb, columns: number): string {
  const width = Math.min(Math.max(columns, 40), 110);
  const parts = [`${synopsis(verb)}\n`, `\n${wrap(sentence(verb.summary), width).join('\n')}\n`];
  for (const paragraph of verb.description ?? []) parts.push(`\n${wrap(paragraph, width).join('\n')}\n`);
  if (verb.positionals.length > 0) {
    parts.push(
      `\nArguments:\n${twoColumns(
        verb.positionals.map(({ name, summary }) => [name, summary]),
        width,
      )}`,
    );
  }
  parts.push(`\nOptions:\n${twoColumns(optionRows({ ...verb.options, ...COMMON_OPTIONS }), width)}`);
  if (verb.examples !== undefined) {
    parts.push(`\nExamples:\n${verb.examples.map(({ command, does }) => `  ${command}\n      ${does}\n`).join('')}`);
  }
  return parts.join('');
}

/** The help of the program. */
export function programHelp(verbs: readonly VerbLine[], columns: number): string {
  const width = Math.min(Math.max(columns, 40), 110);
  return [
    'kindling VERB [OPTION]... [ARGUMENT]...\n',
    '\nPlans, builds, checks, explains and boots boot archives (initramfs images).\n',
    `\nVerbs:\n${twoColumns(
      verbs.map(({ name, summary }) => [name, summary]),
      width,
    )}`,
    `\nOptions of every verb:\n${twoColumns([...optionRows(COMMON_OPTIONS), ['    --version', 'print the version (without a verb)']], width)}`,
    '\nExit: 0 done, or yes; 1 the answer is no; 2 wrong usage; 3 bad input; 4 the environment lacks something;\n128+n after signal n.\n',
  ].join('');
}

/** A summary as a sentence. */
export function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}${summary.endsWith('.') ? '' : '.'}`;
}
