// One suite over all formats that hold a tree: what goes in comes out, and what a format cannot hold is said before a byte is written.
// A format that cannot pass a case names the reason.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ByteSource, bytesSource, concat } from '../../src/bytes/index.ts';
import { KindlingError } from '../../src/errors.ts';
import { replay } from '../../src/formats/cpio/index.ts';
import { decode as decodeNewc, encode as encodeNewc, loses as newcLoses } from '../../src/formats/newc/index.ts';
import { decode as decodeOdc, encode as encodeOdc, loses as odcLoses } from '../../src/formats/odc/index.ts';
import { decode as decodeTar, encode as encodeTar, loses as tarLoses } from '../../src/formats/tar/index.ts';
import {
  device,
  directory,
  type Entry,
  file,
  type Loses,
  lossesOf,
  makeTree,
  printManifest,
  symlink,
  type Tree,
} from '../../src/tree/index.ts';
import { normal, trees } from '../../src/tree/trees.fixture.ts';

interface TreeFormat {
  readonly name: string;
  readonly loses: Loses;
  /** Why the mode of a symbolic link does not come back, where it does not. */
  readonly linkModes?: string;
  encode(tree: Tree): Iterable<Uint8Array>;
  /** Throws KindlingError for what is damaged. */
  decode(source: ByteSource): Tree;
}

function cpioTree(archive: ReturnType<typeof decodeNewc>): Tree {
  if (archive.fault !== undefined) throw archive.fault;
  const root = replay();
  for (const record of archive.records) root.add(record);
  return root.tree();
}

const FORMATS: readonly TreeFormat[] = [
  { name: 'newc', loses: newcLoses, encode: (tree) => encodeNewc(tree.entries), decode: (source) => cpioTree(decodeNewc(source)) },
  { name: 'odc', loses: odcLoses, encode: (tree) => encodeOdc(tree.entries), decode: (source) => cpioTree(decodeOdc(source)) },
  {
    name: 'tar',
    loses: tarLoses,
    linkModes: 'tar programs write any mode for links, so readers take 0777, which Linux shows',
    encode: (tree) => encodeTar(tree),
    decode: (source) => decodeTar(source),
  },
];

const bytesOf = (format: TreeFormat, tree: Tree): Uint8Array => concat([...format.encode(tree)]);
const expected = (format: TreeFormat, tree: Tree): Tree => {
  if (format.linkModes === undefined) return normal(tree);
  return makeTree(normal(tree).entries.map((entry) => (entry.kind === 'symlink' ? { ...entry, mode: 0o777 } : entry)));
};
const text = (tree: Tree): string => printManifest(tree, { data: true });
const holds = (format: TreeFormat, entries: readonly Entry[]): boolean =>
  lossesOf(entries, format.loses).every(({ severity }) => severity !== 'error');

const CASES: readonly { readonly title: string; readonly entries: readonly Entry[] }[] = [
  { title: 'an empty tree', entries: [] },
  { title: 'a root entry with its own mode', entries: [directory('', 0o750)] },
  { title: 'modes with set-uid, set-gid and sticky', entries: [file('a', bytesSource(Uint8Array.of(1)), 0o6755), directory('b', 0o1777)] },
  { title: 'names that are no UTF-8', entries: [directory('\udcff\udc80'), file('\udcff\udc80/\udcc3', bytesSource(new Uint8Array(5)))] },
  { title: 'names with newlines, spaces and backslashes', entries: [file('a b\n\\c', bytesSource(new Uint8Array(0)))] },
  { title: 'a name of 255 bytes', entries: [file('n'.repeat(255), bytesSource(new Uint8Array(3)))] },
  { title: 'a path of over 1000 bytes', entries: deep(12) },
  { title: 'a long link target', entries: [symlink('l', `/${'target/'.repeat(60)}x`)] },
  { title: 'device nodes', entries: [device('char', 'console', 5, 1), device('block', 'vda1', 254, 65)] },
  { title: 'a fifo', entries: [{ kind: 'fifo', path: 'f', mode: 0o600, uid: 0, gid: 0, mtime: 0 }] },
  {
    title: 'three names of one file',
    entries: [
      file('a', bytesSource(Uint8Array.of(1, 2, 3))),
      { kind: 'hardlink', path: 'b', to: 'a', mode: 0o644, uid: 0, gid: 0, mtime: 0 },
      { kind: 'hardlink', path: 'c', to: 'a', mode: 0o644, uid: 0, gid: 0, mtime: 0 },
    ],
  },
  { title: 'owners and times', entries: [{ ...file('a', bytesSource(new Uint8Array(1))), uid: 1000, gid: 100, mtime: 1_700_000_000 }] },
  {
    title: 'content of every small size',
    entries: Array.from({ length: 20 }, (_, size) => file(`f${size}`, bytesSource(new Uint8Array(size).fill(size)))),
  },
];

function deep(levels: number): Entry[] {
  const names = Array.from({ length: levels }, (_, level) => String.fromCharCode(97 + level).repeat(100));
  return names.map((_, level) => directory(names.slice(0, level + 1).join('/')));
}

for (const format of FORMATS) {
  for (const { title, entries } of CASES) {
    test(`${format.name}: ${title}`, () => {
      const tree = makeTree(entries);
      assert.ok(holds(format, tree.entries), 'the format declares a loss for a case all formats should hold');
      assert.equal(text(format.decode(bytesSource(bytesOf(format, tree)))), text(normal(tree)));
    });
  }

  test(`${format.name}: any tree it can hold comes back, and equal trees give equal bytes`, () => {
    fc.assert(
      fc.property(trees, (tree) => {
        fc.pre(holds(format, tree.entries));
        const bytes = bytesOf(format, tree);
        const back = format.decode(bytesSource(bytes));
        assert.equal(text(back), text(expected(format, tree)));
        assert.deepEqual(Buffer.from(bytesOf(format, tree)), Buffer.from(bytes));
      }),
      { seed: 20261121, numRuns: 100 },
    );
  });

  test(`${format.name}: what it cannot hold is refused before the first byte`, () => {
    const far = { ...file('a', bytesSource(new Uint8Array(1))), uid: 2 ** 40 };
    const tree = makeTree([far]);
    if (holds(format, tree.entries)) return;
    assert.throws(() => [...format.encode(tree)], { code: 'NOT_EXPRESSIBLE' });
  });

  test(`${format.name}: every cut of a small image is an error or a tree, and never another throw`, () => {
    const bytes = bytesOf(format, makeTree([directory('a'), file('a/b', bytesSource(new Uint8Array(700).fill(7))), symlink('c', 'a/b')]));
    for (let size = 0; size < bytes.length; size += 7) {
      try {
        format.decode(bytesSource(bytes.subarray(0, size)));
      } catch (error) {
        assert.ok(error instanceof KindlingError, `cut at ${size}: ${String(error)}`);
      }
    }
  });
}

test('a tree goes from any format to any other', () => {
  const tree = makeTree([
    directory('bin'),
    file('bin/sh', bytesSource(Uint8Array.of(1, 2)), 0o755),
    symlink('sh', 'bin/sh'),
    device('char', 'null', 1, 3),
  ]);
  for (const from of FORMATS) {
    for (const to of FORMATS) {
      const there = from.decode(bytesSource(bytesOf(from, tree)));
      assert.equal(text(to.decode(bytesSource(bytesOf(to, there)))), text(normal(tree)), `${from.name} to ${to.name}`);
    }
  }
});
