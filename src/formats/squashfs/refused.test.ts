// Hostile images: each lie ends in an error with structure and place, within bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, readAll, utf8 } from '../../bytes/index.ts';
import { pureDecoders } from '../../codecs/index.ts';
import { type ErrorCode, KindlingError } from '../../errors.ts';
import { directory, file, makeTree, symlink } from '../../tree/index.ts';
import { noise } from './features.fixture.ts';
import { check, decode } from './index.ts';
import { type Places, placesOf, rawImage } from './raw.fixture.ts';
import {
  directoryEntry,
  directoryHeader,
  directoryInode,
  fileInode,
  inodeHeader,
  longFileInode,
  superblock,
  symlinkInode,
} from './structs.ts';

const decoders = pureDecoders;
const SAMPLE = makeTree([
  directory(''),
  directory('d'),
  directory('d/e'),
  file('d/e/f', bytesSource(noise(9000, 1))),
  { ...file('g', bytesSource(noise(100, 2))), xattrs: new Map([['user.a', utf8('value')]]) },
  file('h', bytesSource(noise(50, 3))),
  symlink('l', 'target'),
]);
const IMAGE = await rawImage(SAMPLE);
const PLACES = placesOf(IMAGE);

/** Inode numbers by path, as a decoder that trusts nothing else finds them: through the listing of their directory. */
function numberOf(path: string): number {
  const entry = decode(bytesSource(IMAGE), { decoders }).tree.entries;
  assert.ok(
    entry.some((one) => one.path === path),
    path,
  );
  for (const [number, at] of PLACES.inodes) {
    const { type } = inodeHeader.decode(IMAGE, at);
    const body = at + inodeHeader.size;
    if (path === 'd/e/f' && type === 2 && fileInode.decode(IMAGE, body).size === 9000) return number;
    if (path === 'h' && type === 2 && fileInode.decode(IMAGE, body).size === 50) return number;
    if (path === 'g' && type === 9) return number;
    if (path === 'l' && type === 3) return number;
    if (path === '' && at === Number(PLACES.superblock.inodeTableAt) + 2 + Number(PLACES.superblock.root & 0xffffn)) return number;
  }
  throw new Error(`no inode for ${path}`);
}

type Change = (view: DataView, places: Places, bytes: Uint8Array) => void;

function changed(change: Change): Uint8Array {
  const bytes = IMAGE.slice();
  change(new DataView(bytes.buffer), PLACES, bytes);
  return bytes;
}

