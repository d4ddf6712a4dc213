// Golden: what the real tools wrote (testdata/make-vectors.sh) must unpack to the sample, to the byte.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adler32, crc32, crc64 } from './crc.ts';
import { detectDecoder, encodeLz4, pureDecoders } from './index.ts';
import { sha256 } from './sha256.ts';
import { sample } from './testdata/sample.ts';
import { decoderOf, vectors } from './testdata/vectors.ts';
import { xxh64Low } from './xxh64.ts';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const together = new Uint8Array(first.length + second.length);
  together.set(first);
  together.set(second, first.length);
  return together;
}

for (const { command, name, packed } of vectors) {
  test(`${command} unpacks to the sample`, () => {
    const decoder = detectDecoder(pureDecoders, packed.subarray(0, 16));
    assert.equal(decoder?.name, name);
    assert.deepEqual(decoder?.decode(packed, 4000), { bytes: sample(), consumed: packed.length });
  });

  test(`${command}: bytes after it are left alone`, () => {
    const decoder = decoderOf(pureDecoders, packed);
    for (const trailer of [packed, ascii('07070100'), Uint8Array.of(0, 0, 0, 0, 0x30), Uint8Array.of(0, 0, 0, 0)]) {
      const padding = name === 'xz' && trailer[0] === 0 ? 4 : 0; // only xz has padding of its own
      assert.deepEqual(decoder.decode(joined(packed, trailer), 4000), { bytes: sample(), consumed: packed.length + padding });
    }
  });

  test(`${command}: a limit one byte too low is kept`, () => {
    assert.throws(() => decoderOf(pureDecoders, packed).decode(packed, 3999), { name: 'KindlingError', code: 'LIMIT' });
  });
}

test('checksums have their published values', () => {
  const digits = ascii('123456789');
  assert.equal(crc32(digits), 0xcbf43926);
  assert.deepEqual(crc64(digits), { low: 0xdf1939fa, high: 0x995dc9bb });
  assert.equal(adler32(ascii('Wikipedia')), 0x11e60398);
  assert.equal(sha256(ascii('abc'))[0], 0xba7816bf);
  assert.equal(sha256(ascii('abc'))[7], 0xf20015ad);
  assert.equal(xxh64Low(new Uint8Array(0)), 0x51d8e999);
  assert.equal(xxh64Low(ascii('abc')), 0xad770999);
});

test('gzip with the old magic is the same', () => {
  const packed = vectors.find(({ command }) => command === 'gzip -n')!.packed.slice();
  packed[1] = 0x9e;
  assert.deepEqual(decoderOf(pureDecoders, packed).decode(packed, 4000), { bytes: sample(), consumed: packed.length });
});

test('a skippable zstd frame unpacks to nothing', () => {
  const frame = Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3, 0x28);
  assert.deepEqual(decoderOf(pureDecoders, frame).decode(frame, 10), { bytes: new Uint8Array(0), consumed: 11 });
});

test('lz4: gzip without flags after a stream is not taken for a block', () => {
  const lz4 = encodeLz4(sample(), 1);
  const together = joined(lz4, new Uint8Array(600_000));
  together.set([0x1f, 0x8b, 8, 0], lz4.length);
  for (const size of [together.length, lz4.length + 50]) {
    const decoded = decoderOf(pureDecoders, together).decode(together.subarray(0, size), 4000);
    assert.deepEqual(decoded, { bytes: sample(), consumed: lz4.length });
  }
});

test('lz4: the unpacked size at the end of a kernel image is not taken for a block', () => {
  const lz4 = encodeLz4(sample(), 9);
  const decoded = decoderOf(pureDecoders, lz4).decode(joined(lz4, Uint8Array.of(0xa0, 0x0f, 0, 0)), 4000);
  assert.deepEqual(decoded, { bytes: sample(), consumed: lz4.length });
});

test('what is no compression is not detected', () => {
  for (const head of ['', '070701', '#!/bin/sh', '\x7fELF', '\x1f', 'BZh0', '(', '\x28\xb5']) {
    assert.equal(
      detectDecoder(
        pureDecoders,
        Uint8Array.from(head, (char) => char.charCodeAt(0)),
      ),
      undefined,
      head,
    );
  }
});
