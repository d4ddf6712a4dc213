// The first bytes of blocks against zlib and our own lz4 encoder; MicroLZMA has its examples in formats/erofs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { encodeLz4, prefix } from './index.ts';
import { generator, sample } from './testdata/sample.ts';

const SIZES = [0, 1, 100, 4096, 65_537];

test('deflate: any prefix, of any kind of block', () => {
  const whole = Buffer.concat(Array.from({ length: 40 }, sample));
  for (const options of [{ level: 9 }, { level: 1 }, { level: 0 }, { strategy: 4 }]) {
    const packed = deflateRawSync(whole, options);
    for (const size of [...SIZES, whole.length]) assert.deepEqual(Buffer.from(prefix.deflate(packed, size)), whole.subarray(0, size));
    assert.throws(() => prefix.deflate(packed, whole.length + 1), { code: 'TRUNCATED' });
    assert.throws(() => prefix.deflate(packed.subarray(0, packed.length >> 1), whole.length), { code: 'TRUNCATED' });
  }
});

test('lz4: any prefix, whatever follows', () => {
  const whole = Buffer.concat(Array.from({ length: 40 }, sample));
  const frame = encodeLz4(whole, 1);
  // one block of a legacy frame: magic, size, block
  const block = frame.subarray(8, 8 + new DataView(frame.buffer, frame.byteOffset).getUint32(4, true));
  for (const size of [...SIZES, whole.length]) {
    assert.deepEqual(Buffer.from(prefix.lz4(block, size)), whole.subarray(0, size));
    assert.deepEqual(Buffer.from(prefix.lz4(Buffer.concat([block, new Uint8Array(50)]), size)), whole.subarray(0, size));
  }
  assert.throws(() => prefix.lz4(block, whole.length + 1), { code: 'TRUNCATED' });
});

test('garbage is refused or gives bytes', () => {
  const next = generator(7);
  for (let run = 0; run < 300; run++) {
    const bytes = Uint8Array.from({ length: 1 + (next() % 400) }, () => next() & 255);
    for (const unpack of [prefix.lz4, prefix.deflate, prefix.microLzma]) {
      try {
        assert.equal(unpack(bytes, 5000).length, 5000);
      } catch (error) {
        assert.match(String((error as { code?: string }).code), /^(TRUNCATED|BAD_VALUE)$/);
      }
    }
  }
});
