// Hostile images: each lie ends in an error with structure and place, within bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, concat, readAll } from '../../bytes/index.ts';
import { pureDecoders } from '../../codecs/index.ts';
import { type ErrorCode, KindlingError } from '../../errors.ts';
import { check, decode } from './index.ts';
import { BLOCK_SIZE, blockOf, nidOf, type RawInode, rawDirectory, rawImage } from './raw.fixture.ts';
import { lclusterIndex, mapHeader, SUPERBLOCK_AT, superblock, xattrEntry, xattrHeader } from './structs.ts';

const FILE = 0o100644;
const decoders = pureDecoders;

function read(bytes: Uint8Array, limits?: { entries: number }) {
  return decode(bytesSource(bytes), { decoders, ...(limits === undefined ? {} : { limits }) });
}

function refuses(bytes: Uint8Array, code: ErrorCode, message: RegExp, limits?: { entries: number }): void {
  assert.throws(
    () => read(bytes, limits),
    (error) => {
      assert.ok(error instanceof KindlingError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.ok(error.where.structure !== undefined);
      return true;
    },
  );
  assert.ok(
    check(bytesSource(bytes), { decoders, ...(limits === undefined ? {} : { limits }) }).some(({ severity }) => severity === 'error'),
  );
}

/** The tree is read, the one file in it is not. */
function contentRefused(
  inode: RawInode,
  code: ErrorCode,
  message: RegExp,
  blocks: Uint8Array[] = [],
  head: Parameters<typeof rawImage>[2] = {},
  found: ErrorCode = code,
): void {
  const bytes = rawImage([rawDirectory([['f', nidOf(1), 1]]), inode], blocks, head);
  const entry = read(bytes).tree.get('f');
  assert.ok(entry?.kind === 'file');
  assert.throws(() => readAll(entry.content), { code, message });
  const findings = check(bytesSource(bytes), { decoders });
  assert.ok(
    findings.some((finding) => finding.code === `erofs-${found.toLowerCase().replace('_', '-')}` && finding.where.path === 'f'),
    JSON.stringify(findings),
  );
}

const empty: RawInode = { mode: FILE, layout: 'plain', size: 0 };

test('the smallest image is read', () => {
  const { tree, facts } = read(
    rawImage([
      rawDirectory([
        ['.', 0n, 2],
        ['..', 0n, 2],
        ['a', nidOf(1), 1],
      ]),
      empty,
    ]),
  );
  assert.deepEqual(
    tree.entries.map(({ path, kind }) => [path, kind]),
    [
      ['', 'directory'],
      ['a', 'file'],
    ],
  );
  assert.equal(facts.blockSize, BLOCK_SIZE);
});

test('superblocks', () => {
  const good = rawImage([rawDirectory([['a', nidOf(1), 1]]), empty]);
  refuses(good.subarray(0, 1100), 'TRUNCATED', /superblock/);
  refuses(new Uint8Array(8192), 'BAD_MAGIC', /magic is 0/);
  refuses(rawImage([empty], [], { blockBits: 8 }), 'BAD_VALUE', /2\^8/);
  refuses(rawImage([empty], [], { blockBits: 17, featureCompat: 0 }), 'BAD_VALUE', /2\^17/);
  refuses(rawImage([empty], [], { featureIncompat: 0x1000 }), 'UNSUPPORTED', /features 1000/);
  refuses(rawImage([empty], [], { directoryBlockBits: 1 }), 'UNSUPPORTED', /directory blocks/);
  refuses(rawImage([empty], [], { featureIncompat: 0x2, algorithms: 0x10 }), 'UNSUPPORTED', /compressions/);
  refuses(rawImage([empty], [], { featureIncompat: 0x100 }), 'BAD_VALUE', /no extension slot/);
  refuses(rawImage([empty], [], { featureIncompat: 0x8, extraDevices: 60_000, deviceSlot: 40 }), 'TRUNCATED', /60000 devices/);
  refuses(rawImage([empty], [], { packedNid: 1n << 63n }), 'BAD_VALUE', /metabox/);
  refuses(rawImage([empty]), 'BAD_VALUE', /root is a file/);
  refuses(rawImage([rawDirectory([])], [], { rootNid: 999 }), 'TRUNCATED', /inode 999/);
  refuses(rawImage([rawDirectory([])], [], { metaBlock: 0xffffffff }), 'TRUNCATED', /inode 0/);
});

test('a wrong checksum and a short image are findings, not errors', () => {
  const good = rawImage([rawDirectory([['a', nidOf(1), 1]]), empty]);
  assert.deepEqual(check(bytesSource(good), { decoders }), []);
  const changed = good.slice();
  changed[SUPERBLOCK_AT + superblock.offsetOf('volumeName')] = 65;
  assert.deepEqual(
    check(bytesSource(changed), { decoders }).map(({ code, severity }) => [code, severity]),
    [['erofs-checksum', 'error']],
  );
  assert.equal(read(changed).facts.volumeName, 'A');
  const long = rawImage([rawDirectory([['a', nidOf(1), 1]]), empty], [], { blocksLow: 99 });
  assert.deepEqual(
    check(bytesSource(long), { decoders }).map(({ code }) => code),
    ['erofs-short'],
  );
});

test('directories that lead round or are in two places', () => {
  refuses(rawImage([rawDirectory([['a', 0n, 2]])]), 'LINK_LOOP', /the directory "" is also at "a"/);
  const inner = rawDirectory([['b', nidOf(1), 2]]);
  refuses(rawImage([rawDirectory([['a', nidOf(1), 2]]), inner]), 'LINK_LOOP', /"a" is also at "a\/b"/);
  refuses(
    rawImage([
      rawDirectory([
        ['a', nidOf(1), 2],
        ['b', nidOf(1), 2],
      ]),
      rawDirectory([['c', nidOf(2), 1]]),
      empty,
    ]),
    'LINK_LOOP',
    /also at "b"/,
  );
});

test('names', () => {
  const named = (...names: (string | Uint8Array)[]): Uint8Array =>
    rawImage([rawDirectory(names.map((name) => [name, nidOf(1), 1])), empty]);
  refuses(named('a/b'), 'BAD_NAME', /slash/);
  refuses(named('/'), 'BAD_NAME', /slash/);
  refuses(named('n'.repeat(256)), 'BAD_NAME', /over 255/);
  refuses(named('a', 'a'), 'CONFLICT', /two entries/);
  refuses(named('a\0b', 'c'), 'BAD_NAME', /NUL/);
  refuses(named(new Uint8Array([0]), 'b'), 'BAD_NAME', /NUL/);
  assert.equal(read(named('a\0b')).tree.entries[1]?.path, 'a');
});

test('directory blocks', () => {
  const raw = (tail: Uint8Array, size: number | bigint = tail.length): RawInode => ({ mode: 0o040755, layout: 'inline', size, tail });
  refuses(rawImage([raw(new Uint8Array(5))]), 'BAD_VALUE', /5 bytes, a record takes 12/);
  for (const nameAt of [0, 11, 13, 4000, 65_535]) {
    const block = new Uint8Array(40);
    new DataView(block.buffer).setUint16(8, nameAt, true);
    refuses(rawImage([raw(block)]), 'BAD_VALUE', /first name at/);
  }
  const backwards = new Uint8Array(40);
  new DataView(backwards.buffer).setUint16(8, 24, true);
  new DataView(backwards.buffer).setUint16(20, 23, true);
  refuses(rawImage([raw(backwards)]), 'BAD_VALUE', /record 0 has its name/);
  refuses(rawImage([raw(new Uint8Array(0), 2n ** 40n)]), 'LIMIT', /directory of 1099511627776 bytes/);
  refuses(rawImage([{ ...raw(new Uint8Array(0), 8192), layout: 'plain', fields: { blocks: 0xfffff } }]), 'TRUNCATED', /data at/);
});

test('wrong order, dots and types are findings', () => {
  const order = rawImage([
    rawDirectory([
      ['b', nidOf(1), 1],
      ['a', nidOf(1), 1],
    ]),
    { ...empty, fields: { linkCount: 2 } },
  ]);
  assert.deepEqual(
    check(bytesSource(order), { decoders }).map(({ code }) => code),
    ['erofs-directory-order'],
  );
  const dots = rawImage([
    rawDirectory([
      ['.', nidOf(1), 2],
      ['a', nidOf(1), 7],
    ]),
    { ...empty, fields: { linkCount: 3 } },
  ]);
  assert.deepEqual(
    check(bytesSource(dots), { decoders }).map(({ code }) => code),
    ['erofs-directory-dots', 'erofs-directory-type', 'erofs-link-count'],
  );
  const count = rawImage([rawDirectory([['a', nidOf(1), 1]]), empty], [], { inodeCount: 77n });
  assert.deepEqual(
    check(bytesSource(count), { decoders }).map(({ code }) => code),
    ['erofs-inode-count'],
  );
});

test('more entries than allowed', () => {
  const many = rawImage([rawDirectory(['a', 'b', 'c'].map((name) => [name, nidOf(1), 1])), empty]);
  refuses(many, 'LIMIT', /more than 3 entries/, { entries: 3 });
  assert.equal(read(many, { entries: 4 }).tree.entries.length, 4);
});

test('directories that share their blocks end at the limit of entries', () => {
  // 40 inodes whose listing is one block of 300 links: 12000 names of 3 KiB of records
  const names = Array.from({ length: 230 }, (_, index) => [`n${String(index).padStart(3, '0')}`, nidOf(41), 1] as const);
  const shared = concat([rawDirectory(names).tail!]);
  const inodes: RawInode[] = [rawDirectory(Array.from({ length: 40 }, (_, index) => [`d${10 + index}`, nidOf(index + 1), 2] as const))];
  for (let index = 0; index < 40; index++)
    inodes.push({ mode: 0o040755, layout: 'plain', size: shared.length, fields: { blocks: blockOf(42, 0) } });
  inodes.push(empty);
  const whole = rawImage(inodes, [shared]);
  refuses(whole, 'LIMIT', /larger than the image|entries/, { entries: 5000 });
});

test('inodes', () => {
  const one = (inode: RawInode): Uint8Array => rawImage([rawDirectory([['a', nidOf(1), 1]]), inode]);
  refuses(one({ ...empty, mode: 0o170644 }), 'BAD_VALUE', /no type of file/);
  refuses(one({ ...empty, fields: { format: 1 | (5 << 1) } }), 'UNSUPPORTED', /data layout 5/);
  refuses(one({ ...empty, fields: { format: 0x8001 } }), 'UNSUPPORTED', /format bits/);
  refuses(one({ ...empty, fields: { mtime: 2n ** 60n } }), 'BAD_VALUE', /its time is/);
  refuses(one({ ...empty, size: 2n ** 60n }), 'BAD_VALUE', /its size is/);
  refuses(one({ ...empty, layout: 'chunks', fields: { blocks: 0xff00 } }), 'UNSUPPORTED', /chunk format/);
  const link = (target: string, size: number): Uint8Array => one({ mode: 0o120777, layout: 'inline', size, tail: Buffer.from(target) });
  refuses(link('', 0), 'BAD_VALUE', /symbolic link of 0/);
  refuses(link('x', 4096), 'BAD_VALUE', /symbolic link of 4096/);
  refuses(link('a\0b', 3), 'BAD_VALUE', /NUL/);
  const nowhere = rawImage([rawDirectory([['a', 2n ** 58n, 1]])]);
  refuses(nowhere, 'BAD_VALUE', /inode/);
  refuses(rawImage([rawDirectory([['a', 1n << 63n, 1]])]), 'BAD_VALUE', /metabox inode, there is none/);
});

test('extended attributes', () => {
  const entry = (nameSize: number, prefix: number, valueSize: number, rest: string): Uint8Array =>
    concat([xattrEntry.encode({ nameSize, prefix, valueSize }), Buffer.from(rest)]);
  const body = (sharedCount: number, ...rest: Uint8Array[]): Uint8Array =>
    concat([xattrHeader.encode({ filter: 0, sharedCount, reserved: new Uint8Array(7) }), ...rest]);
  const one = (xattrs: Uint8Array, head = {}): Uint8Array => rawImage([rawDirectory([['a', nidOf(1), 1]]), { ...empty, xattrs }], [], head);
  const good = read(one(body(0, entry(1, 1, 3, 'kval'), entry(0, 2, 4, 'acl!')))).tree.get('a');
  assert.deepEqual([...(good?.xattrs?.keys() ?? [])], ['user.k', 'system.posix_acl_access']);
  refuses(one(body(200, entry(1, 1, 3, 'kval'))), 'BAD_VALUE', /200 shared xattrs/);
  refuses(one(body(0, entry(9, 1, 900, 'kval'))), 'BAD_VALUE', /xattr of 913 bytes/);
  refuses(one(body(0, entry(1, 9, 3, 'kval'))), 'BAD_VALUE', /xattr prefix 9/);
  refuses(one(body(0, entry(1, 0x81, 3, 'kval'))), 'BAD_VALUE', /xattr prefix 1, the image has 0/);
  refuses(one(body(1, new Uint8Array([255, 255, 255, 255]))), 'TRUNCATED', /shared xattr/);
  refuses(
    one(body(0, entry(1, 1, 3, 'kval')), { featureIncompat: 0x40, xattrPrefixCount: 200, xattrPrefixStart: 4000 }),
    'TRUNCATED',
    /prefix 0/,
  );
});

test('flat and chunked content', () => {
  contentRefused({ ...empty, size: 5000, fields: { blocks: 0xffff } }, 'TRUNCATED', /data at/);
  contentRefused({ ...empty, size: 2n ** 50n, fields: { blocks: 0 } }, 'LIMIT', /at once/, [], {}, 'TRUNCATED');
  contentRefused({ ...empty, layout: 'inline', size: 4095, tail: new Uint8Array(4095) }, 'BAD_VALUE', /crosses a block/);
  contentRefused({ ...empty, layout: 'chunks', size: 2 ** 31, fields: { blocks: 0 } }, 'TRUNCATED', /chunk|data/);
  const index = (device: number): Uint8Array => new Uint8Array([0, 0, device, 0, 0, 0, 0, 0]);
  const devices = { featureIncompat: 0xc, extraDevices: 1, deviceSlot: 16 };
  contentRefused(
    { ...empty, layout: 'chunks', size: 100, tail: index(1), fields: { blocks: 0x20 } },
    'UNSUPPORTED',
    /device 1/,
    [],
    devices,
  );
});

test('a hole may be of any size: it is read in parts, and checking skips it', () => {
  const hole: RawInode = {
    ...empty,
    layout: 'chunks',
    size: 2n ** 52n,
    tail: new Uint8Array(4096 - 64).fill(255),
    fields: { blocks: 0x1f },
  };
  const bytes = rawImage([rawDirectory([['a', nidOf(1), 1]]), hole]);
  const entry = read(bytes).tree.get('a');
  assert.ok(entry?.kind === 'file');
  assert.deepEqual(entry.content.read(2 ** 51, 3), new Uint8Array(3));
  assert.throws(() => readAll(entry.content), { code: 'LIMIT' });
  assert.deepEqual(
    check(bytesSource(bytes), { decoders }).map(({ code }) => code),
    [],
  );
});

test('compressed content', () => {
  const index = (...entries: [type: number, at: number, block: number][]): Uint8Array =>
    concat([new Uint8Array(8), ...entries.map(([advise, clusterAt, block]) => lclusterIndex.encode({ advise, clusterAt, block }))]);
  const header = (fields: Partial<ReturnType<typeof mapHeader.decode>> = {}): Uint8Array =>
    mapHeader.encode({ fragment: 0, advise: 0, algorithms: 0, clusterBits: 0, ...fields });
  const file = (size: number, ...tail: Uint8Array[]): RawInode => ({ mode: FILE, layout: 'compressed', size, tail: concat(tail) });
  const block = blockOf(2, 0);
  const noise = new Uint8Array(4096).fill(0xee);
  contentRefused(file(5000, header(), index([2, 0, 0], [2, 0, 0])), 'BAD_VALUE', /continues nothing/);
  contentRefused(file(5000, header(), index([1, 5, block], [2, 0, 1])), 'BAD_VALUE', /does not start/);
  contentRefused(file(5000, header(), index([1, 4096, block], [2, 0, 1])), 'BAD_VALUE', /byte 4096 of itself/);
  contentRefused(file(5000, header({ algorithms: 1 }), index([1, 0, block], [2, 0, 1])), 'BAD_VALUE', /does not name/);
  contentRefused(file(5000, header({ algorithms: 9 }), index([1, 0, block], [2, 0, 1])), 'UNSUPPORTED', /compression 9/);
  contentRefused(file(5000, header(), index([1, 0, block], [2, 0, 0x801])), 'BAD_VALUE', /none of its pclusters is big/);
  contentRefused(file(9000, header({ advise: 2 }), index([1, 0, block], [2, 0, 1], [2, 0, 2])), 'BAD_VALUE', /has 0 bytes/);
  contentRefused(
    file(9000, header({ advise: 2 }), index([1, 0, block], [2, 0, 0xfff], [2, 0, 2])),
    'BAD_VALUE',
    /pcluster of byte 0 has 8384512/,
  );
  contentRefused(file(5000, header(), index([0, 0, block], [2, 0, 1])), 'BAD_VALUE', /stored plainly in 4096/, [noise]);
  contentRefused(file(5000, header(), index([1, 0, 0xfffff], [2, 0, 1])), 'TRUNCATED', /data at/);
  contentRefused(file(5000, header(), index([1, 0, block], [2, 0, 1])), 'BAD_VALUE', /all zeros/, [new Uint8Array(4096)]);
  contentRefused(file(5000, header(), index([1, 0, block], [2, 0, 1])), 'BAD_VALUE', /lz4 block/, [noise]);
  contentRefused(file(2 ** 40, header(), index([1, 0, block])), 'LIMIT', /at once/, [], {}, 'TRUNCATED');
  contentRefused(file(2 ** 30, header(), index([1, 0, block])), 'TRUNCATED', /index of 262144 entries/);
  contentRefused(file(100, header({ clusterBits: 0x80 })), 'BAD_VALUE', /packed inode, there is none/);
  contentRefused(file(100, header({ clusterBits: 0x80 })), 'BAD_VALUE', /refers to itself/, [], { packedNid: nidOf(1) });
  contentRefused(file(100, header({ advise: 8, fragment: 50 << 16 }), index([1, 0, 0])), 'BAD_VALUE', /all zeros/);
  contentRefused(file(100, header({ advise: 8, fragment: 5000 << 16 }), index([1, 0, 0])), 'BAD_VALUE', /crosses a block/);
  contentRefused(file(100, header({ advise: 1 | (2 << 1), fragment: 0xffffffff })), 'TRUNCATED', /table of 4294967295 extents/);
  const compact = { ...file(70_000, header({ advise: 2, clusterBits: 3 }), new Uint8Array(100)), layout: 'compact' as const };
  contentRefused(compact, 'BAD_VALUE', /one of two algorithms/);
  contentRefused({ ...compact, tail: header({ clusterBits: 4 }) }, 'UNSUPPORTED', /2\^16/);
  contentRefused({ ...compact, size: 2 ** 29, tail: header() }, 'TRUNCATED', /pack/);
  const zstd = file(100, header({ algorithms: 3 }), index([1, 0, block]));
  contentRefused(zstd, 'BAD_MAGIC', /zstd/, [noise], { featureIncompat: 2, algorithms: 8 });
  contentRefused(
    {
      ...zstd,
      size: 2 ** 29,
      tail: concat([header({ algorithms: 3, clusterBits: 15 }), index([1, 0, block], [2, 0, 1], [2, 0, 2], [2, 0, 3])]),
    },
    'UNSUPPORTED',
    /extent of 536870912/,
    [noise],
    { featureIncompat: 2, algorithms: 8 },
  );
});
