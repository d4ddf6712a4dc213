// Images as the writer makes them, over options that between them use all it can do. For tests against foreign readers and kernels.
import { blockChoice, blockCompressor } from '../../node/blocks/index.ts';
import { sha256 } from '../../node/digest.ts';
import type { Tree } from '../../tree/index.ts';
import { ENCODE_DEFAULTS, type EncodeOptions, encode } from './index.ts';
import { collected } from './plain.fixture.ts';

/** What to write an image with; `codec` as on the command line. */
export type Choices = Partial<Omit<EncodeOptions, 'compressor'>> & { readonly codec?: string; readonly threads?: number };

/** Options by a title that says what is special. */
export const MATRIX: readonly (readonly [title: string, choices: Choices])[] = [
  ['gzip, 128 KiB', { codec: 'gzip:6' }],
  ['zstd, 4 KiB, tail ends, export table', { codec: 'zstd:3', blockSize: 4096, fragments: 'always', exportTable: true }],
  ['xz, 32 KiB, no fragments', { codec: 'xz:1', blockSize: 32768, fragments: 'none' }],
  ['lz4, 64 KiB, nothing shared, no holes', { codec: 'lz4', blockSize: 65536, duplicates: false, sparse: false }],
  ['zstd, 1 MiB, tail ends, no attributes, no padding', { blockSize: 1 << 20, fragments: 'always', xattrs: false, padding: 0 }],
];

/** The image of a tree, as the worker threads make it. */
export async function written(tree: Tree, { codec = 'zstd:3', threads = 1, ...choices }: Choices): Promise<Uint8Array> {
  const blockSize = choices.blockSize ?? ENCODE_DEFAULTS.blockSize;
  const compressor = blockCompressor(blockChoice(codec, new Map(), blockSize), { blockSize, threads, cache: false });
  try {
    return await collected(encode(tree, { ...ENCODE_DEFAULTS, ...choices, compressor, sha256 }));
  } finally {
    await compressor.close();
  }
}
