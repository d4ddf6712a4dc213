// The smallest image with a file in it, written down byte by byte: what it means, what is read of it, and when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ByteSource, bytesSource } from '../../bytes/index.ts';
import { pureDecoders } from '../../codecs/index.ts';
import { sha256 } from '../../node/digest.ts';
import { printManifest } from '../../tree/index.ts';
import { check, decode, detect } from './index.ts';

const decoders = pureDecoders;
const NOTHING = 'ffffffffffffffff';

const IMAGE = Buffer.from(
  [
    '68737173', // 0: magic
    '02000000', // inodes
    '04030201', // time
    '00100000', // block size, 4096
    '00000000', // fragments
    '0100 0c00', // gzip; logarithm of the block size
    '130a', // flags: nothing is compressed, no fragments, no attributes
    '0100', // owners
    '0400 0000', // version
    '2400000000000000', // root: block 0, byte 36
    'ce00000000000000', // bytes used, 206
    'c600000000000000', // owners, 198
    NOTHING, // attributes
    '6300000000000000', // inodes, 99
    'a900000000000000', // directories, 169
    NOTHING, // fragments
    NOTHING, // export table
    '616263', // 96: the content, "abc"
    '4480', // 99: a metadata block of 68 bytes, stored as it is
    '0200 a401 0000 0000 10000000 01000000', // file, 0644, owner 0 of the table, group too, time 16, inode 1
    '60000000 ffffffff 00000000 03000000', // blocks from 96 on, no fragment, 3 bytes
    '03000001', // the one block: 3 bytes, stored as it is
    '0100 ed01 0000 0000 07000000 02000000', // directory, 0755, time 7, inode 2
    '00000000 02000000 1800 0000 03000000', // listing at block 0, 2 links, 21 + 3 bytes, offset 0, parent 3
    '1580', // 169: 21 bytes, stored as they are
    '00000000 00000000 01000000', // a run of one entry, inodes in block 0, numbers from 1
    '0000 0000 0200 0000', // inode at byte 0, number 1 + 0, a file, a name of one byte
    '61', // "a"
    '0480 e8030000', // 192: owner 1000
    'c000000000000000', // 198: where the block of owners is
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);

/** The image as a source that notes which bytes were asked for. */
function noted(): { source: ByteSource; touched: Set<number> } {
  const touched = new Set<number>();
  const inner = bytesSource(new Uint8Array(IMAGE));
  const read = (at: number, size: number) => {
    for (let each = at; each < at + size; each++) touched.add(each);
    return inner.read(at, size);
  };
  return { source: { size: inner.size, read }, touched };
}

test('what it means', () => {
  assert.equal(IMAGE.length, 206);
  assert.ok(detect(IMAGE.subarray(0, 4)));
  const { facts, tree } = decode(bytesSource(new Uint8Array(IMAGE)), { decoders });
  assert.equal(
    printManifest(tree, { sha256 }),
    `directory 0755 1000 1000 7 .\nfile 0644 1000 1000 16 a size=3 sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n`,
  );
  assert.deepEqual(facts, {
    compressor: 'gzip',
    compressorOptions: {},
    blockSize: 4096,
    inodeCount: 2,
    time: 0x01020304,
    fragmentCount: 0,
    idCount: 1,
    flags: 0x0a13,
    bytesUsed: 206,
  });
});

test('it is whole, but for the padding', () => {
  const findings = check(bytesSource(new Uint8Array(IMAGE)), { decoders });
  assert.deepEqual(
    findings.map(({ code, severity }) => [code, severity]),
    [['squashfs-padding', 'note']],
  );
});

test('content is read when it is asked for, and no more of it', () => {
  const { source, touched } = noted();
  const entry = decode(source, { decoders }).tree.get('a');
  assert.ok(entry?.kind === 'file');
  assert.equal(entry.content.size, 3);
  for (const at of [96, 97, 98]) assert.ok(!touched.has(at));
  assert.deepEqual([...entry.content.read(1, 2)], [0x62, 0x63]);
  assert.ok(touched.has(97) && touched.has(98));
});

test('what check says of single bytes', () => {
  const changes: readonly (readonly [at: number, byte: number, code: string])[] = [
    [4, 3, 'squashfs-inode-count'],
    [56, 0xcd, 'squashfs-bad-value'], // attributes at no offset
    [99 + 2 + 12, 2, 'squashfs-inode-number'], // both inodes have number 2
    [99 + 2 + 36 + 20, 5, 'squashfs-link-count'],
    [99 + 2 + 36 + 24, 0x17, 'squashfs-bad-value'], // a listing one byte shorter than its entry
    [171 + 12 + 4, 1, 'squashfs-bad-value'], // the listing calls the file a directory
    [99 + 2 + 16, 0xff, 'squashfs-truncated'], // the block is past the end
  ];
  for (const [at, byte, code] of changes) {
    const bytes = new Uint8Array(IMAGE);
    bytes[at] = byte;
    const codes = check(bytesSource(bytes), { decoders }).map((finding) => finding.code);
    assert.ok(codes.includes(code), `byte ${at}: ${codes.join(', ')}`);
  }
});
