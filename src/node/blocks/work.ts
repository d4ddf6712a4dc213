// What a worker does with one block: find it in the cache, or compress it and keep it there. The pool runs the same without threads.

import type { SharedCache } from './cache-index.ts';
import type { BlockChoice } from './choice.ts';
import { blockCodec } from './codec.ts';
import { digestOf } from './pack-file.ts';

/** Turns blocks into compressed ones. */
export interface BlockWork {
  /** Compresses `input` to the start of `output`, which is as large. Answers the size, undefined when the block does not shrink. */
  compress(input: Uint8Array, output: Uint8Array): number | undefined;
  /** Ends what the cache was given. */
  finish(): void;
}

/** Loads the codec for blocks of at most `blockSize` bytes, and the cache where there is one. */
export async function blockWork(choice: BlockChoice, blockSize: number, cache: SharedCache | undefined): Promise<BlockWork> {
  const codec = await blockCodec(choice, blockSize);
  const compress = (input: Uint8Array, output: Uint8Array): number | undefined => {
    const bytes = codec(input);
    if (bytes.length >= input.length) return undefined;
    output.set(bytes);
    return bytes.length;
  };
  if (cache === undefined) return { compress, finish: () => {} };
  const { useCache } = await import('./cache-use.ts');
  const use = useCache(cache);
  return {
    compress(input, output) {
      const key = digestOf(input);
      const found = use.find(key, output);
      if (found !== undefined && found < input.length) return found === 0 ? undefined : found;
      const size = compress(input, output);
      use.keep(key, size === undefined ? undefined : output.subarray(0, size));
      return size;
    },
    finish: () => use.finish(),
  };
}
