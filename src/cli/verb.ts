// What a verb of the command line is, and how its arguments are read. Pure: no process, no files (design section 6).
import { parseArgs } from 'node:util';
import { KindlingError } from '../errors.ts';
import { COMMON_OPTIONS } from './options.ts';
import type { World } from './world.ts';

/** One option of a verb. Without `value` it is a flag; with it, `value` is the placeholder shown in help ("FILE"). */
export interface OptionSpec {
  readonly summary: string;
  readonly value?: string;
  /** One letter. */
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  /** The only values that are accepted. */
  readonly choices?: readonly string[];
  /** What holds when it is not given; for help and manual pages only. */
  readonly default?: string;
  /** Completed as a file name by shells. */
  readonly completes?: 'file' | 'directory';
}

/** Options by long name without dashes. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** One positional argument; `repeated` only on the last. */
export interface Positional {
  readonly name: string;
  readonly summary: string;
  readonly required: boolean;
  readonly repeated?: boolean;
}

/** A verb. `run` returns the exit code: 0 done or yes, 1 the answer is no; everything else is thrown as a KindlingError. */
export interface Verb {
  readonly name: string;
  /** One line, no full stop, for the list of verbs. */
  readonly summary: string;
  /** Paragraphs for `--help` and the manual page. */
  readonly description?: readonly string[];
  readonly positionals: readonly Positional[];
  readonly options: OptionTable;
  /** Command lines with what they do, for help and the manual page. */
  readonly examples?: readonly { readonly command: string; readonly does: string }[];
  /** A grammar of its own: never throws, and leaves what is wrong to `run`. */
  parse?(argv: readonly string[]): Parsed;
  run(parsed: Parsed, world: World): Promise<number>;
}

/** A command line that was understood. Asking for an option the verb did not declare throws INTERNAL. */
export interface Parsed {
  readonly positionals: readonly string[];
  flag(name: string): boolean;
  /** The (last) value, or undefined. */
  value(name: string): string | undefined;
  /** All values in the order given. */
  values(name: string): readonly string[];
  /** The value as a whole number; throws USAGE when it is none or out of bounds. */
  number(name: string, bounds?: { readonly least?: number; readonly most?: number }): number | undefined;
}

/** A USAGE error, for whatever `parse` cannot know (two options that exclude each other, say). */
export function usageError(message: string): KindlingError {
  return new KindlingError('USAGE', message);
}

/** Reads the arguments after the verb's name. Throws USAGE saying what is wrong. With --help nothing is required. */
export function parse(verb: Pick<Verb, 'name' | 'options' | 'positionals'>, argv: readonly string[]): Parsed {
  const table: OptionTable = { ...COMMON_OPTIONS, ...verb.options };
  const { tokens } = parseArgs({ args: [...argv], options: nodeOptions(table), strict: false, allowPositionals: true, tokens: true });
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const spec = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
    if (spec === undefined) throw usageError(`${verb.name}: unknown option ${token.rawName}${nearest(token.name, Object.keys(table))}`);
    const held = given.get(token.name) ?? [];
    held.push(checked(verb.name, token.rawName, spec, token.value, token.inlineValue));
    given.set(token.name, held);
    if (held.length > 1 && spec.value !== undefined && spec.multiple !== true)
      throw usageError(`${verb.name}: ${token.rawName} is given twice`);
  }
  if (!given.has('help')) checkPositionals(verb, positionals);
  return reader(verb.name, table, given, positionals);
}

function nodeOptions(table: OptionTable): Record<string, { type: 'string' | 'boolean'; multiple: boolean; short?: string }> {
  const options: Record<string, { type: 'string' | 'boolean'; multiple: boolean; short?: string }> = {};
  for (const [name, spec] of Object.entries(table)) {
    const type = spec.value === undefined ? 'boolean' : 'string';
    options[name] = spec.short === undefined ? { type, multiple: true } : { type, multiple: true, short: spec.short };
  }
  return options;
}

function checked(verb: string, rawName: string, spec: OptionSpec, value: string | undefined, inline: boolean | undefined): string {
  if (spec.value === undefined) {
    if (inline === true) throw usageError(`${verb}: ${rawName} takes no value`);
    return '';
  }
  if (value === undefined) throw usageError(`${verb}: ${rawName} needs a value (${spec.value})`);
  // "-o --json" is far more often a forgotten value than a file of that name, which "-o ./--json" or "--output=--json" can still say.
  if (inline !== true && value.length > 1 && value.startsWith('-')) {
    throw usageError(`${verb}: ${rawName} needs a value (${spec.value}), found the option ${value}; write ${rawName}=VALUE if it is meant`);
  }
  if (spec.choices !== undefined && !spec.choices.includes(value)) {
    throw usageError(`${verb}: ${rawName} is "${value}", expected one of ${spec.choices.join(', ')}`);
  }
  return value;
}

function checkPositionals(verb: Pick<Verb, 'name' | 'positionals'>, found: readonly string[]): void {
  const missing = verb.positionals.filter((positional) => positional.required)[found.length];
  if (missing !== undefined) throw usageError(`${verb.name}: ${missing.name} is missing (${missing.summary})`);
  const most = verb.positionals.at(-1)?.repeated === true ? Number.POSITIVE_INFINITY : verb.positionals.length;
  if (found.length > most) throw usageError(`${verb.name}: unexpected argument "${found[most]}"`);
}

function reader(verb: string, table: OptionTable, given: ReadonlyMap<string, readonly string[]>, positionals: readonly string[]): Parsed {
  const values = (name: string): readonly string[] => {
    if (!Object.hasOwn(table, name)) throw new KindlingError('INTERNAL', `${verb} has no option "${name}"`);
    return given.get(name) ?? [];
  };
  return {
    positionals,
    flag: (name) => values(name).length > 0,
    value: (name) => values(name).at(-1),
    values,
    number(name, bounds = {}) {
      const text = values(name).at(-1);
      if (text === undefined) return undefined;
      const { least = 0, most = Number.MAX_SAFE_INTEGER } = bounds;
      const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
      if (!(value >= least && value <= most)) {
        const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
        throw usageError(`${verb}: --${name} is "${text}", expected a whole number ${range}`);
      }
      return value;
    },
  };
}

/** `; did you mean --X?` where one of the names is close, otherwise nothing. */
export function nearest(name: string, names: readonly string[], prefix = '--'): string {
  const close = names
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ candidate, distance }) => distance <= (candidate.length < 4 ? 1 : 2))
    .sort((a, b) => a.distance - b.distance)[0];
  return close === undefined ? '' : `; did you mean ${prefix}${close.candidate}?`;
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 4) return 99;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
