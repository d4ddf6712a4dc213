// bzip2: one stream ("BZh1" to "BZh9", blocks, footer). There is no published specification; the format is what the program writes:
// Huffman-coded, run-length coded, move-to-front coded indexes of a Burrows-Wheeler transform. Bits are read most significant first.
import type { Decoded, Decoder } from './codec.ts';
import { badMagic, badValue, mustMatch, truncated, unsupported } from './fault.ts';
import { Output } from './output.ts';

const STRUCTURE = 'bzip2 stream';
const BLOCK_MAGIC = [0x314159, 0x265359] as const; // pi
const END_MAGIC = [0x177245, 0x385090] as const; // its square root
const GROUP_SIZE = 50;
const CODE_LENGTH_MAX = 20;

function crcTable(): Int32Array {
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte << 24;
    for (let bit = 0; bit < 8; bit++) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1;
    table[byte] = value;
  }
  return table;
}

const CRC = crcTable();

/** Reads bits, most significant first. A stateful reader, so a class. */
class Bits {
  readonly input: Uint8Array;
  at: number;
  held = 0;
  count = 0;

  constructor(input: Uint8Array, at: number) {
    this.input = input;
    this.at = at;
  }

  /** The next `width` (at most 24) bits. */
  take(width: number): number {
    while (this.count < width) {
      if (this.at >= this.input.length) throw truncated(STRUCTURE, this.at, 'more bits');
      this.held = (this.held << 8) | this.input[this.at++]!;
      this.count += 8;
    }
    this.count -= width;
    return (this.held >>> this.count) & ((1 << width) - 1);
  }

  word(): number {
    return ((this.take(16) << 16) | this.take(16)) >>> 0;
  }
}

/** A canonical code: for each length the largest code and what to add to a code of it to index `symbols`. */
interface Codes {
  readonly limits: Int32Array;
  readonly offsets: Int32Array;
  readonly symbols: Uint16Array;
  readonly least: number;
  readonly most: number;
}

