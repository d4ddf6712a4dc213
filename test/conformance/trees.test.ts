// One suite over all formats that hold a tree: what goes in comes out, and what a format cannot hold is said before a byte is written.
// A format that cannot pass a case names the reason.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ByteSource, bytesSource, concat } from '../../src/bytes/index.ts';
import { KindlingError } from '../../src/errors.ts';
import { replay } from '../../src/formats/cpio/index.ts';
import { decode as decodeIso, encode as encodeIso, loses as isoLoses } from '../../src/formats/iso9660/index.ts';
import { decode as decodeNewc, encode as encodeNewc, loses as newcLoses } from '../../src/formats/newc/index.ts';
import { decode as decodeOdc, encode as encodeOdc, loses as odcLoses } from '../../src/formats/odc/index.ts';
import {
  decode as decodeSquashfs,
  ENCODE_DEFAULTS,
  encode as encodeSquashfs,
  loses as squashfsLoses,
} from '../../src/formats/squashfs/index.ts';
import { collected, plainCompressor } from '../../src/formats/squashfs/plain.fixture.ts';
import { decode as decodeTar, encode as encodeTar, loses as tarLoses } from '../../src/formats/tar/index.ts';
import { nodeDecoders } from '../../src/node/codecs.ts';
import { sha256 } from '../../src/node/digest.ts';
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

const decoders = nodeDecoders();

interface TreeFormat {
  readonly name: string;
  readonly loses: Loses;
  /** Why a tree without a root entry comes back with one, where it does. */
  readonly addsRoot?: string;
  /** Why the mode of a symbolic link does not come back, where it does not. */
  readonly linkModes?: string;
  /** Cases that it declares a loss for, by title, each with why. */
  readonly cannot?: Readonly<Record<string, string>>;
  encode(tree: Tree): Iterable<Uint8Array> | Promise<Uint8Array>;
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
  {
    name: 'squashfs',
    loses: squashfsLoses,
    addsRoot: 'an image is a file system, and has a root directory',
    linkModes: 'some writers store modes of links, so readers take 0777, which Linux means',
    encode: (tree) => {
      const compressor = plainCompressor('zstd', ENCODE_DEFAULTS.blockSize);
      return collected(encodeSquashfs(tree, { ...ENCODE_DEFAULTS, compressor, sha256 }));
    },
    decode: (source) => decodeSquashfs(source, { decoders }).tree,
  },
  {
    name: 'iso9660',
    loses: isoLoses,
    addsRoot: 'an image is a file system, and has a root directory',
    linkModes: 'some writers store modes of links, so readers take 0777, which Linux means',
    cannot: { 'a name of 255 bytes': 'Linux reads no more than 253 bytes of a Rock Ridge name' },
    encode: (tree) => encodeIso(tree, { volumeId: 'TEST', time: 0, padding: 0 }).chunks(),
    decode: (source) => decodeIso(source).tree,
  },
];

async function bytesOf(format: TreeFormat, tree: Tree): Promise<Uint8Array> {
  const made = await format.encode(tree);
  return made instanceof Uint8Array ? made : concat([...made]);
}

/** The tree as the format gives it back. */
function expected(format: TreeFormat, tree: Tree): Tree {
  const { entries } = normal(tree);
  const root = format.addsRoot !== undefined && tree.get('') === undefined ? [directory('')] : [];
  const asLinux = (entry: Entry): Entry => (format.linkModes !== undefined && entry.kind === 'symlink' ? { ...entry, mode: 0o777 } : entry);
  // names of one file tell its metadata, a link's too
  const linked = normal(makeTree(tree.entries.map(asLinux))).entries;
  return makeTree([...root, ...(format.linkModes === undefined ? entries : linked)]);
}
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
    test(`${format.name}: ${title}`, async () => {
      const tree = makeTree(entries);
      if (format.cannot?.[title] !== undefined) {
        assert.ok(!holds(format, tree.entries), format.cannot[title]);
        await assert.rejects(bytesOf(format, tree), { code: 'NOT_EXPRESSIBLE' });
        return;
      }
      assert.ok(holds(format, tree.entries), 'the format declares a loss for a case all formats should hold');
      assert.equal(text(format.decode(bytesSource(await bytesOf(format, tree)))), text(expected(format, tree)));
    });
  }

  test(`${format.name}: any tree it can hold comes back, and equal trees give equal bytes`, async () => {
    await fc.assert(
      fc.asyncProperty(trees, async (tree) => {
        fc.pre(holds(format, tree.entries));
        const bytes = await bytesOf(format, tree);
        const back = format.decode(bytesSource(bytes));
        assert.equal(text(back), text(expected(format, tree)));
        assert.deepEqual(Buffer.from(await bytesOf(format, tree)), Buffer.from(bytes));
      }),
      { seed: 20261121, numRuns: 100 },
    );
  });

  test(`${format.name}: what it cannot hold is refused before the first byte`, async () => {
    const far = { ...file('a', bytesSource(new Uint8Array(1))), uid: 2 ** 40 };
    const tree = makeTree([far]);
    if (holds(format, tree.entries)) return;
    await assert.rejects(bytesOf(format, tree), { code: 'NOT_EXPRESSIBLE' });
  });

  test(`${format.name}: every cut of a small image is an error or a tree, and never another throw`, async () => {
    const bytes = await bytesOf(
      format,
      makeTree([directory('a'), file('a/b', bytesSource(new Uint8Array(700).fill(7))), symlink('c', 'a/b')]),
    );
    for (let size = 0; size < bytes.length; size += 7) {
      try {
        format.decode(bytesSource(bytes.subarray(0, size)));
      } catch (error) {
        assert.ok(error instanceof KindlingError, `cut at ${size}: ${String(error)}`);
      }
    }
  });
}

test('a tree goes from any format to any other', async () => {
  const tree = makeTree([
    directory('bin'),
    file('bin/sh', bytesSource(Uint8Array.of(1, 2)), 0o755),
    symlink('sh', 'bin/sh'),
    device('char', 'null', 1, 3),
  ]);
  for (const from of FORMATS) {
    for (const to of FORMATS) {
      const there = from.decode(bytesSource(await bytesOf(from, tree)));
      assert.equal(text(to.decode(bytesSource(await bytesOf(to, there)))), text(expected(to, there)), `${from.name} to ${to.name}`);
    }
  }
});
