// Bundles that are too large for their file system: what they are cut into fits, in order, and is the same root when it is stacked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ByteSource, bytesSource, utf8 } from '../bytes/index.ts';
import { compareBundleNames, cutTree, isOpaque, type NewBundle, opaque, parseBundleName, unionOf } from '../media/bundles/index.ts';
import type { BundleFile } from '../media/index.ts';
import { directory, type Entry, file, makeTree, printManifest, symlink, type Tree, withParents } from '../tree/index.ts';
import { FAT_FILE_MOST, fittingBundles } from './live-fit.ts';

const MOST = FAT_FILE_MOST;

/** So many bytes that nobody has. */
function sized(size: number): ByteSource {
  return { size, read: (_, count) => new Uint8Array(count) };
}

function sample(): Tree {
  const owned: Entry = { ...directory('home/me', 0o700), uid: 1000, gid: 1000, mtime: 5 };
  const hidden: Entry = opaque(directory('etc'));
  const files = Array.from({ length: 40 }, (_, index) => file(`usr/lib/f${index}`, sized(((index * 37) % 11) * 2 ** 27)));
  return makeTree(
    withParents([
      directory(''),
      owned,
      hidden,
      ...files,
      file('etc/hosts', bytesSource(utf8('x'))),
      file('etc/passwd', sized(2 ** 30)),
      file('home/me/big', sized(3 * 2 ** 30)),
      { kind: 'hardlink', path: 'srv/big', to: 'home/me/big', mode: 0o644, uid: 0, gid: 0, mtime: 0 },
      directory('var/empty'),
      symlink('vmlinuz', 'boot/vmlinuz'),
    ]),
  );
}

/** Content and 1000 bytes for each entry: no compression at all. */
const sizeOf = (tree: Tree): number =>
  tree.entries.reduce((sum, entry) => sum + 1000 + (entry.kind === 'file' ? entry.content.size : 0), 0);

async function made(tree: Tree, most: number | undefined): Promise<{ names: string[]; sizes: number[]; trees: Tree[] }> {
  const trees = new Map<string, Tree>();
  const make = async ({ name, tree: one }: NewBundle): Promise<BundleFile> => {
    trees.set(`${name}.sb`, one);
    return { name: `${name}.sb`, size: sizeOf(one), sha256: '', content: sized(0) };
  };
  const bundles = await fittingBundles({ name: '01-core', tree }, most, make);
  return {
    names: bundles.map(({ name }) => name),
    sizes: bundles.map(({ size }) => size),
    trees: bundles.map(({ name }) => trees.get(name)!),
  };
}

test('a bundle over 4 GiB becomes several that FAT32 holds, and the boot sees the same root', async () => {
  const tree = sample();
  const { names, sizes, trees } = await made(tree, MOST);
  assert.ok(names.length >= Math.ceil(sizeOf(tree) / MOST), names.join(' '));
  assert.ok(sizes.every((size) => size <= MOST));
  assert.deepEqual(names.toSorted(compareBundleNames), names, 'in the order of a boot');
  assert.ok(names.every((name) => parseBundleName(name)?.number === '1'));
  const { tree: seen } = unionOf(trees.map((one, index) => ({ name: names[index]!, tree: one })));
  const bare = makeTree(tree.entries.map((entry) => (entry.path === 'etc' ? { ...directory('etc'), mtime: entry.mtime } : entry)));
  assert.deepEqual(printManifest(seen), printManifest(bare));
  assert.equal(trees.filter((one) => isOpaque(one.get('etc') ?? directory('x'))).length, 1);
  assert.equal(trees.filter((one) => one.get('srv/big') !== undefined && one.get('home/me/big') !== undefined).length, 1);
});

test('what fits stays whole, and nothing is cut unless asked', async () => {
  const tree = sample();
  assert.deepEqual((await made(tree, undefined)).names, ['01-core.sb']);
  assert.deepEqual((await made(tree, sizeOf(tree))).names, ['01-core.sb']);
  assert.ok((await made(tree, sizeOf(tree) - 1)).names.length > 1);
});

test('a single file that does not fit is named, and so is what would take too many layers', async () => {
  const large = makeTree(withParents([directory(''), file('a', sized(10)), file('srv/disk.img', sized(MOST)), file('z', sized(10))]));
  await assert.rejects(made(large, MOST), { code: 'NOT_EXPRESSIBLE', where: { path: 'srv/disk.img', structure: '01-core-2.sb' } });
  const many = makeTree([directory(''), ...Array.from({ length: 600 }, (_, index) => file(`f${index}`, sized(4000)))]);
  await assert.rejects(made(many, 6999), { code: 'LIMIT' });
});

test('pieces of a tree without content, and of one file', () => {
  assert.equal(cutTree(makeTree([directory(''), directory('a')]), 4).length, 1);
  assert.equal(cutTree(makeTree([directory(''), file('a', sized(5))]), 4).length, 1);
});
