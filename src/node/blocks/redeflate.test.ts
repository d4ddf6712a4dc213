// Streams made smaller hold the same content, whatever it is, and Huffman codes are complete and within their bound.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { codeLengths, codesOf } from './huffman-lengths.ts';
import { redeflater } from './redeflate.ts';

const BLOCK = 131072;

function pack(input: Uint8Array, level = 8, windowBits = 15): Uint8Array {
  const fixed = zlib.deflateSync(input, { level, windowBits, memLevel: 9, strategy: zlib.constants.Z_FIXED });
  return redeflater(input.length, 2 ** Math.max(9, windowBits))(input, fixed).slice();
}

test('programs, text and zeros come back, and are as small as with the highest level of zlib', () => {
  const program = readFileSync(process.execPath);
  for (const [name, input] of [
    ['program', program.subarray(1 << 20, (1 << 20) + BLOCK)],
    ['program at the end', program.subarray(program.length - BLOCK)],
    ['source', readFileSync(new URL('../../../package-lock.json', import.meta.url)).subarray(0, BLOCK)],
  ] as const) {
    const packed = pack(input);
    assert.deepEqual(zlib.inflateSync(packed), input, name);
    const theirs = zlib.deflateSync(input, { level: 9 }).length;
    assert.ok(packed.length <= theirs * 1.005, `${name}: ${packed.length} against ${theirs}`);
  }
  for (const size of [1, 2, 3, 4, 258, 259, 65536, BLOCK]) {
    const zeros = new Uint8Array(size);
    assert.deepEqual(new Uint8Array(zlib.inflateSync(pack(zeros))), zeros, `${size} zeros`);
  }
});

test('one function for many blocks forgets the one before', () => {
  const improve = redeflater(BLOCK, 32768);
  const blocks = ['abcabcabdabc'.repeat(500), 'xyz', 'abc'.repeat(3)].map((text) => Buffer.from(text));
  for (const block of [...blocks, ...blocks]) {
    const fixed = zlib.deflateSync(block, { strategy: zlib.constants.Z_FIXED });
    assert.deepEqual(zlib.inflateSync(improve(block, fixed)), block);
  }
});

test('any content, any level and window', () => {
  const content = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.nat(300))
        .map(([bytes, times]) => Buffer.concat(Array(times).fill(bytes))),
      fc
        .tuple(fc.integer({ min: 1, max: 9 }), fc.nat(3000))
        .map(([kinds, size]) => Uint8Array.from({ length: size }, (_, at) => (at * at) % kinds)),
    ),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(content, fc.integer({ min: 1, max: 9 }), fc.constantFrom(9, 10, 12, 15), (pieces, level, windowBits) => {
      const input = Buffer.concat(pieces);
      if (input.length === 0) return;
      assert.deepEqual(zlib.inflateSync(pack(input, level, windowBits), { windowBits }), input);
    }),
    { numRuns: 150, seed: 3 },
  );
});

test('Huffman codes are complete, bounded, shorter for what is frequent, and prefix-free', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat(3), fc.nat(100_000)), { minLength: 2, maxLength: 286 }),
      fc.constantFrom(9, 15),
      (counts, most) => {
        const frequencies = Uint32Array.from(counts);
        const used = counts.filter((count) => count > 0).length;
        const lengths = codeLengths(frequencies, most);
        assert.deepEqual(
          [...lengths].map((length) => length > 0),
          counts.map((count) => count > 0),
        );
        const kraft = lengths.reduce((sum, length) => sum + (length === 0 ? 0 : 2 ** -length), 0);
        if (used > 1) assert.equal(kraft, 1);
        assert.ok(lengths.every((length) => length <= most));
        const order = [...counts.keys()].filter((symbol) => counts[symbol]! > 0).sort((a, b) => counts[a]! - counts[b]!);
        for (let at = 1; at < order.length; at++) {
          if (counts[order[at]!]! > counts[order[at - 1]!]!) assert.ok(lengths[order[at]!]! <= lengths[order[at - 1]!]!);
        }
        const codes = codesOf(lengths);
        const words = new Set(
          [...codes.keys()].flatMap((symbol) =>
            lengths[symbol] === 0 ? [] : [codes[symbol]!.toString(2).padStart(lengths[symbol]!, '0')],
          ),
        );
        assert.equal(words.size, used);
      },
    ),
    { numRuns: 200, seed: 4 },
  );
});
