// What the writer chooses, byte by byte: superblock, inodes, listings and tables of images in which nothing is compressed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, utf8 } from '../../bytes/index.ts';
import { sha256 } from '../../node/digest.ts';
import { directory, type Entry, file, makeTree, parseManifest, symlink, type Tree } from '../../tree/index.ts';
import { ENCODE_DEFAULTS, type EncodeOptions, encode } from './index.ts';
import { collected, plainCompressor } from './plain.fixture.ts';
import { BASIC_TYPES, EXTENDED_STEP, FLAGS, METADATA_RAW, NONE64, superblock } from './structs.ts';

const MANIFEST = `directory 0755 0 0 7 .
file 0644 1000 100 16 a data=abc
directory 0711 0 0 0 d
symlink 0777 0 0 0 d/l target=a
char 0600 0 5 0 d/null device=1:3
block 0660 0 6 0 disk device=259:300
fifo 0600 0 0 0 f
hardlink 0600 0 0 0 g to=f
`;

type Choices = Partial<Omit<EncodeOptions, 'compressor'>>;

async function stored(tree: Tree, choices: Choices = {}): Promise<Buffer> {
  const blockSize = choices.blockSize ?? ENCODE_DEFAULTS.blockSize;
  const compressor = plainCompressor('store', blockSize);
  return Buffer.from(await collected(encode(tree, { ...ENCODE_DEFAULTS, padding: 0, ...choices, compressor, sha256 })));
}

/** A metadata block that is stored as it is: its content as hexadecimal. */
function block(image: Buffer, at: number): string {
  const size = image.readUInt16LE(at);
  assert.ok(size & METADATA_RAW);
  return image.subarray(at + 2, at + 2 + (size & ~METADATA_RAW)).toString('hex');
}

function assertHex(found: string, expected: readonly string[]): void {
  assert.equal(found, expected.join('').replaceAll(' ', ''));
}

/** Types of inodes, in order of their numbers, through the export table. */
async function inodeTypes(entries: readonly Entry[], choices: Choices = {}): Promise<number[]> {
  const image = await stored(makeTree(entries), { ...choices, exportTable: true });
  const { exportTableAt, inodeTableAt, inodeCount } = superblock.decode(image);
  return Array.from({ length: inodeCount }, (_, index) => {
    const blockAt = Number(image.readBigUInt64LE(Number(exportTableAt) + 8 * Math.floor(index / 1024)));
    const reference = image.readBigUInt64LE(blockAt + 2 + 8 * (index % 1024));
    return image.readUInt16LE(Number(inodeTableAt) + Number(reference >> 16n) + 2 + Number(reference & 0xffffn));
  });
}

test('an image of every kind of inode', async () => {
  const image = await stored(parseManifest(MANIFEST), { time: 0x01020304 });
  assert.deepEqual(superblock.decode(image), {
    magic: 0x73717368,
    inodeCount: 7,
    time: 0x01020304,
    blockSize: 131072,
    fragmentCount: 1,
    compressor: 1,
    blockLog: 17,
    flags: FLAGS.duplicates,
    idCount: 5,
    major: 4,
    minor: 0,
    root: BigInt(32 + 25 + 24 + 32 + 24 + 20), // all others come before the root
    bytesUsed: 441n,
    idTableAt: 433n,
    xattrTableAt: NONE64,
    inodeTableAt: 99n, // behind "abc"
    directoryTableAt: 290n,
    fragmentTableAt: 403n,
    exportTableAt: NONE64,
  });
  assert.equal(image.length, 441);
  assert.equal(image.subarray(0, 4).toString('latin1'), 'hsqs');
  assert.equal(image.subarray(96, 99).toString('latin1'), 'abc');
  assertHex(block(image, 99), [
    // type, mode, user, group, time, number; then what the kind has
    '0200 a401 0000 0100 10000000 02000000  00000000 00000000 00000000 03000000', // a: a fragment
    '0300 ff01 0200 0200 00000000 04000000  01000000 01000000 61', // d/l
    '0500 8001 0200 0300 00000000 05000000  01000000 03010000', // d/null
    '0100 c901 0200 0200 00000000 03000000  00000000 02000000 2400 0000 01000000', // d: 33 bytes of listing and 3
    '0400 b001 0200 0400 00000000 06000000  01000000 2c031100', // disk: 259 << 8 | 300 in pieces
    '0600 8001 0200 0200 00000000 07000000  02000000', // f, which is g too
    '0100 ed01 0200 0200 07000000 01000000  00000000 03000000 3f00 2100 08000000', // the root, in a directory there is not
  ]);
  assertHex(block(image, 290), [
    // count less one, block of the inodes, base number; then offset, number less base, type, name length less one
    '01000000 00000000 04000000',
    '2000 0000 0300 0000 6c', // l
    '3900 0100 0500 0300 6e756c6c', // null
    '04000000 00000000 02000000',
    '0000 0000 0200 0000 61', // a
    '5100 0100 0100 0000 64', // d
    '7100 0400 0400 0300 6469736b', // disk
    '8900 0500 0600 0000 66', // f
    '8900 0500 0600 0000 67', // g
  ]);
  assertHex(block(image, 385), ['6000000000000000 03000001 00000000']); // one fragment, stored raw
  assert.equal(image.readBigUInt64LE(403), 385n);
  assertHex(block(image, 411), ['e8030000 64000000 00000000 05000000 06000000']);
  assert.equal(image.readBigUInt64LE(433), 411n);
});

