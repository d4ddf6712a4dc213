// DEFLATE (RFC 1951): stored, fixed and dynamic blocks into an Output.
import { badValue, truncated } from './fault.ts';
import { copyWithin, type Output } from './output.ts';

const STRUCTURE = 'deflate stream';
const ROOT_BITS = 10;
const LENGTH_BASE = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385,
  24577,
];
const DISTANCE_BITS = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/**
 * A decoding table. The low ROOT_BITS of the input choose an entry: `symbol << 4 | length`, 0 when no code starts so,
 * or minus the index of a second table chosen by the `subBits` that follow.
 */
interface Codes {
  readonly table: Int32Array;
  readonly subBits: number;
}

function reversed(code: number, length: number): number {
  let turned = 0;
  for (let bit = 0; bit < length; bit++) turned |= ((code >> bit) & 1) << (length - 1 - bit);
  return turned;
}

/** Builds the table of a canonical code. An incomplete code is allowed only where zlib allows it: a single code of one bit, or none. */
function buildCodes(lengths: ArrayLike<number>, inputAt: number, mayBeIncomplete: boolean): Codes {
  const counts = new Uint16Array(16);
  for (let symbol = 0; symbol < lengths.length; symbol++) counts[lengths[symbol]!]!++;
  counts[0] = 0;
  const next = new Uint16Array(17);
  let longest = 0;
  let left = 1;
  for (let length = 1; length <= 15; length++) {
    left = left * 2 - counts[length]!;
    if (left < 0) throw badValue(STRUCTURE, inputAt, 'more codes of one length than there can be');
    next[length + 1] = (next[length]! + counts[length]!) << 1;
    if (counts[length]! > 0) longest = length;
  }
  if (left > 0 && !(mayBeIncomplete && longest <= 1)) throw badValue(STRUCTURE, inputAt, 'an incomplete set of codes');
  const subBits = Math.max(0, longest - ROOT_BITS);
  const rootSize = 1 << ROOT_BITS;
  // a long code shares its table with at least one other, so half of them bound the count of tables
  let longCodes = 0;
  for (let length = ROOT_BITS + 1; length <= 15; length++) longCodes += counts[length]!;
  const table = new Int32Array(rootSize + (longCodes << subBits));
  let used = rootSize;
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol]!;
    if (length === 0) continue;
    const code = reversed(next[length]!++, length);
    const entry = (symbol << 4) | length;
    if (length <= ROOT_BITS) {
      for (let at = code; at < rootSize; at += 1 << length) table[at] = entry;
      continue;
    }
    const root = code & (rootSize - 1);
    if (table[root] === 0) {
      table[root] = -used;
      used += 1 << subBits;
    }
    const base = -table[root]!;
    for (let at = code >> ROOT_BITS; at < 1 << subBits; at += 1 << (length - ROOT_BITS)) table[base + at] = entry;
  }
  return { table, subBits };
}

function fixedCodes(): { literals: Codes; distances: Codes } {
  const lengths = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
  return { literals: buildCodes(lengths, 0, false), distances: buildCodes(new Uint8Array(32).fill(5), 0, false) };
}

const FIXED = fixedCodes();

/** Reads bits, least significant first. A stateful reader, so a class. */
class Bits {
  readonly input: Uint8Array;
  at: number;
  held = 0;
  count = 0;

  constructor(input: Uint8Array, at: number) {
    this.input = input;
    this.at = at;
  }

  /** The next `width` (at most 16) bits. */
  take(width: number): number {
    while (this.count < width) {
      if (this.at >= this.input.length) throw truncated(STRUCTURE, this.at, 'more bits');
      this.held |= this.input[this.at++]! << this.count;
      this.count += 8;
    }
    const value = this.held & ((1 << width) - 1);
    this.held >>>= width;
    this.count -= width;
    return value;
  }

  symbol({ table, subBits }: Codes): number {
    while (this.count < 15 && this.at < this.input.length) {
      this.held |= this.input[this.at++]! << this.count;
      this.count += 8;
    }
    let entry = table[this.held & ((1 << ROOT_BITS) - 1)]!;
    if (entry < 0) entry = table[-entry + ((this.held >>> ROOT_BITS) & ((1 << subBits) - 1))]!;
    const length = entry & 15;
    if (length === 0 && this.count >= 15) throw badValue(STRUCTURE, this.at, 'bits that are no code');
    if (length === 0 || length > this.count) throw truncated(STRUCTURE, this.at, 'more codes');
    this.held >>>= length;
    this.count -= length;
    return entry >> 4;
  }
}

