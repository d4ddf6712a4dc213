// Differences between two trees. Hard links count as the file they name, times are not compared: the question is what is in them.
import { nameToBytes, readAll, type Sha256 } from '../bytes/index.ts';
import type { Entry, EntryKind, HardlinkEntry } from './entry.ts';
import { type SameBytes, sameContent } from './merge.ts';
import { comparePaths } from './names.ts';
import type { Tree } from './tree.ts';

/** What is compared of one entry, ready to print. */
export interface EntryFacts {
  readonly kind: Exclude<EntryKind, 'hardlink'>;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content (file) or target (symlink). */
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
  /** MAJOR:MINOR. */
  readonly device?: string;
}

/** One path that differs. `fields` names what changed. */
export interface Difference {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly fields: readonly (keyof EntryFacts)[];
  readonly before?: EntryFacts;
  readonly after?: EntryFacts;
}

/** What counts as a difference, and how content is compared. */
export interface DiffOptions {
  readonly sha256: Sha256;
  /** Whether uid and gid are compared. True unless told. */
  readonly owners?: boolean;
  /** Whether files that are only in one tree get their digest too, which reads them. True unless told. */
  readonly allDigests?: boolean;
  readonly sameBytes?: SameBytes;
}

type Plain = Exclude<Entry, HardlinkEntry>;

function plain(tree: Tree, path: string): Plain | undefined {
  const entry = tree.get(path);
  if (entry?.kind !== 'hardlink') return entry;
  const named = tree.get(entry.to);
  return named === undefined || named.kind === 'hardlink' ? undefined : { ...named, path };
}

function factsOf(entry: Plain, sha256: Sha256 | undefined): EntryFacts {
  const { kind, mode, uid, gid } = entry;
  const common = { kind, mode, uid, gid };
  switch (entry.kind) {
    case 'file':
      return { ...common, size: entry.content.size, ...(sha256 === undefined ? {} : { sha256: sha256(readAll(entry.content)) }) };
    case 'symlink':
      return { ...common, size: nameToBytes(entry.target).length, target: entry.target };
    case 'char':
    case 'block':
      return { ...common, device: `${entry.major}:${entry.minor}` };
    default:
      return common;
  }
}

function changedFields(a: Plain, b: Plain, owners: boolean, sameBytes: SameBytes | undefined): (keyof EntryFacts)[] {
  const [before, after] = [factsOf(a, undefined), factsOf(b, undefined)];
  const compared: (keyof EntryFacts)[] = ['kind', ...(a.kind === 'symlink' && b.kind === 'symlink' ? [] : (['mode'] as const))];
  if (owners) compared.push('uid', 'gid');
  compared.push('size', 'target', 'device');
  const fields = compared.filter((field) => before[field] !== after[field]);
  if (a.kind === 'file' && b.kind === 'file' && !sameContent(a.content, b.content, sameBytes)) fields.push('sha256');
  return fields;
}

/** All differences from `a` to `b`, in tree order. The root entries are not compared: many archives have none. Content is read where sizes are equal. */
export function diffTrees(a: Tree, b: Tree, options: DiffOptions): Difference[] {
  const paths = new Set([...a.entries, ...b.entries].map((entry) => entry.path));
  paths.delete('');
  const found: Difference[] = [];
  const ofLone = (options.allDigests ?? true) ? options.sha256 : undefined;
  for (const path of [...paths].sort(comparePaths)) {
    const [x, y] = [plain(a, path), plain(b, path)];
    if (x === undefined && y !== undefined) found.push({ path, change: 'added', fields: [], after: factsOf(y, ofLone) });
    else if (x !== undefined && y === undefined) found.push({ path, change: 'removed', fields: [], before: factsOf(x, ofLone) });
    else if (x !== undefined && y !== undefined) {
      const fields = changedFields(x, y, options.owners ?? true, options.sameBytes);
      if (fields.length === 0) continue;
      const sha256 = fields.includes('sha256') ? options.sha256 : undefined;
      found.push({ path, change: 'changed', fields, before: factsOf(x, sha256), after: factsOf(y, sha256) });
    }
  }
  return found;
}
