// Zstandard compressed blocks (RFC 8878 section 3.1.1.3): literals, then sequences of literal runs and matches.
import { badValue, truncated } from './fault.ts';
import { copyWithin, type Output } from './output.ts';
import { backwardStart, type FseTable, fseTable, type HuffmanTable, readFse, readHuffman, rleTable } from './zstd-entropy.ts';
import { BLOCK_SIZE_MAX } from './zstd-frame.ts';

const STRUCTURE = 'zstd block';
const counts = (text: string): number[] => text.split(' ').map(Number);
const LITERAL_LENGTH_DEFAULT = fseTable(counts('4 3 2 2 2 2 2 2 2 2 2 2 2 1 1 1 2 2 2 2 2 2 2 2 2 3 2 1 1 1 1 1 -1 -1 -1 -1'), 6);
const MATCH_LENGTH_DEFAULT = fseTable(
  counts('1 4 3 2 2 2 2 2 2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 -1 -1 -1 -1 -1 -1 -1'),
  6,
);
const OFFSET_DEFAULT = fseTable(counts('1 1 1 1 1 1 2 2 2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 -1 -1 -1 -1 -1'), 5);
const LITERAL_LENGTH_BITS = Uint8Array.from(counts('0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 1 1 2 2 3 3 4 6 7 8 9 10 11 12 13 14 15 16'));
const MATCH_LENGTH_BITS = Uint8Array.from(
  counts('0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 1 1 2 2 3 3 4 4 5 7 8 9 10 11 12 13 14 15 16'),
);
const LITERAL_LENGTH_BASE = bases(LITERAL_LENGTH_BITS, 0);
const MATCH_LENGTH_BASE = bases(MATCH_LENGTH_BITS, 3);
const OFFSET_CODE_MAX = 31;

/** Each code starts where the one before ends. */
function bases(bits: Uint8Array, first: number): Uint32Array {
  const starts = new Uint32Array(bits.length);
  let next = first;
  for (let code = 0; code < bits.length; code++) {
    starts[code] = next;
    next += 1 << bits[code]!;
  }
  return starts;
}

/** What one block leaves for the next: tables to repeat and the three last offsets. */
export interface BlockState {
  huffman: HuffmanTable | undefined;
  literalLengths: FseTable | undefined;
  offsets: FseTable | undefined;
  matchLengths: FseTable | undefined;
  readonly recent: [number, number, number];
  readonly literals: Uint8Array;
}

/** The state before the first block of a frame. */
export function freshState(): BlockState {
  return {
    huffman: undefined,
    literalLengths: undefined,
    offsets: undefined,
    matchLengths: undefined,
    recent: [1, 4, 8],
    literals: new Uint8Array(BLOCK_SIZE_MAX),
  };
}

function huffmanStream(input: Uint8Array, at: number, end: number, table: HuffmanTable, into: Uint8Array, from: number, to: number): void {
  const { log, entries } = table;
  const mask = (1 << log) - 1;
  let left = backwardStart(input, at, end);
  let index = from;
  // 24 bits at a time: at least two codes of at most 11 bits
  while (index < to && left >= 24) {
    const bit = left - 24;
    const byte = at + (bit >> 3);
    const word = input[byte]! | (input[byte + 1]! << 8) | (input[byte + 2]! << 16) | (input[byte + 3]! << 24);
    const base = bit & 7;
    let room = 24;
    do {
      const entry = entries[(word >>> (base + room - log)) & mask]!;
      into[index++] = entry >> 4;
      room -= entry & 15;
    } while (room >= log && index < to);
    left = bit + room;
  }
  while (index < to) {
    const bit = left - log;
    let peeked: number;
    if (bit >= 0) {
      const byte = at + (bit >> 3);
      peeked = ((input[byte]! | ((input[byte + 1] ?? 0) << 8) | ((input[byte + 2] ?? 0) << 16)) >>> (bit & 7)) & mask;
    } else {
      if (left <= 0) throw badValue(STRUCTURE, at, 'a Huffman stream that ends too soon');
      peeked = ((input[at]! | ((input[at + 1] ?? 0) << 8)) << -bit) & mask;
    }
    const entry = entries[peeked]!;
    into[index++] = entry >> 4;
    left -= entry & 15;
  }
  if (left !== 0) throw badValue(STRUCTURE, at, 'a Huffman stream that does not end with its last symbol');
}

