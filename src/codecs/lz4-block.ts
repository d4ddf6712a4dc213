// One LZ4 block (lz4_Block_format.md): sequences of a token, literals, a 16-bit offset and a match.
import { badValue, truncated } from './fault.ts';
import { copyWithin, type Output } from './output.ts';

const STRUCTURE = 'lz4 block';

/**
 * Decompresses the block in [at, end) of `input` to at most `sizeMax` bytes. Blocks are independent: matches stay within this one.
 * With `prefixOnly` it ends as soon as there are `sizeMax` bytes, whatever follows.
 */
export function decodeBlock(input: Uint8Array, start: number, end: number, output: Output, sizeMax: number, prefixOnly = false): void {
  const first = output.size;
  const until = first + sizeMax;
  let at = start;
  for (;;) {
    if (at >= end) throw truncated(STRUCTURE, at, 'a token');
    const token = input[at++]!;
    let literalCount = token >> 4;
    if (literalCount === 15) {
      for (let more = 255; more === 255; literalCount += more) {
        if (at >= end) throw truncated(STRUCTURE, at, 'a count of literals');
        more = input[at++]!;
      }
    }
    if (at + literalCount > end) throw badValue(STRUCTURE, at, `${literalCount} literals, only ${end - at} bytes are left`);
    let size = output.size;
    if (size + literalCount > until) {
      if (!prefixOnly) throw badValue(STRUCTURE, at, `more than ${sizeMax} bytes`);
      literalCount = until - size;
    }
    output.reserve(literalCount);
    let { bytes } = output;
    if (literalCount > 32) bytes.set(input.subarray(at, at + literalCount), size);
    else for (let index = 0; index < literalCount; index++) bytes[size + index] = input[at + index]!;
    at += literalCount;
    size += literalCount;
    output.size = size;
    if (at === end || (prefixOnly && size === until)) return;
    if (at + 2 > end) throw truncated(STRUCTURE, at, 'a match offset');
    const distance = input[at]! | (input[at + 1]! << 8);
    at += 2;
    if (distance === 0 || distance > size - first) {
      throw badValue(STRUCTURE, at - 2, `a back reference of ${distance} bytes, only ${size - first} are there`);
    }
    let matchLength = (token & 15) + 4;
    if (matchLength === 19) {
      for (let more = 255; more === 255; matchLength += more) {
        if (at >= end) throw truncated(STRUCTURE, at, 'a match length');
        more = input[at++]!;
      }
    }
    if (size + matchLength > until) {
      if (!prefixOnly) throw badValue(STRUCTURE, at, `more than ${sizeMax} bytes`);
      matchLength = until - size;
    }
    output.reserve(matchLength);
    bytes = output.bytes;
    copyWithin(bytes, size, distance, matchLength);
    output.size = size + matchLength;
  }
}
