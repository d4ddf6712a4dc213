// Changed archives: success, a fault or a KindlingError, never another throw; the tree stays within what the input can hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { bytesSource, concat } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { encodeWhole } from '../formats/newc/index.ts';
import { nodeDecoders } from '../node/codecs.ts';
import { trees } from '../tree/trees.fixture.ts';
import { inspect } from './decode.ts';
import { explain, reasonsOf } from './explain.ts';
import { checkArchive } from './index.ts';
import { bytesOf, planOf, sha256, treeOf } from './plans.fixture.ts';

const decoders = nodeDecoders();
const limits = { unpackedMost: 1 << 22, entriesMost: 1000 };
const edits = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 5 });

test('changed pieces of all sorts', () => {
  fc.assert(
    fc.property(trees, edits, fc.nat(5), (tree, changes, shape) => {
      const plain = encodeWhole(tree.entries);
      const [gz, zst] = [gzipSync(plain), zstdCompressSync(plain)];
      const bytes = concat([[plain], [gz], [zst], [plain, zst], [gz, new Uint8Array(4), zst], [zst, gz]][shape]!);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const archive = inspect(bytesSource(bytes), { decoders, limits });
      assert.ok(archive.tree.entries.length <= 1000);
      checkArchive(bytesSource(bytes), { decoders, limits }, sha256);
    }),
    { seed: 20261121, numRuns: 300 },
  );
});

test('changed reasons', async () => {
  const bytes = await bytesOf(planOf(treeOf('file 0644 0 0 0 a data=', 'file 0644 0 0 0 b/c data=')));
  const from = Buffer.from(bytes).indexOf('kindling reasons');
  fc.assert(
    fc.property(edits, (changes) => {
      const copy = bytes.slice();
      for (const [at, value] of changes) copy[from + (at % 120)] = value;
      const { tree } = inspect(bytesSource(copy), { decoders, limits });
      try {
        for (const chain of explain('a', reasonsOf(tree))) assert.ok(chain.length < 10);
      } catch (error) {
        if (!(error instanceof KindlingError)) throw error;
      }
    }),
    { seed: 20261121, numRuns: 200 },
  );
});

test('reasons that go round in a circle end', () => {
  const reasons = new Map([
    ['a', [{ part: 'p', text: 'x', because: 'b' }]],
    ['b', [{ part: 'p', text: 'y', because: 'a' }]],
  ]);
  assert.deepEqual(
    explain('a', reasons).map((chain) => chain.map((link) => link.path)),
    [['a', 'b']],
  );
});