function dynamicCodes(bits: Bits): { literals: Codes; distances: Codes } {
  const literalCount = bits.take(5) + 257;
  const distanceCount = bits.take(5) + 1;
  const lengthCount = bits.take(4) + 4;
  if (literalCount > 286 || distanceCount > 30) {
    throw badValue(STRUCTURE, bits.at, `${literalCount} literal and ${distanceCount} distance codes, at most 286 and 30 exist`);
  }
  const codeLengths = new Uint8Array(19);
  for (let index = 0; index < lengthCount; index++) codeLengths[CODE_LENGTH_ORDER[index]!] = bits.take(3);
  const codes = buildCodes(codeLengths, bits.at, false);
  const lengths = new Uint8Array(literalCount + distanceCount);
  for (let index = 0; index < lengths.length; ) {
    const symbol = bits.symbol(codes);
    if (symbol < 16) {
      lengths[index++] = symbol;
      continue;
    }
    if (symbol === 16 && index === 0) throw badValue(STRUCTURE, bits.at, 'a repeat of the length before the first');
    const value = symbol === 16 ? lengths[index - 1]! : 0;
    const count = symbol === 16 ? 3 + bits.take(2) : symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7);
    if (index + count > lengths.length) throw badValue(STRUCTURE, bits.at, 'a repeat past the last code length');
    lengths.fill(value, index, index + count);
    index += count;
  }
  if (lengths[256] === 0) throw badValue(STRUCTURE, bits.at, 'no code for the end of the block');
  return {
    literals: buildCodes(lengths.subarray(0, literalCount), bits.at, true),
    distances: buildCodes(lengths.subarray(literalCount), bits.at, true),
  };
}

function codedBlock(bits: Bits, output: Output, literals: Codes, distances: Codes): void {
  const input = bits.input;
  const table = literals.table;
  const subMask = (1 << literals.subBits) - 1;
  const rootMask = (1 << ROOT_BITS) - 1;
  for (;;) {
    // a run of literals with everything in locals; anything unusual falls to the careful path below
    let { held, count, at } = bits;
    if (output.size < output.limit) output.reserve(1); // at the limit only the end-of-block symbol may follow
    let bytes = output.bytes;
    let size = output.size;
    const room = bytes.length;
    const last = input.length - 4;
    let symbol = -1;
    while (at < last) {
      while (count < 15) {
        held |= input[at++]! << count;
        count += 8;
      }
      let entry = table[held & rootMask]!;
      if (entry < 0) entry = table[-entry + ((held >>> ROOT_BITS) & subMask)]!;
      const length = entry & 15;
      if (length === 0) break;
      const found = entry >> 4;
      if (found < 256) {
        if (size >= room) break;
        bytes[size++] = found;
        held >>>= length;
        count -= length;
        continue;
      }
      held >>>= length;
      count -= length;
      symbol = found;
      break;
    }
    output.size = size;
    bits.held = held;
    bits.count = count;
    bits.at = at;
    if (symbol < 0) symbol = bits.symbol(literals);
    if (symbol < 256) {
      output.reserve(1);
      output.bytes[output.size++] = symbol;
      continue;
    }
    if (symbol === 256) return;
    if (symbol > 285) throw badValue(STRUCTURE, bits.at, `length code ${symbol}, 285 is the last`);
    const length = LENGTH_BASE[symbol - 257]! + bits.take(LENGTH_BITS[symbol - 257]!);
    const code = bits.symbol(distances);
    if (code > 29) throw badValue(STRUCTURE, bits.at, `distance code ${code}, 29 is the last`);
    const distance = DISTANCE_BASE[code]! + bits.take(DISTANCE_BITS[code]!);
    size = output.size;
    if (distance > size) throw badValue(STRUCTURE, bits.at, `a back reference of ${distance} bytes, only ${size} are there`);
    output.reserve(length);
    bytes = output.bytes;
    copyWithin(bytes, size, distance, length);
    output.size = size + length;
  }
}

/** Inflates the raw deflate stream that starts at `at` of `input`; returns the offset of the first byte after it. */
export function inflate(input: Uint8Array, at: number, output: Output): number {
  const bits = new Bits(input, at);
  let last = false;
  while (!last) {
    last = bits.take(1) === 1;
    const kind = bits.take(2);
    if (kind === 3) throw badValue(STRUCTURE, bits.at, 'block type 3, which is reserved');
    if (kind === 0) {
      // back to the byte after the one that holds the block header
      bits.at -= bits.count >> 3;
      bits.held = 0;
      bits.count = 0;
      const size = bits.take(16);
      const complement = bits.take(16);
      if (size !== (~complement & 0xffff)) throw badValue(STRUCTURE, bits.at, 'a stored block whose two sizes disagree');
      if (bits.at + size > input.length) throw truncated(STRUCTURE, bits.at, `${size} stored bytes`);
      output.append(input.subarray(bits.at, bits.at + size));
      bits.at += size;
    } else {
      const { literals, distances } = kind === 1 ? FIXED : dynamicCodes(bits);
      codedBlock(bits, output, literals, distances);
    }
  }
  return bits.at - (bits.count >> 3);
}
