// Property: anything we write we can read; any bytes at all give success or a KindlingError.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KindlingError } from '../errors.ts';
import { encodeLz4, LZ4_LEVELS, pureDecoders } from './index.ts';
import { decoderOf, vectors } from './testdata/vectors.ts';

const SEED = 20261121;
const LIMIT = 1024 * 1024;

/** Bytes that compress: pieces of noise, runs and repeats. */
const compressible = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(fc.nat(255), fc.nat(700)).map(([byte, count]) => new Uint8Array(count).fill(byte)),
    ),
    {
      maxLength: 12,
    },
  )
  .map((pieces) => Uint8Array.from([...pieces, ...pieces.slice(0, 3)].flatMap((piece) => [...piece])));

test('lz4: what is written is read again, at every level', () => {
  const levels = fc.integer({ min: LZ4_LEVELS.least, max: LZ4_LEVELS.most });
  const property = fc.property(compressible, levels, (plain, level) => {
    const packed = encodeLz4(plain, level);
    const { bytes, consumed } = decoderOf(pureDecoders, packed).decode(packed, LIMIT);
    assert.deepEqual(bytes, plain);
    assert.equal(consumed, packed.length);
  });
  fc.assert(property, { seed: SEED, numRuns: 150 });
});

test('mutated bytes give success or a KindlingError, and never more than the limit', () => {
  const changes = fc.array(fc.tuple(fc.nat(5000), fc.nat(255)), { minLength: 1, maxLength: 8 });
  const property = fc.property(fc.constantFrom(...vectors), changes, fc.nat(5000), (vector, edits, cutAt) => {
    const damaged = vector.packed.slice(0, cutAt % 3 === 0 ? cutAt % vector.packed.length : undefined);
    for (const [at, byte] of edits) if (damaged.length > 0) damaged[at % damaged.length] = byte;
    try {
      const { bytes, consumed } = decoderOf(pureDecoders, vector.packed).decode(damaged, LIMIT);
      assert.ok(bytes.length <= LIMIT && consumed <= damaged.length);
    } catch (error) {
      if (!(error instanceof KindlingError)) throw error;
      assert.ok((error.where.offset ?? 0) <= damaged.length + 5, `offset ${error.where.offset} of ${damaged.length}`);
    }
  });
  fc.assert(property, { seed: SEED, numRuns: 4000 });
});

test('noise after a magic number gives success or a KindlingError', () => {
  const heads = fc.constantFrom(...vectors.map(({ packed }) => packed.subarray(0, 12)));
  const property = fc.property(heads, fc.uint8Array({ maxLength: 300 }), (head, noise) => {
    try {
      decoderOf(pureDecoders, head).decode(Uint8Array.from([...head, ...noise]), LIMIT);
    } catch (error) {
      if (!(error instanceof KindlingError)) throw error;
    }
  });
  fc.assert(property, { seed: SEED, numRuns: 2000 });
});
