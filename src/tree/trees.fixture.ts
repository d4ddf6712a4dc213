// Arbitrary trees for property tests: any names that are legal, every kind of entry, hard links included.
import fc from 'fast-check';
import { bytesSource, nameFromBytes } from '../bytes/index.ts';
import { type Entry, joinPath, makeTree, pathFault, type Tree } from './index.ts';

const name = fc.oneof(
  fc.constantFrom('a', 'b', 'usr', 'lib', 'x y', 'é', 'a-b', '-', '...'),
  fc
    .uint8Array({ minLength: 1, maxLength: 8 })
    .map(nameFromBytes)
    .filter((text) => text !== '.' && !text.includes('/') && pathFault(text) === undefined),
);

const kind = fc.constantFrom('directory', 'directory', 'file', 'file', 'symlink', 'char', 'block', 'fifo', 'socket', 'hardlink');

interface Seed {
  readonly name: string;
  readonly kind: string;
  readonly at: number;
  readonly mode: number;
  readonly id: number;
  readonly mtime: number;
  readonly data: Uint8Array;
}

const seed: fc.Arbitrary<Seed> = fc.record({
  name,
  kind,
  at: fc.nat(1000),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  id: fc.integer({ min: 0, max: 0o777777 }),
  mtime: fc.integer({ min: 0, max: 0xffffffff }),
  data: fc.uint8Array({ maxLength: 40 }),
});

function entryFrom(item: Seed, directories: string[], files: string[]): Entry {
  const path = joinPath(directories[item.at % directories.length]!, item.name);
  const common = { path, mode: item.mode, uid: item.id, gid: item.id >> 1, mtime: item.mtime };
  const to = files[item.at % Math.max(1, files.length)];
  switch (item.kind) {
    case 'directory':
      return { ...common, kind: 'directory' };
    case 'symlink':
      return { ...common, kind: 'symlink', target: nameFromBytes(item.data.map((byte) => byte || 1)) || 'x' };
    case 'char':
    case 'block':
      return { ...common, kind: item.kind, major: item.id % 256, minor: item.at % 256 };
    case 'fifo':
    case 'socket':
      return { ...common, kind: item.kind };
    case 'hardlink':
      if (to !== undefined) return { ...common, kind: 'hardlink', to };
  }
  return { ...common, kind: 'file', content: bytesSource(item.data) };
}

/** A tree of up to about 25 entries. */
export const trees: fc.Arbitrary<Tree> = fc.array(seed, { maxLength: 25 }).map((seeds) => {
  const entries = new Map<string, Entry>();
  const directories = [''];
  const files: string[] = [];
  for (const item of seeds) {
    const entry = entryFrom(item, directories, files);
    if (entries.has(entry.path)) continue;
    entries.set(entry.path, entry);
    if (entry.kind === 'directory') directories.push(entry.path);
    if (entry.kind === 'file') files.push(entry.path);
  }
  return makeTree(entries.values());
});

/** The tree as a decoder gives it back: of several names of a file the first one is the file, and metadata is shared. */
export function normal(tree: Tree): Tree {
  const first = new Map<string, string>();
  for (const entry of tree.entries) {
    const to = entry.kind === 'hardlink' ? entry.to : entry.path;
    if (!first.has(to)) first.set(to, entry.path);
  }
  return makeTree(
    tree.entries.map((entry) => {
      const to = entry.kind === 'hardlink' ? entry.to : entry.path;
      const named = tree.get(to)!;
      if (first.get(to) === entry.path) return { ...named, path: entry.path };
      const { mode, uid, gid, mtime } = named;
      return { kind: 'hardlink' as const, path: entry.path, to: first.get(to)!, mode, uid, gid, mtime };
    }),
  );
}
