// What blocks are compressed with: codec, level and what else mksquashfs lets a person choose, read from words and checked.
import { struct, u16le, u32le } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';

/** The codecs of blocks that can be written. */
export type BlockCodecName = 'gzip' | 'xz' | 'lz4' | 'zstd';

/** zlib's strategies, in the order of squashfs' flags. With several, each block is tried with each, and the smallest is kept. */
export const GZIP_STRATEGIES = ['default', 'filtered', 'huffman_only', 'run_length_encoded', 'fixed'] as const;
/** The branch converters of xz in the order of squashfs' flags. Each block is tried without and with each, and the smallest is kept. */
export const XZ_FILTERS = ['x86', 'powerpc', 'ia64', 'arm', 'armthumb', 'sparc'] as const;

/** A codec with everything that its bytes depend on. */
export type BlockChoice =
  | {
      readonly name: 'gzip';
      readonly level: number;
      readonly windowLog: number;
      readonly strategies: readonly (typeof GZIP_STRATEGIES)[number][];
    }
  | { readonly name: 'zstd'; readonly level: number }
  | { readonly name: 'lz4'; readonly level: number }
  | {
      readonly name: 'xz';
      readonly level: number;
      /** Bytes. */
      readonly dictionarySize: number;
      readonly filters: readonly (typeof XZ_FILTERS)[number][];
    };

/** Levels by codec. The defaults are those of mksquashfs (which has no levels for xz and lz4). */
export const BLOCK_LEVELS: Readonly<Record<BlockCodecName, { readonly least: number; readonly most: number; readonly default: number }>> = {
  gzip: { least: 1, most: 9, default: 9 },
  zstd: { least: 1, most: 22, default: 15 },
  xz: { least: 0, most: 9, default: 6 },
  lz4: { least: 1, most: 9, default: 1 },
};

const WINDOW_LOG = { least: 8, most: 15 };
const DICTIONARY_LEAST = 8192;
const CODEC_NAMES = Object.keys(BLOCK_LEVELS) as BlockCodecName[];

function usage(message: string): KindlingError {
  return new KindlingError('USAGE', message);
}

function wholeNumber(what: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw usage(`${what} is "${text}", expected a whole number from ${least} to ${most}`);
}

function listed<T extends string>(what: string, text: string, known: readonly T[]): readonly T[] {
  const words = text.split(',');
  const unknown = words.find((word) => !known.some((name) => name === word));
  if (unknown !== undefined) throw usage(`${what} "${unknown}": expected some of ${known.join(', ')}, with commas between`);
  return known.filter((name) => words.includes(name));
}

/** Whether a dictionary is one that an xz header can hold: a power of two, or that plus its half. */
function isDictionarySize(size: number): boolean {
  const log = 2 ** Math.floor(Math.log2(size));
  return size === log || size === log + log / 2;
}

function dictionarySize(text: string, blockSize: number): number {
  const parts = /^(\d{1,9})([%kKmM]?)$/.exec(text);
  const unit = { '': 1, '%': blockSize / 100, k: 1024, m: 1024 * 1024 }[parts?.[2]?.toLowerCase() ?? ''] ?? 1;
  const size = parts === null ? Number.NaN : Number(parts[1]) * unit;
  if (size >= DICTIONARY_LEAST && size <= blockSize && isDictionarySize(size)) return size;
  throw usage(
    `dict-size is "${text}", expected 2^n or 2^n+2^(n-1) bytes (or K, M, or % of the block) from ${DICTIONARY_LEAST} to the block size, ${blockSize}`,
  );
}

/**
 * The choice that a word like "zstd:9" stands for, with options as mksquashfs' -X names them: `window-size` and `strategy` of gzip,
 * `dict-size` and `bcj` of xz. Throws USAGE for what there is not.
 */
export function blockChoice(word: string, options: ReadonlyMap<string, string>, blockSize: number): BlockChoice {
  const [codec, levelText, ...rest] = word.split(':');
  const name = CODEC_NAMES.find((candidate) => candidate === codec);
  if (name === undefined || rest.length > 0) {
    throw usage(`codec "${word}": expected ${CODEC_NAMES.join(', ')}, each with an optional :LEVEL`);
  }
  const { least, most, default: usual } = BLOCK_LEVELS[name];
  const level = levelText === undefined ? usual : wholeNumber(`the level of ${name}`, levelText, least, most);
  const known = { gzip: ['window-size', 'strategy'], xz: ['dict-size', 'bcj'], zstd: [], lz4: [] }[name];
  for (const option of options.keys()) {
    if (known.every((candidate) => candidate !== option)) {
      throw usage(`${name} has no option "${option}"${known.length === 0 ? '' : `; it has ${known.join(' and ')}`}`);
    }
  }
  const option = <T>(key: string, read: (text: string) => T, otherwise: T): T => {
    const text = options.get(key);
    return text === undefined ? otherwise : read(text);
  };
  if (name === 'gzip') {
    return {
      name,
      level,
      windowLog: option('window-size', (text) => wholeNumber('window-size', text, WINDOW_LOG.least, WINDOW_LOG.most), WINDOW_LOG.most),
      strategies: option('strategy', (text) => listed('strategy', text, GZIP_STRATEGIES), []),
    };
  }
  if (name === 'xz') {
    return {
      name,
      level,
      dictionarySize: option('dict-size', (text) => dictionarySize(text, blockSize), blockSize),
      filters: option('bcj', (text) => listed('bcj', text, XZ_FILTERS), []),
    };
  }
  return { name, level };
}

const gzipRecord = struct('squashfs gzip options', 8, { level: u32le, windowLog: u16le, strategies: u16le });
const xzRecord = struct('squashfs xz options', 8, { dictionarySize: u32le, filters: u32le });
const lz4Record = struct('squashfs lz4 options', 8, { version: u32le, flags: u32le });
const zstdRecord = struct('squashfs zstd options', 4, { level: u32le });

function flags<T>(chosen: readonly T[], known: readonly T[]): number {
  return chosen.reduce((bits, one) => bits | (1 << known.indexOf(one)), 0);
}

/** The record of these settings behind the superblock, as mksquashfs writes it: none where they are its defaults, except for lz4. */
export function optionsRecord(choice: BlockChoice, blockSize: number): Uint8Array | undefined {
  switch (choice.name) {
    case 'gzip': {
      const { level, windowLog, strategies } = choice;
      if (level === BLOCK_LEVELS.gzip.default && windowLog === WINDOW_LOG.most && strategies.length === 0) return undefined;
      return gzipRecord.encode({ level, windowLog, strategies: flags(strategies, GZIP_STRATEGIES) });
    }
    case 'xz': {
      const { dictionarySize, filters } = choice;
      if (dictionarySize === blockSize && filters.length === 0) return undefined;
      return xzRecord.encode({ dictionarySize, filters: flags(filters, XZ_FILTERS) });
    }
    case 'lz4':
      return lz4Record.encode({ version: 1, flags: 0 });
    default:
      return choice.level === BLOCK_LEVELS.zstd.default ? undefined : zstdRecord.encode({ level: choice.level });
  }
}
