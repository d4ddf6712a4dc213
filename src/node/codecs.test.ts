// The codecs of a real machine: native equals pure on everything, and what the encoders write is what Linux accepts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { type Decoded, type Decoder, detectDecoder, pureDecoders } from '../codecs/index.ts';
import { generator, sample } from '../codecs/testdata/sample.ts';
import { decoderOf, vectors } from '../codecs/testdata/vectors.ts';
import { KindlingError } from '../errors.ts';
import { nodeDecoders, nodeEncoders } from './codecs.ts';

const MIB = 1024 * 1024;
const native = nodeDecoders();

/** A result in a form that two decoders can be compared by. */
function outcome(decoder: Decoder, packed: Uint8Array, limit: number): Decoded | string {
  try {
    const { bytes, consumed } = decoder.decode(packed, limit);
    return { bytes: new Uint8Array(bytes), consumed };
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    return error.code;
  }
}

/** Several MiB that look like kernel modules to a compressor: repeats near and far, and noise. */
function large(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const random = generator(3);
  const unit = sample();
  for (let at = 0; at < size; ) {
    const from = random() % 3000;
    const piece = unit.subarray(from, from + (random() % 900));
    bytes.set(piece.subarray(0, size - at), at);
    at += piece.length;
    if (at < size) bytes[at++] = random();
  }
  return bytes;
}

test('native and pure decoders agree on what the tools write', () => {
  for (const { command, packed } of vectors) {
    const tail = new Uint8Array(packed.length + 9);
    tail.set(packed);
    tail.fill(0x37, packed.length);
    for (const limit of [0, 1, 3999, 4000, MIB]) {
      const expected = outcome(decoderOf(pureDecoders, packed), tail, limit);
      assert.deepEqual(outcome(decoderOf(native, packed), tail, limit), expected, `${command} at most ${limit}`);
      if (limit >= 4000) assert.deepEqual(expected, { bytes: sample(), consumed: packed.length });
    }
  }
});

test('native and pure decoders agree on damaged bytes', () => {
  const changes = fc.array(fc.tuple(fc.nat(5000), fc.nat(255)), { minLength: 1, maxLength: 4 });
  // without a checksum, damage that lets every bit still mean something is judged differently by libzstd
  const comparable = vectors.filter(({ command }) => !command.includes('--no-check'));
  const property = fc.property(fc.constantFrom(...comparable), changes, fc.nat(9000), (vector, edits, cutAt) => {
    const damaged = vector.packed.slice(0, cutAt);
    for (const [at, byte] of edits) if (damaged.length > 0) damaged[at % damaged.length] = byte;
    assert.deepEqual(
      outcome(decoderOf(native, vector.packed), damaged, MIB),
      outcome(decoderOf(pureDecoders, vector.packed), damaged, MIB),
      vector.command,
    );
  });
  fc.assert(property, { seed: 4, numRuns: 2000 });
});

test('a bomb stops at the limit in native decoders too', async () => {
  const zeros = new Uint8Array(100 * MIB);
  const bombs = [
    await nodeEncoders().get('gzip')!.encode(zeros, 1),
    await nodeEncoders().get('zstd')!.encode(zeros, 1),
    zstdCompressSync(zeros),
  ];
  for (const bomb of bombs) {
    const before = process.resourceUsage().maxRSS;
    assert.equal(outcome(decoderOf(native, bomb), bomb, MIB), 'LIMIT');
    assert.ok(process.resourceUsage().maxRSS - before < 64 * 1024);
  }
});

test('every encoder at every level gives back what it was given, both ways of decoding', async () => {
  const inputs = [new Uint8Array(0), Uint8Array.of(7), sample(), large(300_000)];
  for (const { name, levels, encode } of nodeEncoders().values()) {
    for (let level = levels.least; level <= levels.most; level++) {
      for (const input of inputs) {
        const packed = await encode(input, level);
        if (name === 'none') {
          assert.deepEqual(packed, input);
          continue;
        }
        for (const decoders of [pureDecoders, native]) {
          assert.equal(detectDecoder(decoders, packed.subarray(0, 16))?.name, name);
          const expected = { bytes: input, consumed: packed.length };
          assert.deepEqual(outcome(decoderOf(decoders, packed), packed, input.length), expected, `${name}:${level}`);
        }
      }
    }
  }
});

test('more than one lz4 block, more than one chunk of output', async () => {
  const input = large(9 * MIB);
  for (const [name, level] of [
    ['lz4', 1],
    ['zstd', 1],
    ['gzip', 1],
  ] as const) {
    const packed = await nodeEncoders().get(name)!.encode(input, level);
    for (const decoders of [pureDecoders, native]) {
      const { bytes, consumed } = decoderOf(decoders, packed).decode(packed, input.length);
      assert.equal(Buffer.compare(bytes, input), 0, name);
      assert.equal(consumed, packed.length);
    }
  }
});

test('equal input gives equal bytes, however many go at once', async () => {
  const input = large(400_000);
  for (const { name, levels, encode } of nodeEncoders().values()) {
    const alone = await encode(input, levels.default);
    const crowd = await Promise.all(Array.from({ length: 6 }, () => encode(input.slice(), levels.default)));
    for (const one of crowd) assert.equal(Buffer.compare(one, alone), 0, name);
  }
});

test('what Linux demands: gzip without a time, xz with CRC-32 and no large dictionary, zstd with its size', async () => {
  const input = large(1_000_000);
  const encoders = nodeEncoders();
  const gzip = await encoders.get('gzip')!.encode(input, 9);
  assert.deepEqual([...gzip.subarray(0, 8)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
  assert.equal(gzip[9], 3);
  const xz = await encoders.get('xz')!.encode(input, 9);
  assert.deepEqual([...xz.subarray(6, 8)], [0, 1]);
  assert.deepEqual([...xz.subarray(14, 17)], [0x21, 1, 16]); // LZMA2, one byte: 2^20
  const lz4 = await encoders.get('lz4')!.encode(input, 1);
  assert.deepEqual([...lz4.subarray(0, 4)], [0x02, 0x21, 0x4c, 0x18]);
  const zstd = await encoders.get('zstd')!.encode(input, 19);
  assert.equal(zstd[4]! >> 6, 2); // a four-byte content size
  assert.equal(zstd[4]! & 7, 4); // a checksum, no dictionary
});

test('a level that does not exist is refused', async () => {
  for (const { name, levels, encode } of nodeEncoders().values()) {
    for (const level of [levels.least - 1, levels.most + 1, 1.5, Number.NaN]) {
      await assert.rejects(encode(sample(), level), { name: 'KindlingError', code: 'USAGE' }, `${name}:${level}`);
    }
  }
});
