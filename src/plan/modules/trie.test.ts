// The kmod index, both directions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KindlingError } from '../../errors.ts';
import { decodeIndex, encodeIndex, type IndexValue } from './trie.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('one key, byte by byte', () => {
  const bytes = encodeIndex([{ key: 'ab', value: 'v', priority: 7 }]);
  //                                magic    version  root     prefix  count    priority value
  assert.equal(hex(bytes), 'b007f457' + '00020001' + 'c000000c' + '616200' + '00000001' + '00000007' + '7600');
});

test('an empty index has an empty root', () => {
  assert.deepEqual(decodeIndex(encodeIndex([])), []);
});

test('values of one key come by priority, then as given; keys that are no ASCII are left out', () => {
  const row = (key: string, value: string, priority: number): IndexValue => ({ key, value, priority });
  const decoded = decodeIndex(encodeIndex([row('k', 'late', 9), row('k', 'a', 1), row('kk', 'x', 0), row('k', 'b', 1), row('ä', 'n', 0)]));
  assert.deepEqual(
    decoded.map(({ key, value }) => `${key}=${value}`),
    ['k=a', 'k=b', 'k=late', 'kk=x'],
  );
});

const key = fc.stringMatching(/^[ab_*:]{1,8}$/);
const row = fc.record({ key, value: fc.stringMatching(/^[a-z]{0,5}$/), priority: fc.nat({ max: 3 }) });

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), (rows) => {
      const expected = rows
        .map((one, index) => ({ one, index }))
        .sort((a, b) => (a.one.key === b.one.key ? a.one.priority - b.one.priority || a.index - b.index : a.one.key < b.one.key ? -1 : 1));
      assert.deepEqual(
        decodeIndex(encodeIndex(rows)),
        expected.map(({ one }) => ({ ...one })),
      );
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('mutated indexes give an answer or a KindlingError', () => {
  const bytes = encodeIndex(Array.from({ length: 40 }, (_, index) => ({ key: `k${index}`, value: `v${index}`, priority: index })));
  const mutation = fc.record({ at: fc.nat({ max: bytes.length - 1 }), value: fc.nat({ max: 255 }) });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), fc.nat({ max: bytes.length }), (mutations, size) => {
      const copy = bytes.slice(0, size % 3 === 0 ? size : bytes.length);
      for (const { at, value } of mutations) if (at < copy.length) copy[at] = value;
      try {
        decodeIndex(copy);
      } catch (error) {
        if (!(error instanceof KindlingError)) throw error;
      }
    }),
    { seed: 2, numRuns: 3000 },
  );
});

test('a node that is its own child is refused, and so are nodes shared without end', () => {
  const u32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  const header = [...u32(0xb007f457), ...u32(0x00020001)];
  const self = Uint8Array.from([...header, ...u32(0x2000000c), 65, 65, ...u32(0x2000000c)]);
  assert.throws(
    () => decodeIndex(self),
    (error) => error instanceof KindlingError && error.code === 'BAD_VALUE',
  );
  // forty levels, each pointing twice at the next: 2^40 paths through 240 bytes
  const levels = Array.from({ length: 40 }, (_, level) => [
    65,
    66,
    ...u32(0x20000000 + 12 + (level + 1) * 10),
    ...u32(0x20000000 + 12 + (level + 1) * 10),
  ]).flat();
  const shared = Uint8Array.from([...header, ...u32(0x2000000c), ...levels, 65, 64]);
  assert.throws(() => decodeIndex(shared), KindlingError);
});

test('another magic, another version', () => {
  const bytes = encodeIndex([]);
  const with32 = (at: number, value: number) => {
    const copy = bytes.slice();
    new DataView(copy.buffer).setUint32(at, value);
    return copy;
  };
  assert.throws(
    () => decodeIndex(with32(0, 1)),
    (error) => error instanceof KindlingError && error.code === 'BAD_MAGIC',
  );
  assert.throws(
    () => decodeIndex(with32(4, 0x00030000)),
    (error) => error instanceof KindlingError && error.code === 'UNSUPPORTED',
  );
});
