// Changed bytes end in a KindlingError or in a tree, never in another throw; check never throws. Over images of every kind of table.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { featureTree } from './features.fixture.ts';
import { check, decode } from './index.ts';
import { rawImage } from './raw.fixture.ts';
import { superblock } from './structs.ts';
import { written } from './written.fixture.ts';

const SEED = 20261121;
const RUNS = 250;
const decoders = nodeDecoders();
const tree = featureTree(4096, 60);
const IMAGES = [
  await rawImage(tree, { exportTable: true, fragments: 'always' }),
  await written(tree, { codec: 'gzip:1', blockSize: 4096 }),
  await written(tree, { codec: 'zstd:1', blockSize: 4096, exportTable: true }),
  await written(tree, { codec: 'lz4', blockSize: 8192 }),
];

function tryAll(bytes: Uint8Array): void {
  const source = bytesSource(bytes);
  const limits = { entries: 5000 };
  assert.ok(Array.isArray(check(source, { decoders, limits })));
  try {
    for (const entry of decode(source, { decoders, limits }).tree.entries) {
      if (entry.kind === 'file') entry.content.read(0, Math.min(entry.content.size, 100_000));
    }
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    assert.notEqual(error.code, 'INTERNAL');
  }
}

/** Where edits count: the superblock, and everything from the inodes on. */
function spot(image: Uint8Array, at: number, where: 'head' | 'tables' | 'anywhere'): number {
  const { inodeTableAt, bytesUsed } = superblock.decode(image);
  if (where === 'head') return at % superblock.size;
  if (where === 'anywhere') return at % image.length;
  return Number(inodeTableAt) + (at % (Number(bytesUsed) - Number(inodeTableAt)));
}

test('changed bytes give a tree or a KindlingError', () => {
  const value = fc.oneof(fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 }));
  const edit = fc.tuple(fc.nat(), value, fc.constantFrom('head' as const, 'tables' as const, 'tables' as const, 'anywhere' as const));
  fc.assert(
    fc.property(fc.constantFrom(0, 0, 0, 1, 2, 3), fc.array(edit, { minLength: 1, maxLength: 4 }), (which, edits) => {
      const bytes = IMAGES[which]!.slice();
      for (const [at, byte, where] of edits) bytes[spot(IMAGES[which]!, at, where)] = byte;
      tryAll(bytes);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test('cut images give a tree or a KindlingError', () => {
  fc.assert(
    fc.property(fc.nat(IMAGES.length - 1), fc.nat(), (which, cut) => {
      const bytes = IMAGES[which]!;
      tryAll(bytes.subarray(0, cut % bytes.length));
    }),
    { seed: SEED, numRuns: RUNS / 5 },
  );
});