test('the root is added where there is none, and an empty image has it alone', async () => {
  const image = await stored(makeTree([]));
  const { inodeCount, fragmentTableAt, directoryTableAt } = superblock.decode(image);
  assert.deepEqual([inodeCount, fragmentTableAt, directoryTableAt], [1, NONE64, 130n]);
  assertHex(block(image, 96), ['0100 ed01 0000 0000 00000000 01000000  00000000 02000000 0300 0000 02000000']);
  assert.equal(image.length, 144);
});

const { directory: DIRECTORY, file: FILE, symlink: SYMLINK } = BASIC_TYPES;
const content = (size: number, fill = 1): ReturnType<typeof bytesSource> => bytesSource(new Uint8Array(size).fill(fill));
const xattrs = new Map([['user.a', utf8('b')]]);

test('extended inodes only where the basic form does not do', async () => {
  const link: Entry = { kind: 'hardlink', path: 'b', to: 'a', mode: 0, uid: 0, gid: 0, mtime: 0 };
  assert.deepEqual(await inodeTypes([file('a', content(9000))]), [DIRECTORY, FILE]);
  assert.deepEqual(await inodeTypes([file('a', content(9000)), link]), [DIRECTORY, FILE + EXTENDED_STEP]);
  assert.deepEqual(await inodeTypes([{ ...file('a', content(9000)), xattrs }]), [DIRECTORY, FILE + EXTENDED_STEP]);
  assert.deepEqual(await inodeTypes([{ ...file('a', content(9000)), xattrs }], { xattrs: false }), [DIRECTORY, FILE]);
  assert.deepEqual(await inodeTypes([{ ...file('a', content(9000)), xattrs: new Map([['system.x', utf8('b')]]) }]), [DIRECTORY, FILE]);
  assert.deepEqual(await inodeTypes([{ ...symlink('a', 'x'), xattrs }]), [DIRECTORY, SYMLINK + EXTENDED_STEP]);
  assert.deepEqual(await inodeTypes([{ ...directory(''), xattrs }]), [DIRECTORY + EXTENDED_STEP]);
  const zeros = [file('a', content(9000, 0))];
  assert.deepEqual(await inodeTypes(zeros, { blockSize: 4096 }), [DIRECTORY, FILE + EXTENDED_STEP]);
  assert.deepEqual(await inodeTypes(zeros, { blockSize: 4096, sparse: false }), [DIRECTORY, FILE]);
  assert.deepEqual(await inodeTypes(zeros), [DIRECTORY, FILE], 'a fragment has no holes');
});

