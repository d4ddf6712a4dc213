// Zstandard's two entropy codes: FSE tables (RFC 8878 section 4.1) and Huffman tables (4.2).
import { badValue, truncated } from './fault.ts';

const STRUCTURE = 'zstd block';

/** A finite state table: for each state the symbol, the bits to read and the base of the next state. */
export interface FseTable {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly bases: Uint16Array;
}

/** Spreads normalised counts (-1 is "less than one") over a table of 2^log states. */
export function fseTable(counts: ArrayLike<number>, log: number): FseTable {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const bits = new Uint8Array(size);
  const bases = new Uint16Array(size);
  const next = new Uint16Array(counts.length);
  let high = size - 1;
  for (let symbol = 0; symbol < counts.length; symbol++) {
    const count = counts[symbol]!;
    if (count === -1) {
      symbols[high--] = symbol;
      next[symbol] = 1;
    } else next[symbol] = count;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  for (let symbol = 0; symbol < counts.length; symbol++) {
    for (let index = 0; index < counts[symbol]!; index++) {
      symbols[at] = symbol;
      do at = (at + step) & (size - 1);
      while (at > high);
    }
  }
  for (let state = 0; state < size; state++) {
    const value = next[symbols[state]!]!++;
    const width = log - (31 - Math.clz32(value));
    bits[state] = width;
    bases[state] = (value << width) - size;
  }
  return { log, symbols, bits, bases };
}

/** A table of one symbol that costs no bits. */
export function rleTable(symbol: number): FseTable {
  return { log: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), bases: new Uint16Array(1) };
}

/** Reads the description of an FSE table from [at, end); returns the table and the offset after it. */
export function readFse(input: Uint8Array, at: number, end: number, logMax: number, symbolCount: number): { table: FseTable; at: number } {
  if (at >= end) throw truncated(STRUCTURE, at, 'an FSE table');
  let bitAt = at * 8;
  const peek = (width: number): number => {
    const byte = bitAt >> 3;
    const word = (input[byte] ?? 0) | ((input[byte + 1] ?? 0) << 8) | ((input[byte + 2] ?? 0) << 16);
    return (word >> (bitAt & 7)) & ((1 << width) - 1);
  };
  const log = peek(4) + 5;
  bitAt += 4;
  if (log > logMax) throw badValue(STRUCTURE, at, `an FSE table of 2^${log} states, at most 2^${logMax} are allowed`);
  let remaining = (1 << log) + 1;
  let threshold = 1 << log;
  let width = log + 1;
  const counts: number[] = [];
  while (remaining > 1) {
    if (counts.length >= symbolCount || bitAt > end * 8) throw badValue(STRUCTURE, at, 'an FSE table with too many symbols');
    const low = 2 * threshold - 1 - remaining;
    let value = peek(width);
    if ((value & (threshold - 1)) < low) {
      value &= threshold - 1;
      bitAt += width - 1;
    } else {
      if (value >= threshold) value -= low;
      bitAt += width;
    }
    const count = value - 1;
    remaining -= Math.abs(count);
    counts.push(count);
    while (remaining < threshold && threshold > 1) {
      width--;
      threshold >>= 1;
    }
    if (count !== 0) continue;
    for (let repeat = 3; repeat === 3; ) {
      repeat = peek(2);
      bitAt += 2;
      for (let index = 0; index < repeat; index++) counts.push(0);
      if (counts.length > symbolCount || bitAt > end * 8) throw badValue(STRUCTURE, at, 'an FSE table with too many symbols');
    }
  }
  if (remaining !== 1) throw badValue(STRUCTURE, at, 'an FSE table whose probabilities do not add up');
  const after = (bitAt + 7) >> 3;
  if (after > end) throw truncated(STRUCTURE, end, 'the end of an FSE table');
  return { table: fseTable(counts, log), at: after };
}

/** A Huffman table indexed by the next `log` bits: `symbol << 4 | length`. */
export interface HuffmanTable {
  readonly log: number;
  readonly entries: Uint16Array;
}

const HUFFMAN_LOG_MAX = 11;

