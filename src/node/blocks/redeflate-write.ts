// Tokens as DEFLATE blocks (RFC 1951 section 3.2): cut where the statistics change, each block with the code that is shortest.
import { codeLengths, codesOf } from './huffman-lengths.ts';
import { DISTANCE_COUNT, DISTANCES, distanceSymbol, FIXED_LENGTHS, LENGTH_SYMBOL, LENGTHS, MATCH } from './redeflate-tokens.ts';

const END = 256;
const SYMBOL_COUNT = 286;
const PIECE_SIZE = 1024; // tokens; blocks are made of such pieces
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const FIXED_DISTANCES = new Uint8Array(32).fill(5);
// What a block costs besides its tokens, about: some bits for each code that is described.
const HEADER_BITS = 60;
const BITS_PER_CODE = 2.6;

interface Block {
  readonly from: number;
  end: number;
  readonly symbols: Uint32Array;
  readonly distances: Uint32Array;
  bits: number;
}

const TIMES_LOG: Float64Array = Float64Array.from({ length: 4096 }, (_, count) => (count === 0 ? 0 : count * Math.log2(count)));

function timesLog(count: number): number {
  return count < 4096 ? TIMES_LOG[count]! : count * Math.log2(count);
}

/** Bits of symbols with these frequencies under the best code, and of the code's description. */
function entropy(frequencies: Uint32Array): number {
  let total = 0;
  let sum = 0;
  let kinds = 0;
  for (let symbol = 0; symbol < frequencies.length; symbol++) {
    const count = frequencies[symbol]!;
    if (count === 0) continue;
    total += count;
    sum += timesLog(count);
    kinds++;
  }
  return timesLog(total) - sum + kinds * BITS_PER_CODE;
}

function estimate(symbols: Uint32Array, distances: Uint32Array): number {
  return HEADER_BITS + entropy(symbols) + entropy(distances);
}

function piece(tokens: Uint32Array, from: number, end: number): Block {
  const symbols = new Uint32Array(SYMBOL_COUNT);
  const distances = new Uint32Array(DISTANCE_COUNT);
  for (let index = from; index < end; index++) {
    const token = tokens[index]!;
    if (token < MATCH) symbols[token]!++;
    else {
      symbols[257 + LENGTH_SYMBOL[token >>> 16]!]!++;
      distances[distanceSymbol(token & 0xffff)]!++;
    }
  }
  symbols[END] = 1;
  return { from, end, symbols, distances, bits: estimate(symbols, distances) };
}

function blocksOf(tokens: Uint32Array, count: number): Block[] {
  const blocks: Block[] = [];
  const symbols = new Uint32Array(SYMBOL_COUNT);
  const distances = new Uint32Array(DISTANCE_COUNT);
  for (let from = 0; from < count; from += PIECE_SIZE) {
    const next = piece(tokens, from, Math.min(count, from + PIECE_SIZE));
    const block = blocks.at(-1);
    if (block !== undefined) {
      for (let symbol = 0; symbol < SYMBOL_COUNT; symbol++) symbols[symbol] = block.symbols[symbol]! + next.symbols[symbol]!;
      for (let symbol = 0; symbol < DISTANCE_COUNT; symbol++) distances[symbol] = block.distances[symbol]! + next.distances[symbol]!;
      symbols[END] = 1;
      const bits = estimate(symbols, distances);
      if (bits <= block.bits + next.bits) {
        block.symbols.set(symbols);
        block.distances.set(distances);
        block.end = next.end;
        block.bits = bits;
        continue;
      }
    }
    blocks.push(next);
  }
  return blocks;
}

/** Bits into bytes, least significant first. */
class BitSink {
  private readonly into: Uint8Array;
  at: number;
  private hold = 0;
  private held = 0;

  constructor(into: Uint8Array, at: number) {
    this.into = into;
    this.at = at;
  }

  /** At most 24 bits at once. */
  put(bits: number, count: number): void {
    this.hold |= bits << this.held;
    this.held += count;
    while (this.held >= 8) {
      this.into[this.at++] = this.hold & 255;
      this.hold >>>= 8;
      this.held -= 8;
    }
  }

  finish(): number {
    if (this.held > 0) this.into[this.at++] = this.hold & 255;
    return this.at;
  }
}

/** The lengths of both codes in the form of section 3.2.7: symbols 0 to 18, each with its extra bits times 32. */
function runLengths(lengths: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at < lengths.length; ) {
    const length = lengths[at]!;
    let run = 1;
    while (at + run < lengths.length && lengths[at + run] === length) run++;
    at += run;
    if (length !== 0) {
      found.push(length);
      run--;
    }
    while (run >= 3) {
      const most = length === 0 ? 138 : 6;
      const taken = Math.min(run, most);
      if (length !== 0) found.push(16 | ((taken - 3) << 5));
      else found.push(taken <= 10 ? 17 | ((taken - 3) << 5) : 18 | ((taken - 11) << 5));
      run -= taken;
    }
    for (; run > 0; run--) found.push(length);
  }
  return found;
}