test('directories are extended above 256 names or 8191 bytes of them', async () => {
  const first = async (count: number, nameSize: number) => {
    const names = Array.from({ length: count }, (_, index) => String(index).padStart(nameSize, 'x'));
    return (await inodeTypes(names.map((name) => symlink(name, 'y'))))[0];
  };
  assert.equal(await first(256, 4), DIRECTORY);
  assert.equal(await first(257, 4), DIRECTORY + EXTENDED_STEP);
  assert.equal(await first(32, 247), DIRECTORY, '32 times 8 and 247');
  assert.equal(await first(32, 248), DIRECTORY + EXTENDED_STEP);
});

test('small files fill fragments in order, next to each other', async () => {
  const files = ['a', 'b', 'c', 'd'].map((name, index) => file(name, content(2000, index + 1)));
  const image = await stored(makeTree(files), { blockSize: 4096 });
  assert.equal(superblock.decode(image).fragmentCount, 2);
  const first = Buffer.concat([Buffer.alloc(2000, 1), Buffer.alloc(2000, 2)]);
  const second = Buffer.concat([Buffer.alloc(2000, 3), Buffer.alloc(2000, 4)]);
  assert.deepEqual(image.subarray(96, 96 + 8000), Buffer.concat([first, second]));
});

test('equal files are stored once, hard links have one inode, and zeros take no room', async () => {
  const dataSize = async (entries: readonly Entry[], choices: Choices = {}) =>
    Number(superblock.decode(await stored(makeTree(entries), { blockSize: 4096, ...choices })).inodeTableAt) - 96;
  const two = (size: number) => [file('a', content(size)), file('b', content(size))];
  assert.equal(await dataSize(two(10)), 10);
  assert.equal(await dataSize(two(10), { duplicates: false }), 20);
  assert.equal(await dataSize(two(4096)), 4096);
  assert.equal(await dataSize(two(9000)), 9000);
  assert.equal(await dataSize(two(9000), { fragments: 'always' }), 9000);
  assert.equal(await dataSize(two(9000), { duplicates: false }), 18000);
  assert.equal(await dataSize([file('a', content(9000)), file('b', content(9000, 2))]), 18000);
  // the same two blocks and another end, the same end and other blocks: each is shared where ends are stored by themselves
  const ends = [file('a', content(9000)), file('b', content(8192)), file('c', content(9000 % 4096))];
  assert.equal(await dataSize(ends, { fragments: 'always' }), 9000);
  assert.equal(await dataSize(ends), 9000 + 8192 + (9000 % 4096));
  const late = new Uint8Array(9000).fill(1);
  late[8999] = 2;
  assert.equal(await dataSize([file('a', content(9000)), file('b', bytesSource(late))]), 18000);
  assert.equal(await dataSize([file('a', content(9000, 0))]), 0);
  assert.equal(await dataSize([file('a', content(9000, 0))], { sparse: false }), 9000);
  assert.equal(await dataSize([file('a', content(9000, 0))], { fragments: 'always' }), 9000 % 4096);
});

test('lists of attributes are shared, and so are long values', async () => {
  const shared = new Map([['security.selinux', utf8('s'.repeat(300))]]);
  const other = new Map([['user.other', utf8('s'.repeat(300))]]);
  const image = await stored(
    makeTree([
      { ...symlink('a', 'x'), xattrs: shared },
      { ...symlink('b', 'x'), xattrs: shared },
      { ...symlink('c', 'x'), xattrs: other },
    ]),
  );
  const { xattrTableAt, bytesUsed } = superblock.decode(image);
  const at = Number(xattrTableAt);
  assert.equal(image.readUInt32LE(at + 8), 2);
  assert.equal(Number(bytesUsed), at + 16 + 8);
  const lists = Number(image.readBigUInt64LE(at));
  const [s, seven] = [Buffer.from('selinux'), Buffer.from('other')].map((name) => name.toString('hex'));
  assertHex(block(image, lists), [
    `0200 0700 ${s} 2c010000 ${'73'.repeat(300)}`,
    `0001 0500 ${seven} 08000000 0b00000000000000`, // out of line: where the first value is
  ]);
  assertHex(block(image, Number(image.readBigUInt64LE(at + 16))), [
    '0000000000000000 01000000 3d010000',
    '3b01000000000000 01000000 37010000',
  ]);
});
