// gzip (RFC 1952): one member. The old magic 1f 9e, which Linux accepts too, is the same format.
import type { Decoded, Decoder } from './codec.ts';
import { adler32, crc32 } from './crc.ts';
import { badMagic, badValue, mustMatch, truncated, unsupported } from './fault.ts';
import { inflate } from './inflate.ts';
import { Output } from './output.ts';

const STRUCTURE = 'gzip member';
const HEADER_SIZE = 10;
const TRAILER_SIZE = 8;
const FLAG_HEADER_CRC = 2;
const FLAG_EXTRA = 4;
const FLAG_NAME = 8;
const FLAG_COMMENT = 16;
const FLAGS_RESERVED = 0xe0;

/** True for both gzip magics. */
export function detect(head: Uint8Array): boolean {
  return head[0] === 0x1f && (head[1] === 0x8b || head[1] === 0x9e);
}

function afterText(input: Uint8Array, at: number): number {
  const end = input.indexOf(0, at);
  if (end < 0) throw truncated(STRUCTURE, input.length, 'the NUL after a name or comment');
  return end + 1;
}

/** The offset at which the deflate stream starts. Throws for a damaged header. */
export function headerSize(input: Uint8Array): number {
  if (input.length < HEADER_SIZE) {
    if (input.length >= 2 && !detect(input)) throw badMagic(STRUCTURE, 0);
    throw truncated(STRUCTURE, input.length, 'the 10-byte header');
  }
  if (!detect(input)) throw badMagic(STRUCTURE, 0);
  if (input[2] !== 8) throw unsupported(STRUCTURE, 2, `compression method ${input[2]}, only 8 (deflate) exists`);
  const flags = input[3]!;
  if ((flags & FLAGS_RESERVED) !== 0) throw badValue(STRUCTURE, 3, `reserved flags are set (${flags.toString(16)})`);
  let at = HEADER_SIZE;
  if (flags & FLAG_EXTRA) {
    if (at + 2 > input.length) throw truncated(STRUCTURE, input.length, 'the size of the extra field');
    at += 2 + (input[at]! | (input[at + 1]! << 8));
  }
  if (flags & FLAG_NAME) at = afterText(input, at);
  if (flags & FLAG_COMMENT) at = afterText(input, at);
  if (flags & FLAG_HEADER_CRC) {
    if (at + 2 > input.length) throw truncated(STRUCTURE, input.length, 'the header CRC');
    mustMatch(STRUCTURE, at, 'header CRC-16', input[at]! | (input[at + 1]! << 8), crc32(input.subarray(0, at)) & 0xffff);
    at += 2;
  }
  if (at > input.length) throw truncated(STRUCTURE, input.length, 'the end of the header');
  return at;
}

/** Checks the trailer at `at` against what was unpacked (its CRC-32 and size); returns the offset after it. */
export function checkTrailer(input: Uint8Array, at: number, crc: number, size: number): number {
  if (at + TRAILER_SIZE > input.length) throw truncated(STRUCTURE, input.length, 'the 8-byte trailer');
  const view = new DataView(input.buffer, input.byteOffset + at, TRAILER_SIZE);
  mustMatch(STRUCTURE, at, 'CRC-32', view.getUint32(0, true), crc);
  const stored = view.getUint32(4, true);
  if (stored !== size % 0x1_0000_0000) throw badValue(STRUCTURE, at + 4, `its size is stored as ${stored}, ${size} bytes came out`);
  return at + TRAILER_SIZE;
}

function decode(input: Uint8Array, limit: number): Decoded {
  const output = new Output(STRUCTURE, limit);
  const end = inflate(input, headerSize(input), output);
  const bytes = output.take();
  return { bytes, consumed: checkTrailer(input, end, crc32(bytes), bytes.length) };
}

const ZLIB = 'zlib stream';

/** A zlib stream (RFC 1950) and nothing after it. */
function decodeBlock(input: Uint8Array, limit: number): Uint8Array {
  if (input.length < 2) throw truncated(ZLIB, input.length, 'the 2-byte header');
  const head = (input[0]! << 8) | input[1]!;
  if ((input[0]! & 15) !== 8 || input[0]! >> 4 > 7 || head % 31 !== 0)
    throw badValue(ZLIB, 0, `a header of ${head.toString(16).padStart(4, '0')}`);
  if (input[1]! & 0x20) throw unsupported(ZLIB, 1, 'a preset dictionary');
  const output = new Output(ZLIB, limit);
  const end = inflate(input, 2, output);
  const bytes = output.take();
  if (end + 4 > input.length) throw truncated(ZLIB, input.length, 'the Adler-32');
  mustMatch(ZLIB, end, 'Adler-32', new DataView(input.buffer, input.byteOffset + end, 4).getUint32(0), adler32(bytes));
  if (end + 4 !== input.length) throw badValue(ZLIB, end + 4, `${input.length - end - 4} bytes after its end`);
  return bytes;
}

/** The pure gzip decoder. */
export const gzip: Decoder = { name: 'gzip', detect, decode, decodeBlock };
