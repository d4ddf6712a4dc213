// The options of everything that writes a squashfs image: codec, block size, threads, cache; and the compressor they ask for.
import { blockChoice, blockCompressor, CACHE_LIMIT, type PooledCompressor } from '../node/blocks/index.ts';
import type { OptionTable, Parsed } from './verb.ts';
import { usageError } from './verb.ts';
import type { World } from './world.ts';

const BLOCK_LEAST = 4096;
const BLOCK_MOST = 1024 * 1024;
const BLOCK_DEFAULT = 131072;
const CODEC_DEFAULT = 'zstd:3';
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };
// Threads cost more than they save below this much content.
const INLINE_MOST = 1024 * 1024;

/** Options that concern blocks. */
export const BLOCK_OPTIONS: OptionTable = {
  block: { value: 'SIZE', default: '128K', summary: 'bytes in a block, a power of two from 4K to 1M' },
  'codec-option': {
    value: 'NAME=VALUE',
    short: 'X',
    multiple: true,
    summary: 'gzip: window-size=8..15, strategy=LIST; xz: dict-size=SIZE, bcj=LIST',
  },
  threads: { value: 'N', default: 'the number of processors', summary: 'worker threads that compress' },
  'no-cache': { summary: 'neither use nor fill the cache of compressed blocks' },
  'cache-size': { value: 'SIZE', default: `${CACHE_LIMIT / 1024 ** 3}G`, summary: 'most bytes that the cache keeps' },
};

/** A size in bytes such as "128K" or "1M". Throws USAGE. */
export function sizeWord(option: string, text: string): number {
  const parts = /^(\d{1,12})([kKmMgG]?)$/.exec(text);
  if (parts === null) throw usageError(`--${option} is "${text}", expected bytes, with K, M or G behind for KiB, MiB or GiB`);
  return Number(parts[1]) * UNITS[parts[2]!.toLowerCase()]!;
}

/** The block size asked for. Throws USAGE when squashfs has no such blocks. */
export function blockSize(parsed: Parsed): number {
  const text = parsed.value('block');
  const size = text === undefined ? BLOCK_DEFAULT : sizeWord('block', text);
  if (size >= BLOCK_LEAST && size <= BLOCK_MOST && Number.isInteger(Math.log2(size))) return size;
  throw usageError(`--block is "${text}", expected a power of two from 4K to 1M`);
}

/** What was asked for, not started yet. */
export interface BlockWords {
  readonly blockSize: number;
  /** The codec as it is told to a person. */
  readonly codec: string;
  /** Makes the compressor, for this many bytes of content. */
  compressor(contentSize: number): PooledCompressor;
}

/** Reads the options. `codec` is the word of --codec, or undefined for the default. Throws USAGE before any work is done. */
export function blockWords(parsed: Parsed, codec: string | undefined): BlockWords {
  const size = blockSize(parsed);
  const options = new Map<string, string>();
  for (const word of parsed.values('codec-option')) {
    const at = word.indexOf('=');
    if (at <= 0) throw usageError(`--codec-option is "${word}", expected NAME=VALUE`);
    options.set(word.slice(0, at), word.slice(at + 1));
  }
  const word = codec ?? CODEC_DEFAULT;
  const choice = blockChoice(word, options, size);
  const threads = parsed.number('threads', { least: 1, most: 256 });
  const limitText = parsed.value('cache-size');
  const limit = limitText === undefined ? CACHE_LIMIT : sizeWord('cache-size', limitText);
  const cache = parsed.flag('no-cache') ? (false as const) : { limit };
  return {
    blockSize: size,
    codec: 'level' in choice ? `${choice.name}:${choice.level}` : word,
    compressor(contentSize) {
      const chosen = threads ?? (contentSize < INLINE_MOST ? 0 : undefined);
      const compressor = blockCompressor(choice, { blockSize: size, cache, ...(chosen === undefined ? {} : { threads: chosen }) });
      compressor.start();
      return compressor;
    },
  };
}

/** Compressors for several images: those that need threads share one, until all is closed. */
export interface SharedBlockWords extends BlockWords {
  /** Ends the threads. To be called on any way out. Answers how many files of the cache were damaged. */
  close(): Promise<number>;
}

/** The same words for several images. Threads are started once, by the first image that is worth them. */
export function sharedBlocks(words: BlockWords): SharedBlockWords {
  let shared: PooledCompressor | undefined;
  return {
    ...words,
    compressor(contentSize) {
      if (contentSize < INLINE_MOST) return words.compressor(contentSize);
      shared ??= words.compressor(contentSize);
      const { name, options, blockSize: size, slotCount, cacheUnusable, take, start } = shared;
      return { name, options, blockSize: size, slotCount, cacheUnusable, take, start, close: async () => 0 };
    },
    close: async () => (await shared?.close()) ?? 0,
  };
}

/** Runs work with a compressor and ends it whatever happens; says at -v what is wrong with the cache. */
export async function withCompressor<T>(
  words: BlockWords,
  contentSize: number,
  world: World,
  work: (compressor: PooledCompressor) => Promise<T>,
): Promise<T> {
  const compressor = words.compressor(contentSize);
  if (compressor.cacheUnusable !== undefined) world.detail(`without a block cache: ${compressor.cacheUnusable}`);
  try {
    return await work(compressor);
  } finally {
    const damagedCount = await compressor.close();
    if (damagedCount > 0) world.detail(`${damagedCount} damaged file${damagedCount === 1 ? '' : 's'} of the block cache removed`);
  }
}
