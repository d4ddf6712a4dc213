// odc: bytes that must never change, and what the form cannot hold.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { asciiFrom, bytesSource, concat } from '../../bytes/index.ts';
import { device, directory, file, parseManifest, printManifest } from '../../tree/index.ts';
import { replay } from '../cpio/index.ts';
import { inodes } from './encode.ts';
import { decode, encode, encodedSize, encodeWhole } from './index.ts';

const MANIFEST = `directory 0755 0 0 0 bin
file 0755 0 0 1 bin/busybox data=\\x7fELF\\x00
hardlink 0755 0 0 1 bin/sh to=bin/busybox
directory 0755 0 0 0 dev
char 0600 0 5 0 dev/console device=5:1
fifo 0600 0 0 0 dev/wait
file 4755 1000 1000 8589934591 name\\x20with\\xff data=
symlink 0777 0 0 0 sbin target=usr/bin
`;

test('a manifest becomes the same bytes on any machine, and those bytes the same manifest', () => {
  const { entries } = parseManifest(MANIFEST);
  const bytes = encodeWhole(entries);
  assert.equal(createHash('sha256').update(bytes).digest('hex'), 'e3987325a6a6f9e085df006ddc9ba71b2555b81b85fbd9f0b8cacd851f8a395f');
  assert.equal(bytes.length, encodedSize(entries));
  assert.deepEqual(concat([...encode(entries)]), bytes);
  const archive = decode(bytesSource(bytes));
  assert.equal(archive.fault, undefined);
  const root = replay();
  for (const record of archive.records) root.add(record);
  assert.equal(printManifest(root.tree(), { data: true }).replace(/ size=\d+/g, ''), MANIFEST);
});

test('the header is 76 octal digits, and nothing is padded', () => {
  const bytes = encodeWhole([file('ab', bytesSource(Uint8Array.of(1, 2, 3)), 0o640)]);
  const expected =
    '070707' + '000000' + '000001' + '100640' + '000000' + '000000' + '000001' + '000000' + '00000000000' + '000003' + '00000000003';
  assert.equal(asciiFrom(bytes.subarray(0, 82)), `${expected}ab\0\x01\x02\x03`);
});

test('every name of a hard-linked file carries the data', () => {
  const sizes = decode(bytesSource(encodeWhole(parseManifest(MANIFEST).entries))).records.map((record) => record.fileSize);
  assert.deepEqual(sizes.slice(1, 3), [5, 5]);
});

test('what odc cannot hold is refused before a byte is written', () => {
  const huge = { size: 2 ** 33, read: () => assert.fail('content must not be read') };
  for (const entry of [
    file('huge', huge),
    { ...directory('owner'), uid: 0o1000000 },
    device('block', 'minor', 8, 256),
    device('block', 'major', 1024, 0),
  ]) {
    assert.throws(() => encode([entry]), { code: 'NOT_EXPRESSIBLE' });
  }
});

test('more entries than inode numbers: only hard-linked files need different ones', () => {
  const one = directory('d');
  const linked = file('x', bytesSource(Uint8Array.of(1)));
  const items = Array.from({ length: 0o777777 + 10 }, (_, index) => ({ entry: one, nlink: 2, ino: index + 1 }));
  const last = items.length;
  const given = inodes([...items, { entry: linked, nlink: 2, ino: last + 1 }, { entry: linked, nlink: 2, ino: last + 2 }]);
  assert.deepEqual([given.get(last + 1), given.get(last + 2), given.get(1), given.get(last)], [1, 2, 3, 0o777777]);
});
