// odc: damaged archives end in a stated fault with its place.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, concat, utf8 } from '../../bytes/index.ts';
import type { ErrorCode } from '../../errors.ts';
import { file } from '../../tree/index.ts';
import { decode, encodeWhole } from './index.ts';

const good = encodeWhole([file('good', bytesSource(utf8('data')))]);
const firstSize = 76 + 5 + 4;

function refused(bytes: Uint8Array, code: ErrorCode, offset: number): void {
  const { fault } = decode(bytesSource(bytes));
  assert.equal(fault?.code, code, fault?.message);
  assert.equal(fault?.where.offset, offset);
}

function changed(at: number, text: string): Uint8Array {
  const bytes = good.slice();
  bytes.set(utf8(text), at);
  return bytes;
}

test('a header cut off', () => refused(good.subarray(0, firstSize + 75), 'TRUNCATED', firstSize));
test('content cut off', () => refused(good.subarray(0, firstSize - 1), 'TRUNCATED', 0));
test('a file size beyond the input', () => refused(changed(65, '77777777777'), 'TRUNCATED', 0));
test('a name that does not end in NUL', () => refused(changed(59, '000003'), 'BAD_NAME', 0));
test('another magic', () => refused(changed(0, '070701'), 'BAD_MAGIC', 0));
test('a digit that is none', () => refused(changed(18, '10064x'), 'BAD_VALUE', 18));
test('more entries than allowed', () => {
  const one = good.subarray(0, firstSize);
  const archive = decode(bytesSource(concat(Array.from({ length: 100 }, () => one))), 0, { entriesMost: 10 });
  assert.equal(archive.fault?.code, 'LIMIT');
});
