// newc: archives that are damaged or hostile. Each ends in a stated fault with its place, within bounds, and what came before it stands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, concat, nameFromBytes, utf8 } from '../../bytes/index.ts';
import type { ErrorCode } from '../../errors.ts';
import { decode } from './index.ts';
import { raw, rawArchive, TRAILER } from './raw.fixture.ts';

const good = raw({ name: 'good', data: 'data' });

function refused(bytes: Uint8Array, code: ErrorCode, offset: number): void {
  const archive = decode(bytesSource(bytes));
  assert.equal(archive.fault?.code, code, archive.fault?.message);
  assert.equal(archive.fault?.where.offset, offset);
  assert.match(archive.fault?.where.structure ?? '', /newc/);
}

test('a header cut off', () => refused(concat([good, good.subarray(0, 109)]), 'TRUNCATED', good.length));
test('content cut off', () => refused(good.subarray(0, good.length - 1), 'TRUNCATED', 0));
test('a file size beyond the input', () => refused(rawArchive({ name: 'a', fileSize: 0xffffffff }), 'TRUNCATED', 0));
test('a name size beyond the input', () => refused(raw({ name: 'a', nameSize: 4000 }).subarray(0, 300), 'TRUNCATED', 0));
test('another magic', () => refused(concat([good, raw({ name: 'a', magic: '070707' })]), 'BAD_MAGIC', good.length));
test('zeros where a header must be', () => refused(concat([good, new Uint8Array(512)]), 'BAD_MAGIC', good.length));
test('a name that does not end in NUL', () => refused(raw({ name: 'abcd', nameSize: 4 }), 'BAD_NAME', 0));
test('a digit that is none', () => {
  const bytes = rawArchive({ name: 'a' });
  bytes[20] = 0x67;
  refused(bytes, 'BAD_VALUE', 14);
});
test('a checksum that does not match', () => {
  refused(concat([good, rawArchive({ name: 'a', data: 'abc', magic: '070702', check: 1 })]), 'BAD_CHECKSUM', good.length);
  assert.equal(decode(bytesSource(rawArchive({ name: 'a', data: 'abc', magic: '070702', check: 294 }))).fault, undefined);
  assert.equal(
    decode(bytesSource(rawArchive({ name: 'a', data: 'abc', magic: '070702', check: 1 })), 0, { checksums: false }).fault,
    undefined,
  );
});

test('more entries than allowed', () => {
  const many = concat(Array.from({ length: 100 }, () => raw({ name: 'a' })));
  const archive = decode(bytesSource(many), 0, { entriesMost: 50 });
  assert.equal(archive.fault?.code, 'LIMIT');
  assert.ok(archive.records.length <= 51);
});

test('names of no size or beyond PATH_MAX are skipped, as the kernel does, and reported', () => {
  for (const nameSize of [0, 4097]) {
    const archive = decode(bytesSource(rawArchive({ name: '', nameSize }, { name: 'after' })));
    assert.equal(archive.fault, undefined);
    assert.deepEqual(
      archive.records.map((record) => nameFromBytes(record.name)),
      ['after'],
    );
    assert.equal(archive.findings[0]?.code, 'name-skipped');
  }
});

test('a name padded with NULs counts up to the first', () => {
  const archive = decode(bytesSource(rawArchive({ name: 'a', nameSize: 4096, data: 'x' }, { name: 'b' })));
  assert.deepEqual(
    archive.records.map((record) => [nameFromBytes(record.name), record.contentAt % 4]),
    [
      ['a', 0],
      ['b', 0],
    ],
  );
  assert.deepEqual(archive.findings, []);
});

test('bytes after the NUL of a name are reported', () => {
  assert.equal(decode(bytesSource(rawArchive({ name: utf8('a\0b') }))).findings[0]?.code, 'name-after-nul');
});

test('an archive without TRAILER!!! is read and reported', () => {
  const archive = decode(bytesSource(good));
  assert.equal(archive.fault, undefined);
  assert.equal(archive.trailer, false);
  assert.equal(archive.findings[0]?.code, 'missing-trailer');
  assert.equal(archive.records.length, 1);
});

test('what comes before a fault stands, and reading starts where it is told', () => {
  const archive = decode(bytesSource(concat([TRAILER, good, utf8('junk'), TRAILER])), TRAILER.length);
  assert.equal(archive.records.length, 1);
  assert.equal(archive.fault?.where.offset, TRAILER.length + good.length);
});
