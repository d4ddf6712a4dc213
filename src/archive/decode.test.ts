// decode: the kernel's grammar for a sequence of pieces (init/initramfs.c), each rule with a case that passes and one that does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { bytesSource, concat, utf8 } from '../bytes/index.ts';
import { pureDecoders } from '../codecs/index.ts';
import type { ErrorCode } from '../errors.ts';
import { encodeWhole } from '../formats/newc/index.ts';
import { encodeWhole as encodeOdc } from '../formats/odc/index.ts';
import { nodeDecoders, nodeEncoders } from '../node/codecs.ts';
import { file, makeTree } from '../tree/index.ts';
import { decode, inspect } from './index.ts';

const decoders = nodeDecoders();
const cpio = (name: string, size = 1) => encodeWhole(makeTree([file(name, bytesSource(new Uint8Array(size).fill(0x61)))]).entries);
const NUL = (count: number) => new Uint8Array(count);

/** A gzip member whose size leaves the remainder when divided by 4. */
function gz(bytes: Uint8Array, remainder = 1): Uint8Array {
  for (let size = 1; ; size++) {
    const packed = gzipSync(concat([bytes, NUL(size * 4)]), { level: size % 10 });
    if (packed.length % 4 === remainder) return packed;
  }
}

const zst = (bytes: Uint8Array): Uint8Array => zstdCompressSync(bytes);
const lz4 = await nodeEncoders().get('lz4')!.encode(cpio('l'), 1);

function names(...pieces: Uint8Array[]): string {
  const { tree } = decode(bytesSource(concat(pieces)), { decoders });
  return tree.entries.map(({ path }) => path).join(' ');
}

function refused(code: ErrorCode, words: RegExp, ...pieces: Uint8Array[]): string {
  const { fault, tree } = inspect(bytesSource(concat(pieces)), { decoders });
  assert.equal(fault?.code, code, fault?.message);
  assert.match(fault?.message ?? '', words);
  assert.equal(typeof fault?.where.offset, 'number');
  return tree.entries.map(({ path }) => path).join(' ');
}

test('any sequence of NULs, plain and compressed archives', () => {
  assert.equal(names(NUL(7), zst(cpio('a')), gz(cpio('b')), NUL(3), zst(cpio('c'))), 'a b c');
  assert.equal(names(cpio('a'), cpio('b'), NUL(8), gz(cpio('c'))), 'a b c');
  assert.equal(names(NUL(512), cpio('a'), NUL(400)), 'a');
});

test('compressed after compressed starts anywhere', () => {
  assert.equal(names(gz(cpio('a'), 1), gz(cpio('b'), 3), zst(cpio('c')), zst(cpio('d'))), 'a b c d');
});

test('a plain archive starts at a multiple of 4', () => {
  const odd = gz(cpio('a'), 3);
  assert.equal(names(odd, NUL(1), cpio('b')), 'a b');
  assert.equal(refused('BAD_MAGIC', /invalid magic at start of compressed archive/, odd, cpio('b')), 'a');
});

test('what follows a plain archive starts at a multiple of 4', () => {
  assert.equal(names(cpio('a'), NUL(4), gz(cpio('b'))), 'a b');
  assert.equal(refused('BAD_VALUE', /broken padding/, cpio('a'), NUL(1), gz(cpio('b'))), 'a');
});

test('lz4 needs four NULs before anything but lz4', () => {
  const pad = NUL(4 + (-lz4.length & 3));
  assert.equal(names(lz4, pad, cpio('b')), 'b l');
  assert.equal(names(lz4), 'l');
  const { fault } = inspect(bytesSource(concat([lz4, zst(cpio('b'))])), { decoders });
  assert.ok(fault !== undefined && ['BAD_VALUE', 'TRUNCATED', 'BAD_MAGIC'].includes(fault.code), fault?.code);
});

test('several archives inside one frame', () => {
  assert.equal(names(zst(concat([cpio('a'), NUL(512), cpio('b')]))), 'a b');
  assert.equal(refused('BAD_VALUE', /junk within compressed archive/, zst(concat([cpio('a'), utf8('junk')]))), 'a');
  assert.equal(refused('BAD_VALUE', /broken padding/, zst(concat([cpio('a'), NUL(1), cpio('b')]))), 'a');
});

test('one archive split over two frames is refused', () => {
  const whole = cpio('a', 1000);
  refused('TRUNCATED', /./, zst(whole.subarray(0, 600)), zst(whole.subarray(600)));
  // cut between records: nothing is missing but TRAILER!!!
  assert.equal(refused('BAD_VALUE', /junk at the end of compressed archive/, zst(whole.subarray(0, -124)), zst(whole.subarray(-124))), 'a');
});

