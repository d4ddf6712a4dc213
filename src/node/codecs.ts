// The codecs of a real machine. Decoders are Node's own where those are faster than the pure ones; whatever they refuse is decoded once
// more by the pure decoder, which words the error (so the errors of both are the same, and say where).
import * as zlib from 'node:zlib';
import { type Decoded, type Decoder, gzipFrame, pureDecoders, zstdFrame } from '../codecs/index.ts';
import { KindlingError } from '../errors.ts';

const CHUNK_LEAST = 64 * 1024;
const CHUNK_MOST = 4 * 1024 * 1024;
const PLAUSIBLE_RATIO = 16;

function overLimit(structure: string, limit: number): KindlingError {
  return new KindlingError('LIMIT', `${structure}: decompresses to more than the limit of ${limit} bytes`, { structure });
}

/** True for the one failure of Node's zlib that the pure decoder need not be asked about. */
function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}

/** Node allocates output in pieces of `chunkSize`; a good guess of the whole size saves joining them. */
function chunkSize(guess: number, limit: number): number {
  return Math.max(64, Math.min(guess, limit + 64, CHUNK_MOST * 256));
}

function trimmed(bytes: Buffer): Uint8Array {
  const whole = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  return whole.length * 2 < bytes.buffer.byteLength ? whole.slice() : whole;
}

/** What `inflateRawSync` returns when asked for `info`; the type declarations of Node leave it out. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

function gunzip(input: Uint8Array, limit: number): Decoded {
  const dataAt = gzipFrame.headerSize(input);
  const body = input.subarray(dataAt);
  // when the input is one member and no more, its last four bytes are its size
  const stated = new DataView(input.buffer, input.byteOffset + input.length - 4, 4).getUint32(0, true);
  const guess = stated <= body.length * 1032 ? stated + 64 : Math.min(CHUNK_MOST, Math.max(CHUNK_LEAST, body.length * 4));
  const options = { info: true, chunkSize: chunkSize(guess, limit), maxOutputLength: Math.max(1, limit) };
  const { buffer, engine } = zlib.inflateRawSync(body, options) as unknown as Inflated;
  if (buffer.length > limit) throw overLimit('gzip member', limit);
  const consumed = gzipFrame.checkTrailer(input, dataAt + engine.bytesWritten, zlib.crc32(buffer), buffer.length);
  return { bytes: trimmed(buffer), consumed };
}

function unzstd(input: Uint8Array, limit: number): Decoded {
  const { consumed, contentSize, contentBound, blocks } = zstdFrame.walk(input);
  if ((contentSize ?? 0) > limit) throw overLimit('zstd frame', limit);
  if (blocks.length === 0 || contentBound === 0) return pureDecoder('zstd').decode(input, limit);
  // Blocks are full but for the last, unless somebody means harm: then the bound is far off. A little more, or Node makes a second piece.
  const bound = contentBound <= consumed * PLAUSIBLE_RATIO ? contentBound : Math.min(contentBound, CHUNK_MOST);
  const guess = (contentSize ?? bound) + 64;
  const options = { chunkSize: chunkSize(guess, limit), maxOutputLength: Math.max(1, limit) };
  const buffer = zlib.zstdDecompressSync(input.subarray(0, consumed), options);
  if (buffer.length > limit) throw overLimit('zstd frame', limit);
  return { bytes: trimmed(buffer), consumed };
}

/** A zlib stream: the first guess holds what squashfs keeps in a metadata block, or the whole block. */
function inflateBlock(input: Uint8Array, limit: number): Uint8Array {
  const options = {
    info: true,
    chunkSize: chunkSize(limit <= CHUNK_MOST ? limit : CHUNK_LEAST, limit),
    maxOutputLength: Math.max(1, limit),
  };
  const { buffer, engine } = zlib.inflateSync(input, options) as unknown as Inflated;
  if (engine.bytesWritten !== input.length) throw new Error('bytes after the end: the pure decoder says where');
  return trimmed(buffer);
}

function unzstdBlock(input: Uint8Array, limit: number): Uint8Array {
  const { bytes, consumed } = unzstd(input, limit);
  if (consumed !== input.length) throw new Error('bytes after the end: the pure decoder says where');
  return bytes;
}

function pureDecoder(name: Decoder['name']): Decoder {
  const found = pureDecoders.find((decoder) => decoder.name === name);
  if (found === undefined) throw new KindlingError('INTERNAL', `there is no pure decoder for ${name}`);
  return found;
}

type Unpack<T> = (input: Uint8Array, limit: number) => T;

/** What the native decoder makes of it; what that refuses, the pure one words. */
function attempt<T>(name: string, fast: Unpack<T>, pure: Unpack<T>, input: Uint8Array, limit: number): T {
  try {
    return fast(input, limit);
  } catch (error) {
    if (error instanceof KindlingError) throw error;
    if (isTooLarge(error)) throw overLimit(`${name} data`, limit);
    return pure(input, limit);
  }
}

function native(name: Decoder['name'], decode: Decoder['decode'], decodeBlock: NonNullable<Decoder['decodeBlock']>): Decoder {
  const pure = pureDecoder(name);
  return {
    name,
    detect: pure.detect,
    decode: (input, limit) => attempt(name, decode, pure.decode, input, limit),
    decodeBlock: (input, limit) => attempt(name, decodeBlock, pure.decodeBlock!, input, limit),
  };
}

/** A decoder for each compression, the fastest there is here. Same results and errors as the pure ones. */
export function nodeDecoders(): readonly Decoder[] {
  const faster = [native('gzip', gunzip, inflateBlock), native('zstd', unzstd, unzstdBlock)];
  return pureDecoders.map((pure) => faster.find(({ name }) => name === pure.name) ?? pure);
}

export { nodeEncoders } from './codecs-encode.ts';