/** Reads the literals section; returns their count and where the sequences start. */
function readLiterals(input: Uint8Array, at: number, end: number, state: BlockState, sizeMax: number): { size: number; at: number } {
  if (at >= end) throw truncated(STRUCTURE, at, 'the literals section');
  const kind = input[at]! & 3;
  const format = (input[at]! >> 2) & 3;
  const headerSize = kind < 2 ? [1, 2, 1, 3][format]! : [3, 3, 4, 5][format]!;
  if (at + headerSize > end) throw truncated(STRUCTURE, end, 'the literals header');
  let header = 0;
  for (let index = headerSize - 1; index >= 0; index--) header = header * 256 + input[at + index]!;
  let bodyAt = at + headerSize;
  const { literals } = state;
  const check = (size: number): number => {
    if (size > sizeMax) throw badValue(STRUCTURE, at, `${size} literals, a block holds at most ${sizeMax}`);
    return size;
  };
  if (kind < 2) {
    const size = check(format & 1 ? header >> 4 : header >> 3);
    const held = kind === 0 ? size : 1;
    if (bodyAt + held > end) throw truncated(STRUCTURE, end, `${held} literals`);
    if (kind === 0) literals.set(input.subarray(bodyAt, bodyAt + size));
    else literals.fill(input[bodyAt]!, 0, size);
    return { size, at: bodyAt + held };
  }
  const width = [10, 10, 14, 18][format]!;
  const fields = Math.floor(header / 16);
  const size = check(fields % 2 ** width);
  const bodyEnd = bodyAt + Math.floor(fields / 2 ** width);
  if (bodyEnd > end) throw truncated(STRUCTURE, end, 'compressed literals');
  if (kind === 2) {
    const read = readHuffman(input, bodyAt, bodyEnd);
    state.huffman = read.table;
    bodyAt = read.at;
  }
  const table = state.huffman;
  if (table === undefined) throw badValue(STRUCTURE, at, 'literals that repeat a Huffman table, but there was none');
  if (format === 0) {
    huffmanStream(input, bodyAt, bodyEnd, table, literals, 0, size);
    return { size, at: bodyEnd };
  }
  if (bodyAt + 6 > bodyEnd) throw truncated(STRUCTURE, bodyEnd, 'the jump table of four streams');
  const quarter = (size + 3) >> 2;
  let streamAt = bodyAt + 6;
  for (let stream = 0; stream < 4; stream++) {
    const jumpAt = bodyAt + stream * 2;
    const streamEnd = stream === 3 ? bodyEnd : streamAt + (input[jumpAt]! | (input[jumpAt + 1]! << 8));
    if (streamEnd > bodyEnd || quarter * 3 > size) throw badValue(STRUCTURE, jumpAt, 'four streams that do not fit their section');
    huffmanStream(input, streamAt, streamEnd, table, literals, quarter * stream, stream === 3 ? size : quarter * (stream + 1));
    streamAt = streamEnd;
  }
  return { size, at: bodyEnd };
}

function pickTable(
  mode: number,
  fallback: FseTable,
  before: FseTable | undefined,
  logMax: number,
  symbolMax: number,
  input: Uint8Array,
  at: number,
  end: number,
): { table: FseTable; at: number } {
  if (mode === 0) return { table: fallback, at };
  if (mode === 2) return readFse(input, at, end, logMax, symbolMax + 1);
  if (mode === 3) {
    if (before === undefined) throw badValue(STRUCTURE, at, 'a repeat of an FSE table, but there was none');
    return { table: before, at };
  }
  if (at >= end) throw truncated(STRUCTURE, at, 'the symbol of an RLE table');
  if (input[at]! > symbolMax) throw badValue(STRUCTURE, at, `code ${input[at]}, ${symbolMax} is the last`);
  return { table: rleTable(input[at]!), at: at + 1 };
}

/** Decompresses the block in [at, end) of `input`. Its output is at most `sizeMax` bytes; matches reach back over all of `output`. */
export function decodeBlock(input: Uint8Array, start: number, end: number, state: BlockState, output: Output, sizeMax: number): void {
  const literals = readLiterals(input, start, end, state, sizeMax);
  let at = literals.at;
  if (at >= end) throw truncated(STRUCTURE, at, 'the sequences section');
  let count = input[at++]!;
  if (count >= 128) {
    const extra = count === 255 ? 2 : 1;
    if (at + extra > end) throw truncated(STRUCTURE, end, 'the count of sequences');
    count = count === 255 ? input[at]! + (input[at + 1]! << 8) + 0x7f00 : ((count - 128) << 8) + input[at]!;
    at += extra;
  }
  if (count === 0) {
    if (at !== end) throw badValue(STRUCTURE, at, 'bytes after a block without sequences');
    output.append(state.literals.subarray(0, literals.size));
    return;
  }
  if (at >= end) throw truncated(STRUCTURE, end, 'the modes of the sequence tables');
  const modes = input[at++]!;
  if (modes & 3) throw badValue(STRUCTURE, at - 1, 'reserved bits of the sequence modes are set');
  const lengths = pickTable(modes >> 6, LITERAL_LENGTH_DEFAULT, state.literalLengths, 9, 35, input, at, end);
  const offsets = pickTable((modes >> 4) & 3, OFFSET_DEFAULT, state.offsets, 8, OFFSET_CODE_MAX, input, lengths.at, end);
  const matches = pickTable((modes >> 2) & 3, MATCH_LENGTH_DEFAULT, state.matchLengths, 9, 52, input, offsets.at, end);
  state.literalLengths = lengths.table;
  state.offsets = offsets.table;
  state.matchLengths = matches.table;
  runSequences(input, matches.at, end, count, state, literals.size, output, sizeMax);
}