test('empty, unknown and truncated files', () => {
  refused('UNRECOGNISED', /empty/, NUL(0));
  refused('UNRECOGNISED', /nothing but NULs/, NUL(5000));
  refused('UNRECOGNISED', /neither cpio nor/, utf8('#!/bin/sh\n'));
  assert.equal(refused('BAD_MAGIC', /neither cpio nor/, cpio('a'), utf8('junk')), 'a');
  const packed = zst(cpio('a', 5000));
  refused('TRUNCATED', /./, packed.subarray(0, packed.length - 3));
});

test('an archive without TRAILER!!! is a warning when it is plain and the last', () => {
  const { fault, findings } = inspect(bytesSource(cpio('a').subarray(0, -124)), { decoders });
  assert.equal(fault, undefined);
  assert.deepEqual(
    findings.map(({ code, severity }) => [code, severity]),
    [['missing-trailer', 'warning']],
  );
});

test('odc is read, with the finding that the kernel refuses it', () => {
  const archive = decode(bytesSource(concat([encodeOdc(makeTree([file('a', bytesSource(NUL(3)))]).entries), NUL(512)])), { decoders });
  assert.equal(archive.members[0]?.format, 'odc');
  assert.deepEqual(
    archive.findings.map(({ code }) => code),
    ['odc-archive'],
  );
});

function bootconfig(data: string, sum?: number): Uint8Array {
  const bytes = utf8(data);
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(bytes.length, 0);
  tail.writeUInt32LE(sum ?? bytes.reduce((all, byte) => all + byte, 0), 4);
  return concat([bytes, tail, utf8('#BOOTCONFIG\n')]);
}

test('a bootconfig at the end is set apart, up to three bytes of padding after it', () => {
  for (const slack of [0, 1, 3]) {
    const archive = decode(bytesSource(concat([cpio('a'), bootconfig('key = value\n'), NUL(slack)])), { decoders });
    assert.equal(archive.bootconfig?.size, 32);
  }
  const { findings, fault } = inspect(bytesSource(concat([cpio('a'), bootconfig('key = value\n', 1)])), { decoders });
  assert.deepEqual(
    findings.map(({ code }) => code),
    ['bad-bootconfig'],
  );
  assert.equal(fault?.code, 'BAD_MAGIC');
});

test('limits: unpacked bytes and entries, over all pieces together', () => {
  const bomb = zst(concat([cpio('a', 50_000_000)]));
  assert.ok(bomb.length < 10_000);
  assert.equal(inspect(bytesSource(bomb), { decoders, limits: { unpackedMost: 1_000_000 } }).fault?.code, 'LIMIT');
  const two = concat([zst(cpio('a', 600_000)), zst(cpio('b', 600_000))]);
  assert.equal(inspect(bytesSource(two), { decoders, limits: { unpackedMost: 1_000_000 } }).fault?.code, 'LIMIT');
  const many = concat(Array.from({ length: 30 }, (_, index) => cpio(`f${index}`)));
  assert.equal(inspect(bytesSource(many), { decoders, limits: { entriesMost: 20 } }).fault?.code, 'LIMIT');
});

test('listing a plain archive reads headers only', () => {
  const bytes = concat([cpio('a', 10_000_000), cpio('b', 10_000_000)]);
  const source = bytesSource(bytes);
  let readSize = 0;
  const counting = {
    size: source.size,
    read(at: number, size: number) {
      readSize += size;
      return source.read(at, size);
    },
  };
  assert.equal(decode(counting, { decoders, checksums: false }).tree.entries.length, 2);
  assert.ok(readSize < 20_000, `${readSize} bytes were read`);
});

test('the pure decoders see what the native ones see', () => {
  const bytes = concat([cpio('early'), zst(cpio('a', 4000)), gz(cpio('b', 4000))]);
  const [pure, native] = [pureDecoders, decoders].map((each) => decode(bytesSource(bytes), { decoders: each }));
  assert.deepEqual(
    pure?.members.map(({ at, size, codec }) => [at, size, codec]),
    native?.members.map(({ at, size, codec }) => [at, size, codec]),
  );
});

test('the content of a frame that is no longer in memory is unpacked again', () => {
  const frames = Array.from({ length: 4 }, (_, index) => zst(cpio(`f${index}`, 40_000_000)));
  const { tree } = decode(bytesSource(concat(frames)), { decoders });
  for (const entry of tree.entries) {
    assert.equal(entry.kind === 'file' ? entry.content.read(39_999_999, 1)[0] : 0, 0x61);
  }
});
