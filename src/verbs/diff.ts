// diff: differences between two trees as text. `tree.diffTrees` finds them.
import { type Difference, type EntryFacts, escapeName } from '../tree/index.ts';

const SIGNS = { added: '+', removed: '-', changed: '~' } as const;

function show(facts: EntryFacts, field: keyof EntryFacts): string {
  const value = facts[field];
  if (value === undefined) return '-';
  if (field === 'mode') return facts.mode.toString(8).padStart(4, '0');
  if (field === 'sha256') return String(value).slice(0, 16);
  return typeof value === 'string' ? escapeName(value) : String(value);
}

function summary(facts: EntryFacts): string {
  const fields = (['kind', 'mode', 'size', 'target', 'device', 'sha256'] as const).filter((field) => facts[field] !== undefined);
  return fields.map((field) => (field === 'kind' ? facts.kind : `${field}=${show(facts, field)}`)).join(' ');
}

/** One difference as a line: `+` added, `-` removed, `~` changed with each field before and after. Digests are shortened to 16 digits. */
export function differenceLine(difference: Difference): string {
  const { path, change, fields, before, after } = difference;
  const head = `${SIGNS[change]} ${escapeName(path)}`;
  if (before !== undefined && after !== undefined) {
    return `${head} ${fields.map((field) => `${field}=${show(before, field)}>${show(after, field)}`).join(' ')}`;
  }
  const facts = before ?? after;
  return facts === undefined ? head : `${head} ${summary(facts)}`;
}