function refuses(bytes: Uint8Array, code: ErrorCode, message: RegExp, structure: RegExp): void {
  assert.throws(
    () => {
      for (const entry of decode(bytesSource(bytes), { decoders, limits: { entries: 1000 } }).tree.entries) {
        if (entry.kind === 'file') readAll(entry.content);
      }
    },
    (error) => {
      assert.ok(error instanceof KindlingError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.match(error.where.structure ?? '', structure);
      assert.equal(typeof error.where.offset, 'number');
      return true;
    },
  );
  assert.ok(check(bytesSource(bytes), { decoders, limits: { entries: 1000 } }).some(({ severity }) => severity === 'error'));
}

const inodeAt = (path: string) => PLACES.inodes.get(numberOf(path))!;
const bodyAt = (path: string) => inodeAt(path) + inodeHeader.size;

/** Offset of the entry with this name in the directory table. */
function entryAt(name: string): number {
  const needle = utf8(name);
  for (let at = PLACES.directoriesAt; at < IMAGE.length; at++) {
    const start = at - directoryEntry.size;
    if (start < PLACES.directoriesAt || !needle.every((byte, index) => IMAGE[at + index] === byte)) continue;
    if (directoryEntry.decode(IMAGE, start).nameSize === needle.length - 1) return start;
  }
  throw new Error(`no entry ${name}`);
}

test('the image itself is whole', () => {
  assert.deepEqual(check(bytesSource(IMAGE), { decoders }), []);
});

const head = (field: Parameters<typeof superblock.offsetOf>[0]) => superblock.offsetOf(field);
const SUPERBLOCK: readonly (readonly [string, Change, ErrorCode, RegExp])[] = [
  ['magic', (view) => view.setUint32(0, 1, true), 'BAD_MAGIC', /magic 1, expected 73717368/],
  ['version', (view) => view.setUint16(head('major'), 3, true), 'UNSUPPORTED', /version 3\.0/],
  ['compressor', (view) => view.setUint16(head('compressor'), 9, true), 'UNSUPPORTED', /compressor 9/],
  ['block size', (view) => view.setUint32(head('blockSize'), 5000, true), 'BAD_VALUE', /blocks of 5000 bytes/],
  ['block logarithm', (view) => view.setUint16(head('blockLog'), 13, true), 'BAD_VALUE', /logarithm 13/],
  ['no owner', (view) => view.setUint16(head('idCount'), 0, true), 'BAD_VALUE', /no owner at all/],
  ['bytes used', (view) => view.setBigUint64(head('bytesUsed'), 1n << 40n, true), 'TRUNCATED', /has 1099511627776 bytes/],
  ['bytes used, beyond all files', (view) => view.setBigUint64(head('bytesUsed'), 1n << 60n, true), 'BAD_VALUE', /bytesUsed/],
  ['fragments', (view) => view.setUint32(head('fragmentCount'), 0xfffffff0, true), 'BAD_VALUE', /4294967280 fragments in an image of/],
  ['inode table', (view) => view.setBigUint64(head('inodeTableAt'), 10n, true), 'BAD_VALUE', /inside the superblock/],
  ['directory table', (view) => view.setBigUint64(head('directoryTableAt'), 1n << 33n, true), 'BAD_VALUE', /directoryTableAt/],
  ['id table', (view) => view.setBigUint64(head('idTableAt'), 0xffffffffffffffffn, true), 'BAD_VALUE', /idTableAt/],
];
for (const [title, change, code, message] of SUPERBLOCK) {
  test(`superblock: ${title}`, () => refuses(changed(change), code, message, /squashfs superblock/));
}

test('a root that is no directory, or nowhere', () => {
  const file = BigInt(inodeAt('h') - Number(PLACES.superblock.inodeTableAt) - 2);
  refuses(
    changed((view) => view.setBigUint64(head('root'), file, true)),
    'BAD_VALUE',
    /the root is a file/,
    /inode/,
  );
  refuses(
    changed((view) => view.setBigUint64(head('root'), 1n << 40n, true)),
    'BAD_VALUE',
    /the inode table ends at/,
    /inode/,
  );
  refuses(
    changed((view) => view.setBigUint64(head('root'), 0xffffn, true)),
    'BAD_VALUE',
    /offset 65535 in a metadata block/,
    /inode/,
  );
});

test('inodes: type, owner, size, fragment, blocks, link target', () => {
  refuses(
    changed((view) => view.setUint16(inodeAt('h'), 99, true)),
    'BAD_VALUE',
    /type 99/,
    /inode/,
  );
  refuses(
    changed((view) => view.setUint16(inodeAt('h') + 4, 7, true)),
    'BAD_VALUE',
    /owner 7 of 1/,
    /inode/,
  );
  const fragment = bodyAt('h') + fileInode.offsetOf('fragmentIndex');
  refuses(
    changed((view) => view.setUint32(fragment, 5, true)),
    'BAD_VALUE',
    /fragment 5, the image has 1/,
    /fragment/,
  );
  const offset = bodyAt('h') + fileInode.offsetOf('fragmentOffset');
  refuses(
    changed((view) => view.setUint32(offset, 4000, true)),
    'BAD_VALUE',
    /50 bytes at 4000 of fragment 0/,
    /file/,
  );
  const start = bodyAt('d/e/f') + fileInode.offsetOf('startAt');
  refuses(
    changed((view) => view.setUint32(start, 0x7fffffff, true)),
    'TRUNCATED',
    /ends past the image/,
    /file/,
  );
  const list = bodyAt('d/e/f') + fileInode.size;
  refuses(
    changed((view) => view.setUint32(list, 5000 | (1 << 24), true)),
    'BAD_VALUE',
    /block 0 has the stored size/,
    /file/,
  );
  refuses(
    changed((view) => view.setUint32(list, 100, true)),
    'BAD_VALUE',
    /zlib|deflate/,
    /file|zlib|deflate/,
  );
  const size = bodyAt('l') + symlinkInode.offsetOf('targetSize');
  refuses(
    changed((view) => view.setUint32(size, 70000, true)),
    'BAD_VALUE',
    /link of 70000 bytes/,
    /inode/,
  );
  refuses(
    changed((view) => view.setUint32(size, 0, true)),
    'BAD_VALUE',
    /link of 0 bytes/,
    /inode/,
  );
});

test('sizes no memory holds are refused before memory is taken', () => {
  const size = bodyAt('g') + longFileInode.offsetOf('size');
  refuses(
    changed((view) => view.setBigUint64(size, 1n << 52n, true)),
    'LIMIT',
    /at most 16777216 are read/,
    /inode/,
  );
  refuses(
    changed((view) => view.setBigUint64(size, 1n << 60n, true)),
    'BAD_VALUE',
    /more than any file holds/,
    /inode/,
  );
  // a list of blocks that is not there
  refuses(
    changed((view) => view.setBigUint64(size, 1n << 35n, true)),
    'BAD_VALUE',
    /fragment for the end of|block/,
    /inode|file/,
  );
  const index = bodyAt('g') + longFileInode.offsetOf('xattrIndex');
  refuses(
    changed((view) => view.setUint32(index, 3, true)),
    'BAD_VALUE',
    /set 3, the image has 1/,
    /xattr/,
  );
});

test('lists of blocks that together are larger than the inode table', () => {
  // 2^24 blocks of 4096 bytes each are within what one file may have: a list of 64 MiB, in a table of less than 8 KiB
  const size = bodyAt('g') + longFileInode.offsetOf('size');
  refuses(
    changed((view) => view.setBigUint64(size, (1n << 36n) - 4097n, true)),
    'LIMIT',
    /larger than the inode table/,
    /inode/,
  );
});

test('names: a slash, a dot, two dots, NUL, twice', () => {
  const at = (name: string) => entryAt(name) + directoryEntry.size;
  for (const [character, message] of [
    ['/', /holds a slash/],
    ['.', /"\."/],
    ['\0', /NUL/],
  ] as const) {
    refuses(
      changed((_, __, bytes) => (bytes[at('h')] = character.charCodeAt(0))),
      'BAD_NAME',
      message,
      /directory/,
    );
  }
  refuses(
    changed((_, __, bytes) => (bytes[at('h')] = 0x67)),
    'CONFLICT',
    /two entries at "g"/,
    /squashfs/,
  );
});

test('directories: a loop, a wrong type, a run without end, a listing outside', () => {
  // the entry of d/e leads to the root: same metadata block, another offset
  const root = Number(PLACES.superblock.root & 0xffffn);
  refuses(
    changed((view) => view.setUint16(entryAt('e'), root, true)),
    'LINK_LOOP',
    /"" is also at "d\/e"/,
    /directory/,
  );
  refuses(
    changed((view) => view.setUint16(entryAt('h') + 4, 1, true)),
    'BAD_VALUE',
    /listed with type 1, its inode is a file/,
    /directory/,
  );
  refuses(
    changed((view) => view.setUint16(entryAt('h') + 4, 9, true)),
    'BAD_VALUE',
    /type 9 at/,
    /directory/,
  );
  refuses(
    changed((view) => view.setUint16(entryAt('h') + 6, 300, true)),
    'BAD_VALUE',
    /a name of 301 bytes/,
    /directory/,
  );
  refuses(
    changed((view) => view.setUint32(PLACES.directoriesAt, 256, true)),
    'BAD_VALUE',
    /a run of 257 entries/,
    /directory/,
  );
  const rootInode = inodeAt('') + inodeHeader.size;
  const block = rootInode + directoryInode.offsetOf('blockAt');
  refuses(
    changed((view) => view.setUint32(block, 1 << 30, true)),
    'BAD_VALUE',
    /a listing in a block at/,
    /directory/,
  );
  const size = rootInode + directoryInode.offsetOf('size');
  refuses(
    changed((view) => view.setUint16(size, 20, true)),
    'BAD_VALUE',
    /ends at \d+ of a listing of 17 bytes/,
    /directory/,
  );
  assert.equal(directoryHeader.size, 12);
});

test('more entries than the limit', () => {
  assert.throws(() => decode(bytesSource(IMAGE), { decoders, limits: { entries: 3 } }), { code: 'LIMIT', message: /more than/ });
});

test('metadata blocks: empty, too large, past the end', () => {
  const at = Number(PLACES.superblock.inodeTableAt);
  refuses(
    changed((view) => view.setUint16(at, 0x8000, true)),
    'BAD_VALUE',
    /a metadata block of 0 bytes/,
    /inode/,
  );
  refuses(
    changed((view) => view.setUint16(at, 0x8000 | 9000, true)),
    'BAD_VALUE',
    /a metadata block of 9000 bytes/,
    /inode/,
  );
  refuses(
    changed((view) => view.setUint16(at, 0x8000 | 8000, true)),
    'TRUNCATED',
    /past the end/,
    /inode/,
  );
});

test('an image cut anywhere', () => {
  const used = Number(PLACES.superblock.bytesUsed);
  for (const size of [0, 3, 95, 96, 5000, used - 1])
    refuses(IMAGE.subarray(0, size), 'TRUNCATED', /needs 96 bytes|are there/, /superblock/);
});

test('a codec nobody handed in', () => {
  assert.throws(() => decode(bytesSource(IMAGE), { decoders: [] }), { code: 'UNSUPPORTED', message: /no decoder for gzip/ });
});
