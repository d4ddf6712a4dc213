// The codecs as they work inside a worker: synchronous, one block in, one block out. What they write is read by Linux' squashfs: gzip as a
// zlib stream, zstd as one frame that states its size, xz as one stream with CRC-32, lz4 as a raw block.
import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { KindlingError } from '../../errors.ts';
import type { BlockChoice } from './choice.ts';

/** Compresses one block; the answer may be longer than the block, and stays valid until the next call. */
export type BlockCodec = (input: Uint8Array) => Uint8Array;

// The highest levels of zlib search long for little. With matches of three bytes, and codes fitted to each part, the search of a lower level
// gives smaller blocks than zlib's own level 9, in half the time or less.
const SEARCH_LEVEL: Readonly<Record<number, number>> = { 9: 7, 8: 6, 7: 5 };
// Deflate blocks of 4096 symbols: codes fit each part of a file, 1 % smaller than with zlib's default of 16384.
const GZIP_MEMORY_LEVEL = 6;

const STRATEGIES = {
  default: zlib.constants.Z_DEFAULT_STRATEGY,
  filtered: zlib.constants.Z_FILTERED,
  huffman_only: zlib.constants.Z_HUFFMAN_ONLY,
  run_length_encoded: zlib.constants.Z_RLE,
  fixed: zlib.constants.Z_FIXED,
} as const;

/** What a block can grow to (with fixed codes by an eighth), so that everything comes in one piece. */
function bound(inputSize: number): number {
  return inputSize + (inputSize >>> 3) + 1024;
}

function smallest(input: Uint8Array, codecs: readonly BlockCodec[]): Uint8Array {
  let best: Uint8Array | undefined;
  for (const codec of codecs) {
    const output = codec(input);
    if (best === undefined || output.length < best.length) best = output.slice();
  }
  return best!;
}

async function gzip(choice: Extract<BlockChoice, { name: 'gzip' }>, blockSize: number): Promise<BlockCodec> {
  const { level, windowLog: windowBits, strategies } = choice;
  const search = SEARCH_LEVEL[level];
  const { redeflater } = search === undefined ? { redeflater: undefined } : await import('./redeflate.ts');
  const codecs = (strategies.length === 0 ? (['default'] as const) : strategies).map((name): BlockCodec => {
    if (name === 'default' && redeflater !== undefined) {
      const improve = redeflater(blockSize, 2 ** Math.max(9, windowBits));
      const options = { level: search!, windowBits, memLevel: 9, strategy: zlib.constants.Z_FIXED };
      return (input) => improve(input, zlib.deflateSync(input, { ...options, chunkSize: bound(input.length) }));
    }
    const options = { level, windowBits, memLevel: GZIP_MEMORY_LEVEL, strategy: STRATEGIES[name] };
    return (input) => zlib.deflateSync(input, { ...options, chunkSize: bound(input.length) });
  });
  return codecs.length === 1 ? codecs[0]! : (input) => smallest(input, codecs);
}

function zstd(level: number): BlockCodec {
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: level };
  // Told the size beforehand, zstd tunes itself for a block; without it a block takes ten times as long.
  return (input) => zlib.zstdCompressSync(input, { params, pledgedSrcSize: input.length, chunkSize: bound(input.length) });
}

/** The part of lzma-native that is used here. */
interface LzmaNative {
  readonly CHECK_CRC32: number;
  readonly FILTER_LZMA2: string;
  readonly Stream: new () => LzmaStream;
  readonly [filter: `FILTER_${string}`]: string;
}
interface LzmaStream {
  bufferHandler: (bytes: Uint8Array | null | undefined, done: number | undefined, error: Error | null | undefined) => void;
  setBufsize(size: number): void;
  streamEncoder(options: object): void;
  /** Takes input, or null for its end; with `background` false the handler has been called when it returns. */
  code(input: Uint8Array | null, background: boolean): void;
  resetUnderlying(): void;
}

/** The presets of xz as match finder, mode, nice length, depth. Spelt out, because naming one would fix its dictionary. */
const HC3 = 3;
const HC4 = 4;
const BT4 = 20;
const FAST = 1;
const NORMAL = 2;
const XZ_PRESETS = [
  [HC3, FAST, 128, 4],
  [HC4, FAST, 128, 8],
  [HC4, FAST, 273, 24],
  [HC4, FAST, 273, 48],
  [BT4, NORMAL, 16, 0],
  [BT4, NORMAL, 32, 0],
  [BT4, NORMAL, 64, 0],
  [BT4, NORMAL, 64, 0],
  [BT4, NORMAL, 64, 0],
  [BT4, NORMAL, 64, 0],
] as const;

function xz(choice: Extract<BlockChoice, { name: 'xz' }>): BlockCodec {
  const lzma = createRequire(import.meta.url)('lzma-native') as LzmaNative;
  const [mf, mode, niceLen, depth] = XZ_PRESETS[choice.level]!;
  const lzma2 = { id: lzma.FILTER_LZMA2, options: { dictSize: choice.dictionarySize, mode, mf, niceLen, depth } };
  const chains = [[lzma2], ...choice.filters.map((name) => [{ id: lzma[`FILTER_${name.toUpperCase()}`] }, lzma2])];
  const codecs = chains.map(
    (filters): BlockCodec =>
      (input) => {
        const stream = new lzma.Stream();
        const pieces: Uint8Array[] = [];
        let failure: Error | undefined;
        stream.bufferHandler = (bytes, _done, error) => {
          if (error !== undefined && error !== null) failure = error;
          else if (bytes !== undefined && bytes !== null) pieces.push(bytes);
        };
        stream.setBufsize(bound(input.length));
        stream.streamEncoder({ filters, check: lzma.CHECK_CRC32 });
        stream.code(input, false);
        stream.code(null, false);
        stream.resetUnderlying();
        if (failure !== undefined) throw new KindlingError('INTERNAL', `the xz encoder failed: ${failure.message}`, {}, failure);
        return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      },
  );
  return codecs.length === 1 ? codecs[0]! : (input) => smallest(input, codecs);
}

/** The working form of a choice, for blocks of at most this many bytes. Loads what it needs. */
export async function blockCodec(choice: BlockChoice, blockSize: number): Promise<BlockCodec> {
  switch (choice.name) {
    case 'gzip':
      return gzip(choice, blockSize);
    case 'zstd':
      return zstd(choice.level);
    case 'xz':
      return xz(choice);
    default: {
      const { encodeLz4Block } = await import('../../codecs/index.ts');
      return (input) => encodeLz4Block(input, choice.level);
    }
  }
}

/** What the bytes of a codec depend on besides its choice: the library, its version, and how it is used here. */
export function codecVersion(name: BlockChoice['name']): string {
  const { zlib: zlibVersion, zstd: zstdVersion } = process.versions;
  switch (name) {
    case 'gzip':
      return `zlib ${zlibVersion} ${process.arch} fitted 2`;
    case 'zstd':
      return `zstd ${zstdVersion}`;
    case 'xz':
      return `lzma-native ${(createRequire(import.meta.url)('lzma-native/package.json') as { version: string }).version}`;
    default:
      return 'lz4 1';
  }
}
