// The encoders. Each compresses one member on a thread of libuv's pool (lz4 is our own and runs at once), so members go side by side as the caller asks for them;
// no encoder uses threads within a member, and nothing of the machine shows in the bytes.
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import * as zlib from 'node:zlib';
import { type Encoder, encodeLz4, LZ4_LEVELS } from '../codecs/index.ts';
import { KindlingError } from '../errors.ts';

const CHUNK_LEAST = 64 * 1024;
// The threads that libuv has unless told.
const AT_ONCE_MOST = 4;
// From here on zstd's tables for a member are tens of MiB.
const ZSTD_LARGE_LEVEL = 11;
/** gzip's operating system byte: Unix, wherever this runs. */
const GZIP_OS_AT = 9;
const GZIP_OS_UNIX = 3;

function checkLevel({ name, levels }: Pick<Encoder, 'name' | 'levels'>, level: number): void {
  if (Number.isInteger(level) && level >= levels.least && level <= levels.most) return;
  throw new KindlingError('USAGE', `${name} has levels ${levels.least} to ${levels.most}, not ${level}`);
}

function encoder(name: Encoder['name'], levels: Encoder['levels'], encode: Encoder['encode'], version?: string): Encoder {
  return {
    name,
    levels,
    ...(version === undefined ? {} : { version }),
    async encode(input, level) {
      checkLevel({ name, levels }, level);
      return encode(input, level);
    },
  };
}

type InTurn = (run: () => Promise<Uint8Array>) => Promise<Uint8Array>;

/**
 * At most so many at once. For what needs 50 MiB and more of working memory: no more than there are processors. All else goes to libuv's
 * threads at once, so that those have work while the main thread reads files.
 */
function turns(most: number): InTurn {
  const waiting: (() => void)[] = [];
  let runningCount = 0;
  return async (run) => {
    if (runningCount >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else runningCount += 1;
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next === undefined) runningCount -= 1;
      else next();
    }
  };
}

function view(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function zlibCall(start: (done: (error: Error | null, result: Buffer) => void) => void): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error ? reject(error) : resolve(view(result))));
  });
}

/** Enough for most members in one piece. */
function chunkFor(input: Uint8Array): number {
  return Math.max(CHUNK_LEAST, Math.ceil(input.length / 2));
}

async function gzip(input: Uint8Array, level: number): Promise<Uint8Array> {
  const bytes = await zlibCall((done) => zlib.gzip(input, { level, memLevel: 9, chunkSize: chunkFor(input) }, done));
  bytes[GZIP_OS_AT] = GZIP_OS_UNIX;
  return bytes;
}

function zstd(input: Uint8Array, level: number): Promise<Uint8Array> {
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: level, [zlib.constants.ZSTD_c_checksumFlag]: 1 };
  // told the size beforehand, zstd tunes itself for it; otherwise it is twice as slow
  const options = { params, pledgedSrcSize: input.length, chunkSize: chunkFor(input) };
  return zlibCall((done) => zlib.zstdCompress(input, options, done));
}

/** The part of lzma-native that is used here. */
interface LzmaNative {
  readonly CHECK_CRC32: number;
  readonly FILTER_LZMA2: string;
  createStream(coder: 'streamEncoder', options: object): NodeJS.ReadWriteStream;
}

/** The presets of xz: dictionary as a power of two, mode (1 fast, 2 normal), match finder, nice length, depth. Spelt out, because naming one would fix its dictionary. */
const HC3 = 3;
const HC4 = 4;
const BT4 = 20;
const XZ_PRESETS = [
  [18, 1, HC3, 128, 4],
  [20, 1, HC4, 128, 8],
  [21, 1, HC4, 273, 24],
  [22, 1, HC4, 273, 48],
  [22, 2, BT4, 16, 0],
  [23, 2, BT4, 32, 0],
  [23, 2, BT4, 64, 0],
  [24, 2, BT4, 64, 0],
  [25, 2, BT4, 64, 0],
  [26, 2, BT4, 64, 0],
] as const;

function xz(input: Uint8Array, level: number): Promise<Uint8Array> {
  const lzma = createRequire(import.meta.url)('lzma-native') as LzmaNative;
  const [dictionaryLog, mode, mf, niceLen, depth] = XZ_PRESETS[level]!;
  // the kernel allocates whatever dictionary the stream names, so none larger than the member
  const sizeLog = Math.max(12, Math.ceil(Math.log2(Math.max(1, input.length))));
  const options = { dictSize: 2 ** Math.min(sizeLog, dictionaryLog), mode, mf, niceLen, depth };
  const filters = [{ id: lzma.FILTER_LZMA2, options }];
  return new Promise((resolve, reject) => {
    const stream = lzma.createStream('streamEncoder', { filters, check: lzma.CHECK_CRC32 });
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => resolve(view(Buffer.concat(pieces))));
    stream.on('error', reject);
    stream.end(input);
  });
}

/** Every encoder by name. What they write, Linux reads: gzip without a time, xz with CRC-32, lz4 legacy, zstd with its size and checksum. */
export function nodeEncoders(): ReadonlyMap<string, Encoder> {
  const inTurn = turns(Math.min(AT_ONCE_MOST, availableParallelism()));
  const all = [
    encoder('none', { least: 0, most: 0, default: 0 }, async (input) => input),
    encoder('gzip', { least: 1, most: 9, default: 6 }, gzip, process.versions.zlib),
    encoder('xz', { least: 0, most: 9, default: 6 }, (input, level) => inTurn(() => xz(input, level))),
    encoder('lz4', LZ4_LEVELS, async (input, level) => encodeLz4(input, level)),
    encoder(
      'zstd',
      { least: 1, most: 19, default: 3 },
      (input, level) => (level < ZSTD_LARGE_LEVEL ? zstd(input, level) : inTurn(() => zstd(input, level))),
      process.versions.zstd,
    ),
  ];
  return new Map(all.map((one) => [one.name, one]));
}
