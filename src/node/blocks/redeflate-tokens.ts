// The tokens of a DEFLATE stream that has no Huffman codes of its own (RFC 1951 section 3.2.6), and what they cost.
// A token is a literal (below 256), or the length of a match times 65536 plus its distance.
import { KindlingError } from '../../errors.ts';
import { codesOf } from './huffman-lengths.ts';

/** First value of a token that is a match. */
export const MATCH = 65536;
const END = 256;
const FIXED_BITS = 9;

/** Lengths of the fixed code of literals and lengths. */
export const FIXED_LENGTHS: Uint8Array = Uint8Array.from({ length: 288 }, (_, symbol) =>
  symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
);
/** Symbols of a distance code. */
export const DISTANCE_COUNT = 30;

const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BITS = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

/** Ranges of values that share a symbol: where each begins and how many extra bits it has. */
export interface SymbolRanges {
  readonly base: Uint16Array;
  readonly extra: Uint8Array;
}

function ranges(first: number, extra: readonly number[]): SymbolRanges {
  const base = new Uint16Array(extra.length);
  let at = first;
  for (const [symbol, bits] of extra.entries()) {
    base[symbol] = at;
    at += 1 << bits;
  }
  return { base, extra: Uint8Array.from(extra) };
}

/** Lengths 3 to 258; the last symbol is 258 alone. */
export const LENGTHS: SymbolRanges = (() => {
  const made = ranges(3, LENGTH_BITS);
  made.base[28] = 258;
  return made;
})();
/** Distances 1 to 32768. */
export const DISTANCES: SymbolRanges = ranges(1, DISTANCE_BITS);

/** Symbol of each length, less 257. */
export const LENGTH_SYMBOL: Uint8Array = (() => {
  const symbols = new Uint8Array(259);
  for (let symbol = 0; symbol < 29; symbol++) {
    for (let length = LENGTHS.base[symbol]!; length < 259 && length < LENGTHS.base[symbol]! + (1 << LENGTHS.extra[symbol]!); length++) {
      symbols[length] = symbol;
    }
  }
  return symbols;
})();

// Distances up to 256, then by groups of 128: from there on no symbol begins within a group.
const NEAR_SYMBOL = new Uint8Array(257);
const FAR_SYMBOL = new Uint8Array(257);
for (let symbol = 0; symbol < DISTANCE_COUNT; symbol++) {
  const base = DISTANCES.base[symbol]!;
  const end = base + (1 << DISTANCES.extra[symbol]!);
  if (base <= 256) NEAR_SYMBOL.fill(symbol, base, Math.min(end, 257));
  else FAR_SYMBOL.fill(symbol, (base - 1) >> 7, (end - 1) >> 7);
}

/** Symbol of a distance. */
export function distanceSymbol(distance: number): number {
  return distance <= 256 ? NEAR_SYMBOL[distance]! : FAR_SYMBOL[(distance - 1) >> 7]!;
}

/** Low nine bits of the stream to symbol times 16 plus length of its code. */
const FIXED_TABLE: Uint16Array = (() => {
  const table = new Uint16Array(1 << FIXED_BITS);
  const codes = codesOf(FIXED_LENGTHS);
  for (let symbol = 0; symbol < 288; symbol++) {
    const length = FIXED_LENGTHS[symbol]!;
    for (let at = codes[symbol]!; at < 1 << FIXED_BITS; at += 1 << length) table[at] = (symbol << 4) | length;
  }
  return table;
})();
const FIXED_DISTANCE: Uint8Array = Uint8Array.from({ length: 32 }, (_, bits) => {
  let turned = 0;
  for (let bit = 0; bit < 5; bit++) turned |= ((bits >> bit) & 1) << (4 - bit);
  return turned;
});

/** Reads the tokens from `at` on into `tokens`, which has room for one a byte of content; answers how many. Throws INTERNAL for dynamic codes. */
export function fixedTokens(stream: Uint8Array, from: number, tokens: Uint32Array): number {
  let at = from;
  let hold = 0;
  let held = 0;
  let count = 0;
  for (let last = false; !last; ) {
    while (held < 3) {
      hold |= stream[at++]! << held;
      held += 8;
    }
    last = (hold & 1) === 1;
    const type = (hold >> 1) & 3;
    hold >>>= 3;
    held -= 3;
    if (type > 1) throw new KindlingError('INTERNAL', `a deflate block of type ${type}, expected fixed codes`);
    if (type === 0) {
      at -= held >> 3;
      hold = 0;
      held = 0;
      const size = stream[at]! | (stream[at + 1]! << 8);
      for (let index = 0; index < size; index++) tokens[count++] = stream[at + 4 + index]!;
      at += 4 + size;
      continue;
    }
    for (;;) {
      // the longest: 9 bits, or 8 + 5 extra
      while (held < 14) {
        hold |= stream[at++]! << held;
        held += 8;
      }
      const entry = FIXED_TABLE[hold & 511]!;
      const symbol = entry >> 4;
      hold >>>= entry & 15;
      held -= entry & 15;
      if (symbol < END) {
        tokens[count++] = symbol;
        continue;
      }
      if (symbol === END) break;
      const lengthBits = LENGTHS.extra[symbol - 257]!;
      const length = LENGTHS.base[symbol - 257]! + (hold & ((1 << lengthBits) - 1));
      hold >>>= lengthBits;
      held -= lengthBits;
      // 5 bits and 13 extra
      while (held < 18) {
        hold |= stream[at++]! << held;
        held += 8;
      }
      const distanceCode = FIXED_DISTANCE[hold & 31]!;
      const distanceBits = DISTANCES.extra[distanceCode]!;
      const distance = DISTANCES.base[distanceCode]! + ((hold >>> 5) & ((1 << distanceBits) - 1));
      hold >>>= 5 + distanceBits;
      held -= 5 + distanceBits;
      tokens[count++] = length * MATCH + distance;
    }
  }
  return count;
}
