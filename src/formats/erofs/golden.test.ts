// Golden: images by a newer mkfs.erofs than Debian 12 has (testdata/make-images.sh) are read as the sample, to the byte.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { asciiFrom, bytesSource, readAll } from '../../bytes/index.ts';
import { pureDecoders } from '../../codecs/index.ts';
import { sha256 } from '../../node/index.ts';
import { printManifest } from '../../tree/index.ts';
import { crc32c } from './crc32c.ts';
import { check, decode, detect } from './index.ts';
import images from './testdata/images.json' with { type: 'json' };
import { SAMPLE_ATTRIBUTE, sample } from './testdata/sample.ts';

for (const [name, { options, gzip }] of Object.entries(images)) {
  test(`${name}: mkfs.erofs ${options}`, () => {
    const bytes = gunzipSync(Buffer.from(gzip, 'base64'));
    const source = bytesSource(bytes);
    assert.ok(detect(bytes.subarray(0, 2048)));
    assert.deepEqual(check(source, { decoders: pureDecoders }), []);
    const { tree, facts } = decode(source, { decoders: pureDecoders });
    assert.equal(printManifest(tree, { sha256 }), printManifest(sample(), { sha256 }));
    assert.equal(facts.uuid, '00000000-0000-0000-0000-000000000001');
    const attribute = tree.get('noise')?.xattrs?.get(SAMPLE_ATTRIBUTE[0]);
    assert.equal(attribute && asciiFrom(attribute), SAMPLE_ATTRIBUTE[1]);
  });
}

test('any part of a compressed file is what the whole has there', () => {
  const { tree } = decode(bytesSource(gunzipSync(Buffer.from(images.lzma.gzip, 'base64'))), { decoders: pureDecoders });
  for (const path of ['lines', 'mix', 'repeat']) {
    const entry = tree.get(path);
    assert.ok(entry?.kind === 'file');
    const whole = readAll(entry.content);
    for (const [at, size] of [
      [0, 1],
      [4095, 2],
      [16_383, 8193],
      [whole.length - 1, 1],
      [whole.length, 0],
      [777, 20_000],
    ] as const) {
      assert.deepEqual(entry.content.read(at, size), whole.subarray(at, at + size));
      const target = new Uint8Array(size);
      entry.content.readInto?.(at, target);
      assert.deepEqual(target, whole.subarray(at, at + size));
    }
    assert.throws(() => entry.content.read(whole.length, 1), { code: 'TRUNCATED' });
  }
});

test('crc32c is the register, not its inverse', () => {
  // the published check value of CRC-32C is e3069283
  assert.equal(crc32c(Buffer.from('123456789')), ~0xe3069283 >>> 0);
});