function fseWeights(input: Uint8Array, start: number, end: number): number[] {
  const { table, at } = readFse(input, start, end, 6, 256);
  const bits = backwardBits(input, at, end);
  const weights: number[] = [];
  const states = [bits.take(table.log), bits.take(table.log)];
  if (bits.left < 0) throw badValue(STRUCTURE, at, 'Huffman weights that are too short');
  for (let turn = 0; weights.length < 255; turn ^= 1) {
    const state = states[turn]!;
    weights.push(table.symbols[state]!);
    states[turn] = table.bases[state]! + bits.take(table.bits[state]!);
    if (bits.left < 0) {
      weights.push(table.symbols[states[turn ^ 1]!]!);
      return weights;
    }
  }
  throw badValue(STRUCTURE, at, 'more than 255 Huffman weights');
}

/** Reads a Huffman table description from [at, end); returns the table and the offset after it. */
export function readHuffman(input: Uint8Array, at: number, end: number): { table: HuffmanTable; at: number } {
  if (at >= end) throw truncated(STRUCTURE, at, 'a Huffman table');
  const header = input[at]!;
  const direct = header >= 128;
  const size = direct ? (header - 126) >> 1 : header;
  const after = at + 1 + size;
  if (after > end) throw truncated(STRUCTURE, end, 'the end of a Huffman table');
  let weights: number[] = [];
  if (direct) {
    for (let index = 0; index < header - 127; index++) {
      const byte = input[at + 1 + (index >> 1)]!;
      weights.push(index & 1 ? byte & 15 : byte >> 4);
    }
  } else weights = fseWeights(input, at + 1, after);
  return { table: huffmanTable(weights, at), at: after };
}

function huffmanTable(weights: number[], at: number): HuffmanTable {
  if (weights.length > 255) throw badValue(STRUCTURE, at, 'more than 255 Huffman weights');
  let total = 0;
  for (const weight of weights) {
    if (weight > HUFFMAN_LOG_MAX + 1) throw badValue(STRUCTURE, at, `a Huffman weight of ${weight}`);
    total += weight > 0 ? 1 << (weight - 1) : 0;
  }
  if (total === 0) throw badValue(STRUCTURE, at, 'a Huffman table without symbols');
  const log = 32 - Math.clz32(total);
  if (log > HUFFMAN_LOG_MAX) throw badValue(STRUCTURE, at, `Huffman codes of ${log} bits, at most ${HUFFMAN_LOG_MAX} are allowed`);
  // the last weight is not stored: it is what makes the total a power of two
  const rest = (1 << log) - total;
  if ((rest & (rest - 1)) !== 0) throw badValue(STRUCTURE, at, 'Huffman weights that do not add up');
  weights.push(32 - Math.clz32(rest));
  const entries = new Uint16Array(1 << log);
  let next = 0;
  for (let weight = 1; weight <= log; weight++) {
    for (let symbol = 0; symbol < weights.length; symbol++) {
      if (weights[symbol] !== weight) continue;
      const count = 1 << (weight - 1);
      entries.fill((symbol << 4) | (log + 1 - weight), next, next + count);
      next += count;
    }
  }
  return { log, entries };
}

/** A bit stream read from its end: a final 1 bit marks where it starts. `left` goes negative when more was taken than there is. */
export interface BackwardBits {
  readonly left: number;
  /** The next `width` (0 to 24) bits; zeros past the beginning. */
  take(width: number): number;
}

/** How many bits of [at, end) precede the marker bit. Throws when there is none. */
export function backwardStart(input: Uint8Array, at: number, end: number): number {
  const last = end > at ? input[end - 1]! : 0;
  if (last === 0) throw badValue(STRUCTURE, end, 'a bit stream without its final marker bit');
  return (end - at) * 8 - (Math.clz32(last) - 23);
}

function backwardBits(input: Uint8Array, at: number, end: number): BackwardBits {
  let left = backwardStart(input, at, end);
  const byteAt = (index: number): number => (index < 0 ? 0 : input[at + index]!);
  return {
    get left() {
      return left;
    },
    take(width) {
      left -= width;
      if (width === 0) return 0;
      const byte = left >> 3;
      const word = byteAt(byte) | (byteAt(byte + 1) << 8) | (byteAt(byte + 2) << 16) | (byteAt(byte + 3) << 24);
      return (word >>> (left & 7)) & ((1 << width) - 1);
    },
  };
}
