// The .xz container (xz-file-format.txt 1.2): stream header, blocks, index, footer, padding. Walking it, down to the LZMA2 chunk
// headers, gives exact sizes without decompressing anything; every CRC of the container itself is checked on the way.
import { crc32 } from './crc.ts';
import { badMagic, badValue, mustMatch, truncated, unsupported } from './fault.ts';

const STRUCTURE = 'xz stream';
const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const HEADER_SIZE = 12;
const FILTER_LZMA2 = 0x21;
const FILTERS_MOST = 4;

/** The integrity checks by their number in the stream flags. */
export type CheckKind = 'none' | 'crc32' | 'crc64' | 'sha256';
const CHECKS: Readonly<Record<number, { kind: CheckKind; size: number }>> = {
  0: { kind: 'none', size: 0 },
  1: { kind: 'crc32', size: 4 },
  4: { kind: 'crc64', size: 8 },
  10: { kind: 'sha256', size: 32 },
};

/** One filter before LZMA2: its id and property bytes. */
export interface Filter {
  readonly id: number;
  readonly properties: Uint8Array;
}

/** One block: where its LZMA2 chunks are, what they unpack to, the filters to undo (last applied first) and its check. */
export interface XzBlock {
  readonly at: number;
  readonly chunksEnd: number;
  readonly contentSize: number;
  readonly dictionarySize: number;
  readonly filters: readonly Filter[];
  readonly checkAt: number;
}

/** One stream. `streamSize` excludes, `consumed` includes the padding that follows. */
export interface XzStream {
  readonly check: CheckKind;
  readonly checkSize: number;
  readonly blocks: readonly XzBlock[];
  readonly contentSize: number;
  readonly streamSize: number;
  readonly consumed: number;
}

/** True for the six magic bytes. */
export function detect(head: Uint8Array): boolean {
  return MAGIC.every((byte, index) => head[index] === byte);
}

/** A cursor over variable-length integers. */
interface Cursor {
  at: number;
  readonly end: number;
}

function integer(input: Uint8Array, cursor: Cursor): number {
  let value = 0;
  for (let index = 0; index < 9; index++) {
    if (cursor.at >= cursor.end) throw truncated(STRUCTURE, cursor.at, 'a variable-length integer');
    const byte = input[cursor.at++]!;
    value += (byte & 127) * 2 ** (7 * index);
    if (byte >= 128) continue;
    if (byte === 0 && index > 0) break;
    if (value > Number.MAX_SAFE_INTEGER) break;
    return value;
  }
  throw badValue(STRUCTURE, cursor.at, 'a variable-length integer that is too long');
}

function u32(input: Uint8Array, at: number): number {
  return new DataView(input.buffer, input.byteOffset + at, 4).getUint32(0, true);
}

interface BlockHeader {
  readonly size: number;
  readonly compressedSize: number | undefined;
  readonly contentSize: number | undefined;
  readonly filters: readonly Filter[];
  readonly dictionarySize: number;
}

function blockHeader(input: Uint8Array, at: number): BlockHeader {
  const size = (input[at]! + 1) * 4;
  if (at + size > input.length) throw truncated(STRUCTURE, input.length, 'a block header');
  const crcAt = at + size - 4;
  mustMatch('xz block header', crcAt, 'CRC-32', u32(input, crcAt), crc32(input.subarray(at, crcAt)));
  const flags = input[at + 1]!;
  if (flags & 0x3c) throw unsupported('xz block header', at + 1, `reserved flags are set (${flags.toString(16)})`);
  const cursor = { at: at + 2, end: crcAt };
  const compressedSize = flags & 0x40 ? integer(input, cursor) : undefined;
  const contentSize = flags & 0x80 ? integer(input, cursor) : undefined;
  const filters: Filter[] = [];
  for (let index = 0; index <= (flags & 3) && index < FILTERS_MOST; index++) {
    const id = integer(input, cursor);
    const propertiesSize = integer(input, cursor);
    if (cursor.at + propertiesSize > crcAt) throw badValue('xz block header', cursor.at, 'filter properties that do not fit');
    filters.push({ id, properties: input.subarray(cursor.at, cursor.at + propertiesSize) });
    cursor.at += propertiesSize;
  }
  for (let index = cursor.at; index < crcAt; index++) {
    if (input[index] !== 0) throw badValue('xz block header', index, 'padding that is not zero');
  }
  const last = filters.pop();
  if (last?.id !== FILTER_LZMA2 || last.properties.length !== 1) throw unsupported('xz block header', at, 'the last filter is not LZMA2');
  const bits = last.properties[0]!;
  if (bits > 40) throw badValue('xz block header', at, `dictionary size code ${bits}, 40 is the largest`);
  const dictionarySize = bits === 40 ? 0xffffffff : (2 | (bits & 1)) * 2 ** ((bits >> 1) + 11);
  return { size, compressedSize, contentSize, filters, dictionarySize };
}

