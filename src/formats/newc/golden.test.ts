// newc: bytes that must never change, and both directions of every kind of entry.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { asciiFrom, bytesSource, concat } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { file, makeTree, parseManifest, printManifest, withParents } from '../../tree/index.ts';
import { replay } from '../cpio/index.ts';
import { decode, encode, encodedSize, encodeWhole, loses } from './index.ts';

const MANIFEST = `directory 0755 0 0 0 bin
file 0755 0 0 1 bin/busybox data=\\x7fELF\\x00
hardlink 0755 0 0 1 bin/sh to=bin/busybox
directory 0755 0 0 0 dev
char 0600 0 5 0 dev/console device=5:1
block 0660 0 6 0 dev/sda device=8:0
fifo 0600 0 0 0 dev/wait
file 4755 1000 1000 4294967295 name\\x20with\\xff\\x0abytes data=
symlink 0777 0 0 0 sbin target=usr/bin
socket 0700 0 0 0 sock
`;

function decoded(bytes: Uint8Array): string {
  const archive = decode(bytesSource(bytes));
  assert.equal(archive.fault, undefined);
  assert.equal(archive.trailer, true);
  assert.equal(archive.endAt, bytes.length);
  const root = replay();
  for (const record of archive.records) root.add(record);
  assert.deepEqual(root.findings, []);
  return printManifest(root.tree(), { data: true });
}

test('a manifest becomes the same bytes on any machine, and those bytes the same manifest', () => {
  const { entries } = parseManifest(MANIFEST);
  const bytes = encodeWhole(entries);
  assert.equal(createHash('sha256').update(bytes).digest('hex'), 'a3dfa6c87b67a859b8cb76cb7955348be9d4adab9f67e2913aa4e869a284d272');
  assert.equal(bytes.length, encodedSize(entries));
  assert.deepEqual(concat([...encode(entries)]), bytes);
  assert.equal(decoded(bytes).replace(/ size=\d+/g, ''), MANIFEST);
});

test('the header is 110 characters of lower-case hexadecimal, name and content padded to 4', () => {
  const bytes = encodeWhole([{ ...file('ab', bytesSource(Uint8Array.of(1, 2, 3)), 0o640), uid: 0xabc, mtime: 16 }]);
  const expected = `070701${'00000001'}${'000081a0'}${'00000abc'}${'00000000'}${'00000001'}${'00000010'}${'00000003'}${'00000000'.repeat(4)}${'00000003'}${'00000000'}`;
  assert.equal(asciiFrom(bytes.subarray(0, 110)), expected);
  assert.equal(asciiFrom(bytes.subarray(110, 120)), 'ab\0\0\0\0\x01\x02\x03\0');
});

test('the last name of a hard-linked file carries the data', () => {
  const { entries } = parseManifest(MANIFEST);
  const links = decode(bytesSource(encodeWhole(entries))).records.filter((record) => record.nlink === 2 && record.mode >> 12 === 8);
  assert.deepEqual(
    links.map((record) => record.fileSize),
    [0, 5],
  );
  assert.equal(new Set(links.map((record) => record.ino)).size, 1);
});

test('a hard link to a symbolic link is written as a link of its own', () => {
  const tree = parseManifest('symlink 0777 0 0 0 a target=x\nhardlink 0777 0 0 0 b to=a\n');
  assert.equal(decoded(encodeWhole(tree.entries)), 'symlink 0777 0 0 0 a target=x\nsymlink 0777 0 0 0 b target=x\n');
});

test('the root entry is called "."', () => {
  assert.equal(decoded(encodeWhole(parseManifest('directory 0711 0 0 0 .\n').entries)), 'directory 0711 0 0 0 .\n');
});

test('what newc cannot hold is refused before a byte is written', () => {
  const huge = { size: 2 ** 32, read: () => assert.fail('content must not be read') };
  for (const entry of [file('huge', huge), { ...file('old', huge), mtime: -1 }, file('x'.repeat(10), { ...huge, size: 2 ** 40 })]) {
    assert.throws(
      () => encode([entry]),
      (error) => error instanceof KindlingError && error.code === 'NOT_EXPRESSIBLE' && error.where.path === entry.path,
    );
  }
  assert.equal(loses.xattrs, true);
});

test('a hard link whose file is not in the archive is refused', () => {
  const tree = makeTree(withParents(parseManifest(MANIFEST).entries));
  assert.throws(() => encodeWhole([tree.get('bin/sh')!]), { code: 'NO_ENTRY' });
});
