// lzop files (as lzop 1.x writes them and lib/decompress_unlzo.c reads them): a header, then blocks of at most 256 KiB
// with their sizes and checksums, ended by a size of zero. All integers are big-endian.
import type { Decoded, Decoder } from './codec.ts';
import { adler32, crc32 } from './crc.ts';
import { badMagic, badValue, mustMatch, truncated, unsupported } from './fault.ts';
import { decodeBlock as decodeBare } from './lzo1x.ts';
import { Output } from './output.ts';

const STRUCTURE = 'lzop file';
const MAGIC = [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a];
const VERSION_WITH_FILTERS = 0x0940;
/** lzop itself refuses larger blocks. */
const BLOCK_SIZE_MAX = 64 * 1024 * 1024;
const FLAG_ADLER_CONTENT = 0x1;
const FLAG_ADLER_PACKED = 0x2;
const FLAG_EXTRA = 0x40;
const FLAG_CRC_CONTENT = 0x100;
const FLAG_CRC_PACKED = 0x200;
const FLAG_MULTIPART = 0x400;
const FLAG_FILTER = 0x800;
const FLAG_HEADER_CRC = 0x1000;

/** Reads big-endian fields one after the other. A stateful reader, so a class. */
class Fields {
  readonly view: DataView;
  at: number;

  constructor(input: Uint8Array, at: number) {
    this.view = new DataView(input.buffer, input.byteOffset, input.byteLength);
    this.at = at;
  }

  take(size: 1 | 2 | 4): number {
    if (this.at + size > this.view.byteLength) throw truncated(STRUCTURE, this.view.byteLength, 'another field');
    const { at } = this;
    this.at += size;
    return size === 1 ? this.view.getUint8(at) : size === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }
}

function detect(head: Uint8Array): boolean {
  return MAGIC.every((byte, index) => head[index] === byte);
}

/** Reads the header; returns its flags. */
function readHeader(input: Uint8Array, fields: Fields): number {
  const version = fields.take(2);
  fields.take(2); // the library's version
  if (version >= VERSION_WITH_FILTERS) fields.take(2); // the version needed to extract
  const methodAt = fields.at;
  const method = fields.take(1);
  if (method < 1 || method > 3) throw unsupported(STRUCTURE, methodAt, `method ${method}, only 1 to 3 (lzo1x) are known`);
  if (version >= VERSION_WITH_FILTERS) fields.take(1); // the level
  const flagsAt = fields.at;
  const flags = fields.take(4);
  if (flags & (FLAG_FILTER | FLAG_MULTIPART))
    throw unsupported(STRUCTURE, flagsAt, `flags ${flags.toString(16)}: a filter or several parts`);
  fields.take(4); // mode
  fields.take(4); // mtime
  if (version >= VERSION_WITH_FILTERS) fields.take(4); // its high half
  const nameSize = fields.take(1);
  for (let index = 0; index < nameSize; index++) fields.take(1);
  checkHeader(input, fields, flags, MAGIC.length);
  if (flags & FLAG_EXTRA) {
    const from = fields.at;
    const size = fields.take(4);
    if (fields.at + size > input.length) throw truncated(STRUCTURE, input.length, 'the extra field');
    fields.at += size;
    checkHeader(input, fields, flags, from);
  }
  return flags;
}

function checkHeader(input: Uint8Array, fields: Fields, flags: number, from: number): void {
  const { at } = fields;
  const covered = input.subarray(from, at);
  if (flags & FLAG_HEADER_CRC) mustMatch(STRUCTURE, at, 'header CRC-32', fields.take(4), crc32(covered));
  else mustMatch(STRUCTURE, at, 'header Adler-32', fields.take(4), adler32(covered));
}

function decode(input: Uint8Array, limit: number): Decoded {
  if (input.length < MAGIC.length) throw truncated(STRUCTURE, input.length, 'the magic number');
  if (!detect(input)) throw badMagic(STRUCTURE, 0);
  const fields = new Fields(input, MAGIC.length);
  const flags = readHeader(input, fields);
  const output = new Output(STRUCTURE, limit);
  for (;;) {
    const blockAt = fields.at;
    const size = fields.take(4);
    if (size === 0) return { bytes: output.take(), consumed: fields.at };
    const packedSize = fields.take(4);
    if (size > BLOCK_SIZE_MAX) throw badValue(STRUCTURE, blockAt, `a block of ${size} bytes, at most ${BLOCK_SIZE_MAX} are allowed`);
    if (packedSize === 0 || packedSize > size) throw badValue(STRUCTURE, blockAt, `a block of ${size} bytes packed to ${packedSize}`);
    const contentAdler = flags & FLAG_ADLER_CONTENT ? fields.take(4) : undefined;
    const contentCrc = flags & FLAG_CRC_CONTENT ? fields.take(4) : undefined;
    const isStored = packedSize === size;
    const packedAdler = flags & FLAG_ADLER_PACKED && !isStored ? fields.take(4) : undefined;
    const packedCrc = flags & FLAG_CRC_PACKED && !isStored ? fields.take(4) : undefined;
    const { at } = fields;
    if (at + packedSize > input.length) throw truncated(STRUCTURE, input.length, `${packedSize} bytes of a block`);
    const packed = input.subarray(at, at + packedSize);
    if (packedAdler !== undefined) mustMatch(STRUCTURE, blockAt, 'Adler-32 of a packed block', packedAdler, adler32(packed));
    if (packedCrc !== undefined) mustMatch(STRUCTURE, blockAt, 'CRC-32 of a packed block', packedCrc, crc32(packed));
    const from = output.size;
    if (isStored) output.append(packed);
    else decodeBare(input, at, at + packedSize, output, size);
    const content = output.bytes.subarray(from, output.size);
    if (contentAdler !== undefined) mustMatch(STRUCTURE, blockAt, 'Adler-32 of a block', contentAdler, adler32(content));
    if (contentCrc !== undefined) mustMatch(STRUCTURE, blockAt, 'CRC-32 of a block', contentCrc, crc32(content));
    fields.at = at + packedSize;
  }
}

function decodeBlock(input: Uint8Array, limit: number): Uint8Array {
  const output = new Output('lzo1x block', limit);
  decodeBare(input, 0, input.length, output, limit, true);
  return output.take();
}

/** The pure decoder of lzop files. */
export const lzop: Decoder = { name: 'lzo', detect, decode, decodeBlock };
