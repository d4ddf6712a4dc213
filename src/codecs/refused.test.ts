// Refused: input that is cut short, damaged, or unpacks to far more than anyone asked for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { KindlingError } from '../errors.ts';
import { type Decoder, encodeLz4, pureDecoders } from './index.ts';
import { generator, sample } from './testdata/sample.ts';
import { decoderOf, vectors } from './testdata/vectors.ts';

const MIB = 1024 * 1024;

for (const { command, name, packed, guarded } of vectors) {
  const decoder = decoderOf(pureDecoders, packed);

  test(`${command}: cut short anywhere`, () => {
    for (let size = 0; size < packed.length; size += size < 64 || size > packed.length - 64 ? 1 : 17) {
      // an lz4 stream has no end mark: cut after its magic, it is an empty one
      if (name === 'lz4' && size === 4) continue;
      assert.throws(() => decoder.decode(packed.subarray(0, size), MIB), { name: 'KindlingError', code: 'TRUNCATED' }, `${size} bytes`);
    }
  });

  test(`${command}: flipped bits`, () => {
    const plain = sample();
    const random = generator(packed.length);
    for (let turn = 0; turn < 200; turn++) {
      const damaged = packed.slice();
      const bit = turn < 100 ? turn : random() % (packed.length * 8);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      try {
        const { bytes } = decoder.decode(damaged, MIB);
        // a flip may hit what does not matter: a time, a name, the level
        if (guarded) assert.deepEqual(bytes, plain, `bit ${bit}`);
      } catch (error) {
        assert.ok(error instanceof KindlingError, `bit ${bit}: ${error}`);
        assert.notEqual(error.code, 'INTERNAL');
        assert.equal(typeof error.where.structure, 'string');
      }
    }
  });
}

/** Expects LIMIT, with little memory taken on the way. */
function assertStops(decoder: Decoder, packed: Uint8Array, limit: number): void {
  const before = process.resourceUsage().maxRSS;
  assert.throws(() => decoder.decode(packed, limit), { name: 'KindlingError', code: 'LIMIT' });
  const grown = process.resourceUsage().maxRSS - before;
  assert.ok(grown < 64 * 1024, `${decoder.name} took ${grown} KiB before it stopped at ${limit} bytes`);
}

function zstdBomb(stated: boolean): Uint8Array {
  const blockCount = 100_000;
  const frame = new Uint8Array(14 + blockCount * 4);
  const view = new DataView(frame.buffer);
  view.setUint32(0, 0xfd2fb528, true);
  frame[4] = stated ? 0xc0 : 0;
  frame[5] = 0x38; // a window of 128 KiB
  const blocksAt = stated ? 14 : 6;
  if (stated) view.setBigUint64(6, BigInt(blockCount) * 131072n, true);
  for (let block = 0; block < blockCount; block++)
    view.setUint32(blocksAt + block * 4, (131072 << 3) | 2 | (block === blockCount - 1 ? 1 : 0), true);
  return frame;
}

test('13 GB in 400 KB of zstd stop at the limit', () => {
  for (const stated of [true, false]) {
    const bomb = zstdBomb(stated);
    assertStops(decoderOf(pureDecoders, bomb), bomb, MIB);
  }
});

test('200 MB in 200 KB of gzip stop at the limit', () => {
  const bomb = gzipSync(new Uint8Array(200 * MIB), { level: 1 });
  assertStops(decoderOf(pureDecoders, bomb), new Uint8Array(bomb), MIB);
});

test('lz4 stops at the limit', () => {
  const bomb = encodeLz4(new Uint8Array(64 * MIB), 1);
  assertStops(decoderOf(pureDecoders, bomb), bomb, MIB);
});

test('an lzma file that states an absurd size takes no memory for it', () => {
  const packed = vectors.find(({ name }) => name === 'lzma')!.packed.slice();
  new DataView(packed.buffer).setBigUint64(5, 1n << 39n, true);
  const before = process.resourceUsage().maxRSS;
  assert.throws(() => decoderOf(pureDecoders, packed).decode(packed, 2 ** 40), { name: 'KindlingError' });
  assert.ok(process.resourceUsage().maxRSS - before < 64 * 1024);
});

test('endless input ends in an error', () => {
  const random = generator(7);
  for (const { command, packed } of vectors) {
    const decoder = decoderOf(pureDecoders, packed);
    for (const fill of [() => 0, () => 0xff, () => random() & 255]) {
      const endless = new Uint8Array(MIB);
      endless.set(packed.subarray(0, 60)); // past every header, into the first block
      for (let at = 60; at < endless.length; at++) endless[at] = fill();
      try {
        decoder.decode(endless, 16 * MIB);
        assert.ok(/lz4|lzma/.test(command), `${command} was taken for whole`);
      } catch (error) {
        assert.ok(error instanceof KindlingError, `${command}: ${error}`);
      }
    }
  }
});

test('bytes of another kind are refused by their magic', () => {
  const text = new TextEncoder().encode('0707010000000000000000');
  for (const decoder of pureDecoders) {
    assert.throws(() => decoder.decode(text, MIB), { name: 'KindlingError', code: 'BAD_MAGIC' }, decoder.name);
    assert.throws(() => decoder.decode(new Uint8Array(0), MIB), { name: 'KindlingError', code: 'TRUNCATED' }, decoder.name);
  }
});
