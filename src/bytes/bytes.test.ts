// bytes: structs in both directions, names without loss, sources that never read outside.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KindlingError } from '../errors.ts';
import {
  bytesField,
  bytesSource,
  compareBytes,
  compareNames,
  lazySource,
  memorySink,
  nameFromBytes,
  nameToBytes,
  sliceSource,
  struct,
  toSize,
  u16be,
  u32le,
  u64le,
} from './index.ts';

const sample = struct('sample', 18, { magic: bytesField(4), count: u32le, at: u64le, kind: u16be });

test('a struct decodes what it encodes, field by field', () => {
  const values = { magic: Uint8Array.of(1, 2, 3, 4), count: 0xfedcba98, at: 0x0102030405060708n, kind: 0x1234 };
  const bytes = sample.encode(values);
  assert.deepEqual([...bytes], [1, 2, 3, 4, 0x98, 0xba, 0xdc, 0xfe, 8, 7, 6, 5, 4, 3, 2, 1, 0x12, 0x34]);
  assert.deepEqual(sample.decode(bytes), values);
  assert.equal(sample.offsetOf('kind'), 16);
});

test('a struct whose fields do not add up to its size is refused at load', () => {
  assert.throws(() => struct('wrong', 5, { count: u32le }), { code: 'INTERNAL' });
});

test('decoding past the end says which structure and where', () => {
  assert.throws(
    () => sample.decode(new Uint8Array(20), 4),
    (error: unknown) =>
      error instanceof KindlingError && error.code === 'TRUNCATED' && error.where.structure === 'sample' && error.where.offset === 4,
  );
});

test('sizes above 2^53 - 1 are refused', () => {
  assert.equal(toSize(9007199254740991n, 'size'), Number.MAX_SAFE_INTEGER);
  assert.throws(() => toSize(9007199254740992n, 'size'), { code: 'BAD_VALUE' });
});

test('names: any bytes survive the way to a string and back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      assert.deepEqual([...nameToBytes(nameFromBytes(bytes))], [...bytes]);
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test('names: order is byte order, also beyond ASCII and for invalid UTF-8', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), fc.uint8Array({ maxLength: 12 }), (a, b) => {
      assert.equal(compareNames(nameFromBytes(a), nameFromBytes(b)), compareBytes(a, b));
    }),
    { seed: 2, numRuns: 3000 },
  );
});

test('sources refuse every range that leaves them', () => {
  const source = bytesSource(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7));
  const part = sliceSource(source, 2, 4);
  assert.deepEqual([...part.read(1, 3)], [3, 4, 5]);
  for (const [at, size] of [
    [-1, 1],
    [0, 5],
    [4, 1],
    [2, -1],
  ] as const) {
    assert.throws(() => part.read(at, size), { code: 'TRUNCATED' });
  }
  assert.throws(() => sliceSource(source, 7, 2), { code: 'TRUNCATED' });
});

test('a lazy source is made once, on first use', () => {
  let made = 0;
  const source = lazySource(3, () => {
    made++;
    return Uint8Array.of(7, 8, 9);
  });
  assert.equal(made, 0);
  assert.deepEqual([...source.read(1, 2)], [8, 9]);
  source.read(0, 1);
  assert.equal(made, 1);
});

test('a memory sink keeps what is appended, across growth', () => {
  const sink = memorySink();
  const chunk = new Uint8Array(40000).fill(5);
  for (let turn = 0; turn < 5; turn++) sink.append(chunk);
  assert.equal(sink.size, 200000);
  assert.ok(sink.take().every((byte) => byte === 5));
});
