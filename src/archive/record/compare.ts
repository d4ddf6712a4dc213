// Is an archive still what its root would give? Every input of the record is looked at again: one lstat each, and only where that tells
// nothing the names, the target or the digest of the content decide. What is reported is true, and everything that is true is reported.
import { readAll, type Sha256 } from '../../bytes/index.ts';
import type { Root } from '../../plan/index.ts';
import { joinPath } from '../../tree/index.ts';
import { type ArchiveRecord, type InputRecord, isRacy, sameStat } from './record.ts';

/** One difference between the record and the root. */
export interface Change {
  /** Appeared, differs, or is no longer there. */
  readonly what: 'new' | 'changed' | 'gone';
  /** Relative to the root; for inputs that are not in it, what they are ("early userspace"), and `outside` is set. */
  readonly path: string;
  /** One clause a person can read. */
  readonly why: string;
  readonly packed: boolean;
  readonly safe: boolean;
  readonly outside?: true;
}

/** All differences, and the inputs with what the disk says now. */
export interface Comparison {
  /** Sorted by path. */
  readonly changes: readonly Change[];
  /** Inputs that are the same by their content but not by their stat; a record that has these is faster the next time. */
  readonly touched: readonly InputRecord[];
}

/** Compares a record with a root that was opened afresh: what it remembers must be younger than the record. */
export function compareInputs(record: ArchiveRecord, root: Root, sha256: Sha256): Comparison {
  const known = new Set(record.inputs.map(({ path }) => path));
  const changes = new Map<string, Change>();
  const touched: InputRecord[] = [];
  for (const input of record.inputs) {
    const stat = root.stat?.(input.path);
    if (stat !== undefined && input.stat !== undefined && sameStat(stat, input.stat) && !isRacy(input.stat, record.made)) {
      if ((root.kind?.(input.path) ?? root.entry(input.path)?.kind) === input.kind) continue;
    }
    const now = root.entry(input.path);
    const say = (what: Change['what'], path: string, why: string): void => {
      if (!changes.has(path)) changes.set(path, { what, path, why, packed: input.packed, safe: input.safe });
    };
    if (now === undefined) {
      if (input.kind !== 'absent') say('gone', input.path, `it was a ${input.kind}`);
      continue;
    }
    if (input.kind === 'absent') {
      say('new', input.path, 'nothing was there');
      continue;
    }
    if (now.kind !== input.kind) {
      say('changed', input.path, `it was a ${input.kind} and is a ${now.kind}`);
      continue;
    }
    if (now.kind !== 'symlink' && now.mode !== input.mode) {
      say('changed', input.path, `its mode was 0${input.mode.toString(8)} and is 0${now.mode.toString(8)}`);
      continue;
    }
    const before = changes.size;
    if (now.kind === 'symlink') {
      if (now.target !== input.target) say('changed', input.path, `it led to ${input.target} and leads to ${now.target}`);
    } else if (now.kind === 'directory') {
      if (input.names !== undefined) compareNames(input.path, input.names, root.names(input.path), known, say);
    } else if (now.kind === 'file' && input.content !== undefined) {
      if (input.stat !== undefined && now.content.size !== input.stat.size) {
        say('changed', input.path, `it had ${input.stat.size} bytes and has ${now.content.size}`);
      } else if (sha256(readAll(now.content)) !== input.content) say('changed', input.path, 'its content is another, of the same size');
    }
    if (changes.size === before && stat !== undefined) touched.push({ ...input, stat });
  }
  return { changes: [...changes.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)), touched };
}

/** A listing was used: each name that came or went is a difference of its own, unless the path is an input and speaks for itself. */
function compareNames(
  path: string,
  before: readonly string[],
  now: readonly string[],
  known: ReadonlySet<string>,
  say: (what: Change['what'], path: string, why: string) => void,
): void {
  const [had, has] = [new Set(before), new Set(now)];
  for (const name of now) {
    const child = joinPath(path, name);
    if (!had.has(name) && !known.has(child)) say('new', child, `in a directory whose names count`);
  }
  for (const name of before) {
    const child = joinPath(path, name);
    if (!has.has(name) && !known.has(child)) say('gone', child, `from a directory whose names count`);
  }
}

/** Compares what is not in the root: names with digests, as the record has them. */
export function compareOutside(record: ArchiveRecord, now: ArchiveRecord['outside']): Change[] {
  const common = { packed: false, safe: false, outside: true } as const;
  const after = new Map(now.map(({ name, digest }) => [name, digest]));
  const before = new Map(record.outside.map(({ name, digest }) => [name, digest]));
  const changes: Change[] = [];
  for (const [name, digest] of before) {
    if (!after.has(name)) changes.push({ what: 'gone', path: name, why: 'it does not count any more', ...common });
    else if (after.get(name) !== digest) changes.push({ what: 'changed', path: name, why: 'it is another one', ...common });
  }
  for (const name of after.keys()) if (!before.has(name)) changes.push({ what: 'new', path: name, why: 'it did not count', ...common });
  return changes;
}