const RUN_BITS = [2, 3, 7];

function bitsOf(frequencies: Uint32Array, lengths: Uint8Array): number {
  let bits = 0;
  for (let symbol = 0; symbol < frequencies.length; symbol++) bits += frequencies[symbol]! * lengths[symbol]!;
  return bits;
}

/** Readers of old want no code of fewer than two symbols. */
function atLeastTwo(frequencies: Uint32Array): Uint32Array {
  let kinds = 0;
  for (const count of frequencies) if (count > 0) kinds++;
  for (let symbol = 0; kinds < 2; symbol++) {
    if (frequencies[symbol]! > 0) continue;
    frequencies[symbol] = 1;
    kinds++;
  }
  return frequencies;
}

function lastUsed(lengths: Uint8Array, least: number): number {
  let count = lengths.length;
  while (count > least && lengths[count - 1] === 0) count--;
  return count;
}

function writeBlock(sink: BitSink, tokens: Uint32Array, { from, end, symbols, distances }: Block, isLast: boolean): void {
  let lengths = codeLengths(symbols, 15);
  let distanceLengths = codeLengths(atLeastTwo(distances.slice()), 15);
  const symbolCount = lastUsed(lengths, 257);
  const distanceCount = lastUsed(distanceLengths, 1);
  const described = new Uint8Array(symbolCount + distanceCount);
  described.set(lengths.subarray(0, symbolCount));
  described.set(distanceLengths.subarray(0, distanceCount), symbolCount);
  const runs = runLengths(described);
  const runCounts = new Uint32Array(19);
  for (const run of runs) runCounts[run & 31]!++;
  const runCodeLengths = codeLengths(atLeastTwo(runCounts.slice()), 7);
  let orderCount = 19;
  while (orderCount > 4 && runCodeLengths[CODE_LENGTH_ORDER[orderCount - 1]!] === 0) orderCount--;
  const runExtra = runCounts[16]! * 2 + runCounts[17]! * 3 + runCounts[18]! * 7;
  const dynamicBits =
    14 + orderCount * 3 + bitsOf(runCounts, runCodeLengths) + runExtra + bitsOf(symbols, lengths) + bitsOf(distances, distanceLengths);
  const isFixed = bitsOf(symbols, FIXED_LENGTHS) + bitsOf(distances, FIXED_DISTANCES) <= dynamicBits;
  sink.put((isLast ? 1 : 0) | (isFixed ? 2 : 4), 3);
  if (isFixed) {
    lengths = FIXED_LENGTHS;
    distanceLengths = FIXED_DISTANCES;
  } else {
    sink.put(symbolCount - 257, 5);
    sink.put(distanceCount - 1, 5);
    sink.put(orderCount - 4, 4);
    for (let index = 0; index < orderCount; index++) sink.put(runCodeLengths[CODE_LENGTH_ORDER[index]!]!, 3);
    const runCodes = codesOf(runCodeLengths);
    for (const run of runs) {
      const symbol = run & 31;
      sink.put(runCodes[symbol]!, runCodeLengths[symbol]!);
      if (symbol >= 16) sink.put(run >> 5, RUN_BITS[symbol - 16]!);
    }
  }
  const codes = codesOf(lengths);
  const distanceCodes = codesOf(distanceLengths);
  for (let index = from; index < end; index++) {
    const token = tokens[index]!;
    if (token < MATCH) {
      sink.put(codes[token]!, lengths[token]!);
      continue;
    }
    const length = token >>> 16;
    const symbol = LENGTH_SYMBOL[length]!;
    const codeSize = lengths[257 + symbol]!;
    sink.put(codes[257 + symbol]! | ((length - LENGTHS.base[symbol]!) << codeSize), codeSize + LENGTHS.extra[symbol]!);
    const distance = token & 0xffff;
    const far = distanceSymbol(distance);
    sink.put(distanceCodes[far]!, distanceLengths[far]!);
    sink.put(distance - DISTANCES.base[far]!, DISTANCES.extra[far]!);
  }
  sink.put(codes[END]!, lengths[END]!);
}

/** Writes the tokens as blocks from `at` on; answers where they end. The room must be that of fixed codes: 9 bits a byte of content and 1 KiB more. */
export function writeTokens(tokens: Uint32Array, count: number, into: Uint8Array, at: number): number {
  const sink = new BitSink(into, at);
  const blocks = blocksOf(tokens, count);
  for (const [index, block] of blocks.entries()) writeBlock(sink, tokens, block, index === blocks.length - 1);
  return sink.finish();
}
