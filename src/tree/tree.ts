// Tree: an immutable, validated set of entries in component order, parents before children, a subtree contiguous.
import { KindlingError } from '../errors.ts';
import { directory, type Entry } from './entry.ts';
import { checkPath, comparePaths, parentOf } from './names.ts';

/** The value that flows between rooms. */
export interface Tree {
  /** All entries in component order; the root entry (path "") first where there is one. */
  readonly entries: readonly Entry[];
  get(path: string): Entry | undefined;
  /** Direct children of a directory, in order. */
  children(path: string): readonly Entry[];
}

/**
 * Builds a tree. Throws BAD_NAME for an impossible path, CONFLICT for two entries at one path or a child of something that is no
 * directory, NO_ENTRY for a missing parent or a hard link to nothing.
 */
export function makeTree(unsorted: Iterable<Entry>): Tree {
  const entries = [...unsorted].sort((a, b) => comparePaths(a.path, b.path));
  const byPath = new Map<string, Entry>();
  const childrenOf = new Map<string, Entry[]>();
  for (const entry of entries) {
    checkPath(entry.path);
    if (byPath.has(entry.path)) throw new KindlingError('CONFLICT', `two entries at "${entry.path}"`, { path: entry.path });
    byPath.set(entry.path, entry);
    if (entry.path === '') {
      if (entry.kind !== 'directory') throw new KindlingError('CONFLICT', `the root is a ${entry.kind}, not a directory`, { path: '' });
      continue;
    }
    const parentPath = parentOf(entry.path);
    const parent = byPath.get(parentPath);
    if (parentPath !== '' && parent === undefined) {
      throw new KindlingError('NO_ENTRY', `"${entry.path}" has no parent directory entry`, { path: entry.path });
    }
    if (parent !== undefined && parent.kind !== 'directory') {
      throw new KindlingError('CONFLICT', `the parent of "${entry.path}" is a ${parent.kind}, not a directory`, { path: entry.path });
    }
    const siblings = childrenOf.get(parentPath);
    if (siblings === undefined) childrenOf.set(parentPath, [entry]);
    else siblings.push(entry);
  }
  for (const entry of entries) {
    if (entry.kind !== 'hardlink') continue;
    const named = byPath.get(entry.to);
    if (named === undefined)
      throw new KindlingError('NO_ENTRY', `hard link "${entry.path}" names "${entry.to}", which is not there`, { path: entry.path });
    if (named.kind === 'hardlink' || named.kind === 'directory') {
      throw new KindlingError('CONFLICT', `hard link "${entry.path}" names a ${named.kind}`, { path: entry.path });
    }
  }
  return { entries, get: (path) => byPath.get(path), children: (path) => childrenOf.get(path) ?? [] };
}

/** The entries plus a plain directory (0755, root) for every parent that is missing. */
export function withParents(entries: Iterable<Entry>): Entry[] {
  const byPath = new Map<string, Entry>();
  const all = [...entries];
  for (const entry of all) byPath.set(entry.path, entry);
  const added: Entry[] = [];
  for (const entry of all) {
    for (let path = parentOf(entry.path); path !== '' && !byPath.has(path); path = parentOf(path)) {
      const made = directory(path);
      byPath.set(path, made);
      added.push(made);
    }
  }
  return [...all, ...added];
}