/** Steps over LZMA2 chunks by their headers. */
function walkChunks(input: Uint8Array, start: number): { end: number; contentSize: number } {
  let at = start;
  let contentSize = 0;
  for (;;) {
    if (at >= input.length) throw truncated('LZMA2 chunk', input.length, 'a chunk header');
    const control = input[at]!;
    if (control === 0) return { end: at + 1, contentSize };
    const headerSize = control < 0x80 ? 3 : control >= 0xc0 ? 6 : 5;
    if (control > 2 && control < 0x80) throw badValue('LZMA2 chunk', at, `control byte ${control}, which is reserved`);
    if (at + headerSize > input.length) throw truncated('LZMA2 chunk', input.length, 'a chunk header');
    const low = ((input[at + 1]! << 8) | input[at + 2]!) + 1;
    const compressed = control < 0x80 ? low : ((input[at + 3]! << 8) | input[at + 4]!) + 1;
    contentSize += control < 0x80 ? low : ((control & 31) << 16) + low;
    at += headerSize + compressed;
    if (at > input.length) throw truncated('LZMA2 chunk', input.length, `${compressed} bytes`);
  }
}

function walkIndex(input: Uint8Array, start: number, records: readonly { unpadded: number; content: number }[]): number {
  const cursor = { at: start + 1, end: input.length };
  const count = integer(input, cursor);
  if (count !== records.length) throw badValue('xz index', start, `${count} records, there are ${records.length} blocks`);
  for (const { unpadded, content } of records) {
    const at = cursor.at;
    if (integer(input, cursor) !== unpadded || integer(input, cursor) !== content) {
      throw badValue('xz index', at, 'sizes that are not those of the block');
    }
  }
  while ((cursor.at - start) % 4 !== 0) {
    if (cursor.at >= input.length) throw truncated('xz index', input.length, 'padding');
    if (input[cursor.at++] !== 0) throw badValue('xz index', cursor.at - 1, 'padding that is not zero');
  }
  if (cursor.at + 4 > input.length) throw truncated('xz index', input.length, 'its CRC-32');
  mustMatch('xz index', cursor.at, 'CRC-32', u32(input, cursor.at), crc32(input.subarray(start, cursor.at)));
  return cursor.at + 4;
}

function walkFooter(input: Uint8Array, at: number, indexSize: number): void {
  if (at + HEADER_SIZE > input.length) throw truncated('xz footer', input.length, 'the 12-byte footer');
  if (input[at + 10] !== 0x59 || input[at + 11] !== 0x5a) throw badMagic('xz footer', at + 10);
  mustMatch('xz footer', at, 'CRC-32', u32(input, at), crc32(input.subarray(at + 4, at + 10)));
  if ((u32(input, at + 4) + 1) * 4 !== indexSize) throw badValue('xz footer', at + 4, 'an index size that is not that of the index');
  if (input[at + 8] !== input[6] || input[at + 9] !== input[7]) throw badValue('xz footer', at + 8, 'flags that differ from the header');
}

function walkBlock(input: Uint8Array, at: number, checkSize: number): { block: XzBlock; end: number; unpadded: number } {
  const header = blockHeader(input, at);
  const dataAt = at + header.size;
  const { end: chunksEnd, contentSize } = walkChunks(input, dataAt);
  if ((header.compressedSize ?? chunksEnd - dataAt) !== chunksEnd - dataAt || (header.contentSize ?? contentSize) !== contentSize) {
    throw badValue('xz block header', at, 'sizes that are not those of the chunks');
  }
  let checkAt = chunksEnd;
  for (; (checkAt - dataAt) % 4 !== 0; checkAt++) {
    if (checkAt < input.length && input[checkAt] !== 0) throw badValue(STRUCTURE, checkAt, 'block padding that is not zero');
  }
  if (checkAt + checkSize > input.length) throw truncated(STRUCTURE, input.length, 'the check of a block');
  const { filters, dictionarySize } = header;
  const block = { at: dataAt, chunksEnd, contentSize, dictionarySize, filters, checkAt };
  return { block, end: checkAt + checkSize, unpadded: chunksEnd - at + checkSize };
}

/** Walks the stream at the start of `input`, and the NUL padding after it (whole groups of four). Throws for anything damaged or cut short. */
export function walk(input: Uint8Array): XzStream {
  if (input.length < HEADER_SIZE) throw truncated(STRUCTURE, input.length, 'the 12-byte header');
  if (!detect(input)) throw badMagic(STRUCTURE, 0);
  mustMatch('xz header', 8, 'CRC-32', u32(input, 8), crc32(input.subarray(6, 8)));
  const check = CHECKS[input[7]!];
  if (input[6] !== 0 || check === undefined) throw unsupported('xz header', 6, `integrity check ${input[7]}`);
  const blocks: XzBlock[] = [];
  const records: { unpadded: number; content: number }[] = [];
  let contentSize = 0;
  let at = HEADER_SIZE;
  for (;;) {
    if (at >= input.length) throw truncated(STRUCTURE, input.length, 'a block or the index');
    if (input[at] === 0) break;
    const { block, end, unpadded } = walkBlock(input, at, check.size);
    blocks.push(block);
    records.push({ unpadded, content: block.contentSize });
    contentSize += block.contentSize;
    at = end;
  }
  const indexEnd = walkIndex(input, at, records);
  walkFooter(input, indexEnd, indexEnd - at);
  const streamSize = indexEnd + HEADER_SIZE;
  let consumed = streamSize;
  while (consumed + 4 <= input.length && u32(input, consumed) === 0) consumed += 4;
  return { check: check.kind, checkSize: check.size, blocks, contentSize, streamSize, consumed };
}