function runSequences(
  input: Uint8Array,
  at: number,
  end: number,
  count: number,
  state: BlockState,
  literalCount: number,
  output: Output,
  sizeMax: number,
): void {
  const lengthTable = state.literalLengths!;
  const offsetTable = state.offsets!;
  const matchTable = state.matchLengths!;
  const { literals, recent } = state;
  const first = output.size;
  let left = backwardStart(input, at, end);
  /** Up to 25 bits. Reading before the beginning gives garbage and a negative `left`, which is refused at the end of the sequence. */
  const take = (width: number): number => {
    left -= width;
    const byte = at + (left >> 3);
    const word = input[byte]! | (input[byte + 1]! << 8) | (input[byte + 2]! << 16) | (input[byte + 3]! << 24);
    return (word >>> (left & 7)) & ((1 << width) - 1);
  };
  let lengthState = take(lengthTable.log);
  let offsetState = take(offsetTable.log);
  let matchState = take(matchTable.log);
  let literalAt = 0;
  for (let index = 0; index < count; index++) {
    const offsetCode = offsetTable.symbols[offsetState]!;
    // an offset may need 31 bits: its high part first
    let offset = offsetCode > 16 ? 2 ** offsetCode + take(offsetCode - 16) * 65536 + take(16) : (1 << offsetCode) + take(offsetCode);
    const matchCode = matchTable.symbols[matchState]!;
    const matchLength = MATCH_LENGTH_BASE[matchCode]! + take(MATCH_LENGTH_BITS[matchCode]!);
    const lengthCode = lengthTable.symbols[lengthState]!;
    const literalLength = LITERAL_LENGTH_BASE[lengthCode]! + take(LITERAL_LENGTH_BITS[lengthCode]!);
    if (offset > 3) {
      offset -= 3;
      recent[2] = recent[1];
      recent[1] = recent[0];
      recent[0] = offset;
    } else {
      const which = offset - 1 + (literalLength === 0 ? 1 : 0);
      offset = which === 3 ? recent[0] - 1 : recent[which]!;
      if (offset === 0) throw badValue(STRUCTURE, at, 'a repeated offset of zero');
      if (which > 0) {
        if (which > 1) recent[2] = recent[1];
        recent[1] = recent[0];
        recent[0] = offset;
      }
    }
    if (index + 1 < count) {
      lengthState = lengthTable.bases[lengthState]! + take(lengthTable.bits[lengthState]!);
      matchState = matchTable.bases[matchState]! + take(matchTable.bits[matchState]!);
      offsetState = offsetTable.bases[offsetState]! + take(offsetTable.bits[offsetState]!);
    }
    if (left < 0) throw badValue(STRUCTURE, at, 'a sequence stream that ends too soon');
    const size = output.size + literalLength + matchLength;
    if (literalAt + literalLength > literalCount) throw badValue(STRUCTURE, at, 'sequences that use more literals than there are');
    if (size - first > sizeMax) throw badValue(STRUCTURE, at, `a block that unpacks to more than ${sizeMax} bytes`);
    if (size > output.bytes.length) output.reserve(literalLength + matchLength);
    const { bytes } = output;
    let to = output.size;
    if (literalLength > 24) bytes.set(literals.subarray(literalAt, literalAt + literalLength), to);
    else for (let copied = 0; copied < literalLength; copied++) bytes[to + copied] = literals[literalAt + copied]!;
    to += literalLength;
    literalAt += literalLength;
    if (offset > to) throw badValue(STRUCTURE, at, `a back reference of ${offset} bytes, only ${to} are there`);
    copyWithin(bytes, to, offset, matchLength);
    output.size = size;
  }
  if (left !== 0) throw badValue(STRUCTURE, at, 'a sequence stream that does not end with its last sequence');
  if (output.size + literalCount - literalAt - first > sizeMax)
    throw badValue(STRUCTURE, at, `a block that unpacks to more than ${sizeMax} bytes`);
  output.append(literals.subarray(literalAt, literalCount));
}
