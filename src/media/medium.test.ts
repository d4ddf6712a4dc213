import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { diskCode, hybridCode, mediumId, mediumText, parseMedium, parseSums, placedCore, sumsText } from './index.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const DIGEST = 'ab'.repeat(32);
const BUNDLES = [
  { name: '01-core.sb', size: 4096, sha256: DIGEST },
  { name: '02-modules.sb', size: 8192, sha256: DIGEST },
];

test("a medium's text comes back as it was", () => {
  const id = mediumId(BUNDLES, sha256);
  const { id: read, bundles } = parseMedium(mediumText(id, BUNDLES));
  assert.equal(read, id);
  assert.deepEqual(
    bundles,
    BUNDLES.map(({ name, size }) => ({ name, size })),
  );
  assert.notEqual(mediumId([...BUNDLES].reverse(), sha256), id);
  for (const text of ['', 'abc\n', `${id}\n01-core.sb\n`, `${id}\n../x 5\n`, `${id}\na b c\n`]) {
    assert.throws(() => parseMedium(text), { code: 'BAD_VALUE' }, text);
  }
});

test('digests are written as sha256sum writes them, and read in its forms', () => {
  const sums = new Map([['boot/vmlinuz', DIGEST]]);
  assert.equal(sumsText(sums), `${DIGEST}  ./boot/vmlinuz\n`);
  for (const line of [`${DIGEST}  ./boot/vmlinuz`, `${DIGEST} *boot/vmlinuz`]) assert.deepEqual(parseSums(line), sums);
  assert.throws(() => parseSums('nothing'), { code: 'BAD_VALUE' });
});

test('boot sectors are told where the core image is', () => {
  const image = new Uint8Array(512);
  image.set([0x55, 0xaa], 510);
  const at = (bytes: Uint8Array, offset: number): bigint => new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true);
  assert.equal(at(hybridCode(image, 886 * 2048), 0x1b0), 3548n);
  const disk = diskCode(image, 2048);
  assert.equal(at(disk, 0x5c), 2048n);
  assert.deepEqual([...disk.subarray(0x66, 0x68)], [0x90, 0x90]);
  const core = placedCore(new Uint8Array(1300), 2048);
  assert.equal(core.length, 1536);
  assert.equal(at(core, 500), 2049n);
  assert.deepEqual([...core.subarray(508, 512)], [2, 0, 0x20, 0x08]);
  assert.throws(() => diskCode(new Uint8Array(512), 1), { code: 'BAD_MAGIC' });
});
