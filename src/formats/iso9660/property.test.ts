// Any tree in any set of names, and what happens to images that are changed at random. The plain round trip is in test/conformance.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource, readAll } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { makeTree, type Tree } from '../../tree/index.ts';
import { trees } from '../../tree/trees.fixture.ts';
import { featureTree, imageOf, summary } from './discs.fixture.ts';
import { check, decode, encode } from './index.ts';

const plainOnly = (tree: Tree): Tree => {
  const kept = tree.entries.filter(({ kind }) => kind === 'directory' || kind === 'file');
  return makeTree(kept);
};
const contents = (tree: Tree): string[] =>
  tree.entries.flatMap((entry) => (entry.kind === 'file' ? [Buffer.from(readAll(entry.content)).toString('hex')] : [])).sort();

test('each set of names has every file, and path tables lead to every directory', () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const bytes = bytesSource(imageOf(tree, { joliet: true }));
      assert.deepEqual(check(bytes), []);
      assert.deepEqual(check(bytes, { names: 'joliet' }), []);
      const whole = decode(bytes).tree;
      const wide = decode(bytes, { names: 'joliet' }).tree;
      const plain = decode(bytes, { names: 'plain' }).tree;
      assert.equal(plain.entries.length, whole.entries.length);
      const files = whole.entries.flatMap((entry) => {
        const named = entry.kind === 'hardlink' ? whole.get(entry.to)! : entry;
        return named.kind === 'file' ? [Buffer.from(readAll(named.content)).toString('hex')] : [];
      });
      assert.deepEqual(contents(wide), files.sort());
    }),
    { seed: 20261121, numRuns: 60 },
  );
});

test('without Rock Ridge every file and directory is there, too', () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const given = plainOnly(tree);
      fc.pre(given.entries.every(({ path }) => path.split('/').length < 8));
      const back = decode(bytesSource(imageOf(given, { rockRidge: false }))).tree;
      assert.deepEqual(contents(back), contents(given));
      assert.equal(back.entries.length, given.entries.length + (given.get('') === undefined ? 1 : 0));
    }),
    { seed: 20261121, numRuns: 60 },
  );
});

test('an image that is changed anywhere is an error or a tree, soon and in little memory', () => {
  const image = imageOf(featureTree(20), { joliet: true });
  const metadataSize = 120_000;
  let refusedCount = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0x8000, max: metadataSize }), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
      (changes) => {
        const bytes = image.slice();
        for (const [at, value] of changes) bytes[at] = value;
        for (const names of ['rock-ridge', 'joliet', 'plain'] as const) {
          try {
            summary(decode(bytesSource(bytes), { names }).tree);
          } catch (error) {
            assert.ok(error instanceof KindlingError, String(error));
            refusedCount++;
          }
          check(bytesSource(bytes), { names });
        }
      },
    ),
    { seed: 20261121, numRuns: 50 },
  );
  assert.ok(refusedCount > 5, `only ${refusedCount} refused`);
});

test('equal trees and options give equal bytes, and the time is in them', () => {
  const options = { volumeId: 'SAME', time: 1_700_000_000, joliet: true, padding: 0 };
  const [one, two, other] = [options, options, { ...options, time: 1_700_000_001 }].map((each) =>
    Buffer.concat([...encode(featureTree(5), each).chunks()]),
  );
  assert.ok(one!.equals(two!));
  assert.ok(!one!.equals(other!));
  assert.equal(encode(featureTree(5), options).uuid, '2023-11-14-22-13-20-00');
});
