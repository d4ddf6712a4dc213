// Differences through real images: written as a squashfs image, read again and laid over the first tree, they give the second.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource, readAll } from '../../bytes/index.ts';
import { decode } from '../../formats/squashfs/index.ts';
import { written } from '../../formats/squashfs/written.fixture.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { directory, type Entry, makeTree, printManifest, type Tree } from '../../tree/index.ts';
import { normal, trees } from '../../tree/trees.fixture.ts';
import { differenceLayer, unionOf } from './index.ts';

const SEED = 7;
const CASES = 12;
const decoders = nodeDecoders();

/** A tree that an image can hold and that has no whiteouts of its own. */
function real(one: Tree): Tree {
  const isMark = (entry: Entry | undefined) => entry?.kind === 'char' && entry.major + entry.minor === 0;
  const kept = one.entries.filter((entry) => entry.path !== '' && !isMark(entry.kind === 'hardlink' ? one.get(entry.to) : entry));
  const modes = kept.map((entry): Entry => (entry.kind === 'symlink' ? { ...entry, mode: 0o777 } : entry));
  return normal(makeTree([directory(''), ...modes]));
}

function text(one: Tree): string {
  const contents = one.entries.map((entry) => (entry.kind === 'file' ? Buffer.from(readAll(entry.content)).toString('hex') : ''));
  return `${printManifest(one)}${one.entries.map(({ mtime }) => mtime).join()}${contents.join()}`;
}

async function throughImage(one: Tree): Promise<Tree> {
  return decode(bytesSource(await written(one, { codec: 'zstd:1', threads: 0, blockSize: 4096 })), { decoders }).tree;
}

test('differences keep what they mean through images', async () => {
  for (const [a, b, shared] of fc.sample(fc.tuple(trees, trees, trees), { numRuns: CASES, seed: SEED })) {
    // what the two have in common is what the bundle has not to hold
    const both = (own: Tree): Tree => {
      const paths = new Map(real(shared).entries.map((entry) => [entry.path, entry]));
      const more = real(own).entries.filter((entry) => entry.kind !== 'hardlink' && entry.path !== '');
      for (const entry of more) {
        const parent = entry.path.slice(0, Math.max(0, entry.path.lastIndexOf('/')));
        if (!paths.has(entry.path) && paths.get(parent)?.kind === 'directory') paths.set(entry.path, entry);
      }
      return normal(makeTree(paths.values()));
    };
    const [lower, upper] = [both(a), both(b)];
    const layer = differenceLayer(lower, upper);
    assert.ok(layer.tree.entries.length <= lower.entries.length + upper.entries.length + 1);
    const stack = [
      { name: '01.sb', tree: await throughImage(lower) },
      { name: '02.sb', tree: await throughImage(layer.tree) },
    ];
    assert.equal(text(normal(unionOf(stack).tree)), text(upper));
  }
});