function readCodes(bits: Bits, symbolCount: number): Codes {
  const lengths = new Uint8Array(symbolCount);
  let length = bits.take(5);
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    for (;;) {
      if (length < 1 || length > CODE_LENGTH_MAX) throw badValue(STRUCTURE, bits.at, `a code of ${length} bits`);
      if (bits.take(1) === 0) break;
      length += bits.take(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  const limits = new Int32Array(CODE_LENGTH_MAX + 1).fill(-1);
  const offsets = new Int32Array(CODE_LENGTH_MAX + 1);
  const symbols = new Uint16Array(symbolCount);
  let least = 0;
  let most = 0;
  let code = 0;
  let index = 0;
  for (let size = 1; size <= CODE_LENGTH_MAX; size++) {
    code <<= 1;
    offsets[size] = index - code;
    for (let symbol = 0; symbol < symbolCount; symbol++) {
      if (lengths[symbol] !== size) continue;
      symbols[index++] = symbol;
      code++;
      least ||= size;
      most = size;
    }
    if (code > 1 << size) throw badValue(STRUCTURE, bits.at, 'more codes of one length than there can be');
    limits[size] = code - 1;
  }
  return { limits, offsets, symbols, least, most };
}

function symbolOf(bits: Bits, { limits, offsets, symbols, least, most }: Codes): number {
  let code = bits.take(least);
  for (let size = least; size <= most; size++) {
    if (code <= limits[size]!) {
      const index = code + offsets[size]!;
      if (index >= 0 && index < symbols.length) return symbols[index]!;
      break;
    }
    if (size < most) code = (code << 1) | bits.take(1);
  }
  throw badValue(STRUCTURE, bits.at, 'bits that are no code');
}

/** The bytes that occur in a block, in order: the start of the move-to-front list. */
function readAlphabet(bits: Bits): Uint8Array {
  const ranges = bits.take(16);
  const used: number[] = [];
  for (let range = 0; range < 16; range++) {
    if ((ranges & (0x8000 >> range)) === 0) continue;
    const members = bits.take(16);
    for (let member = 0; member < 16; member++) if (members & (0x8000 >> member)) used.push(range * 16 + member);
  }
  if (used.length === 0) throw badValue(STRUCTURE, bits.at, 'a block without bytes');
  return Uint8Array.from(used);
}

/** Which of the code tables each group of 50 symbols uses. */
function readSelectors(bits: Bits, tableCount: number): Uint8Array {
  const count = bits.take(15);
  if (count === 0) throw badValue(STRUCTURE, bits.at, 'no selectors');
  const recent = Array.from({ length: tableCount }, (_, index) => index);
  const selectors = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    let depth = 0;
    while (bits.take(1) === 1) if (++depth >= tableCount) throw badValue(STRUCTURE, bits.at, `selector ${depth} of ${tableCount} tables`);
    const [table = 0] = recent.splice(depth, 1);
    recent.unshift(table);
    selectors[index] = table;
  }
  return selectors;
}

/** Fills `column` with the last column of the transform; returns its size. */
function readColumn(bits: Bits, column: Uint32Array, list: Uint8Array): number {
  const tableCount = bits.take(3);
  if (tableCount < 2 || tableCount > 6) throw badValue(STRUCTURE, bits.at, `${tableCount} code tables, 2 to 6 are allowed`);
  const selectors = readSelectors(bits, tableCount);
  const endSymbol = list.length + 1;
  const tables = Array.from({ length: tableCount }, () => readCodes(bits, endSymbol + 1));
  let size = 0;
  let run = 0;
  let runBit = 1;
  const endRun = (): void => {
    if (run > column.length - size) throw badValue(STRUCTURE, bits.at, 'more bytes than a block holds');
    column.fill(list[0]!, size, size + run);
    size += run;
    run = 0;
    runBit = 1;
  };
  for (const selector of selectors) {
    const codes = tables[selector]!;
    for (let index = 0; index < GROUP_SIZE; index++) {
      const symbol = symbolOf(bits, codes);
      if (symbol <= 1) {
        // a run length in bijective base 2
        if (runBit > column.length) throw badValue(STRUCTURE, bits.at, 'a run longer than a block');
        run += runBit << symbol;
        runBit *= 2;
        continue;
      }
      if (run > 0) endRun();
      if (symbol === endSymbol) return size;
      if (size >= column.length) throw badValue(STRUCTURE, bits.at, 'more bytes than a block holds');
      const byte = list[symbol - 1]!;
      list.copyWithin(1, 0, symbol - 1);
      list[0] = byte;
      column[size++] = byte;
    }
  }
  throw badValue(STRUCTURE, bits.at, 'a block that its selectors do not finish');
}

/** Inverts the transform and the run-length code before it into `output`; returns the block's CRC. */
function unsort(column: Uint32Array, size: number, origin: number, output: Output): number {
  const starts = new Uint32Array(257);
  for (let index = 0; index < size; index++) starts[column[index]! + 1]!++;
  for (let byte = 1; byte < 257; byte++) starts[byte]! += starts[byte - 1]!;
  // the upper 24 bits of each entry become the link to the one that follows it
  for (let index = 0; index < size; index++) {
    const byte = column[index]! & 255;
    const place = starts[byte]!++;
    column[place] = (column[place]! & 255) | (index << 8);
  }
  let link = column[origin]! >>> 8;
  let crc = -1;
  let same = 0;
  let last = -1;
  for (let left = size; left > 0; left--) {
    const entry = column[link]!;
    link = entry >>> 8;
    const byte = entry & 255;
    if (same === 4) {
      // after four equal bytes comes a count of more of them
      output.repeat(last, byte);
      for (let index = 0; index < byte; index++) crc = (crc << 8) ^ CRC[(crc >>> 24) ^ last]!;
      same = 0;
      continue;
    }
    same = byte === last ? same + 1 : 1;
    last = byte;
    if (output.size === output.bytes.length) output.reserve(1);
    output.bytes[output.size++] = byte;
    crc = (crc << 8) ^ CRC[(crc >>> 24) ^ byte]!;
  }
  return ~crc >>> 0;
}

function decode(input: Uint8Array, limit: number): Decoded {
  if (input.length < 4) throw truncated(STRUCTURE, input.length, 'the 4-byte header');
  if (!detect(input)) throw badMagic(STRUCTURE, 0);
  const column = new Uint32Array((input[3]! - 0x30) * 100_000);
  const output = new Output(STRUCTURE, limit);
  const bits = new Bits(input, 4);
  let combined = 0;
  for (;;) {
    const magicAt = bits.at;
    const high = bits.take(24);
    const low = bits.take(24);
    const stored = bits.word();
    if (high === END_MAGIC[0] && low === END_MAGIC[1]) {
      mustMatch(STRUCTURE, magicAt, 'combined CRC-32', stored, combined);
      return { bytes: output.take(), consumed: bits.at - (bits.count >> 3) };
    }
    if (high !== BLOCK_MAGIC[0] || low !== BLOCK_MAGIC[1]) throw badMagic('bzip2 block', magicAt);
    if (bits.take(1) === 1) throw unsupported(STRUCTURE, bits.at, 'a randomised block, as bzip2 0.9.0 wrote');
    const origin = bits.take(24);
    const size = readColumn(bits, column, readAlphabet(bits));
    if (origin >= size) throw badValue(STRUCTURE, bits.at, `its origin is ${origin} of ${size} rows`);
    const crc = unsort(column, size, origin, output);
    mustMatch('bzip2 block', magicAt, 'CRC-32', stored, crc);
    combined = ((combined << 1) | (combined >>> 31)) ^ crc;
  }
}

/** True for "BZh" and a level from 1 to 9. */
function detect(head: Uint8Array): boolean {
  return head[0] === 0x42 && head[1] === 0x5a && head[2] === 0x68 && head[3]! >= 0x31 && head[3]! <= 0x39;
}

/** The pure bzip2 decoder. */
export const bzip2: Decoder = { name: 'bzip2', detect, decode };
