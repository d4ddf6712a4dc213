// Blocks for the tests of the pool and the cache, and a way to send them through.
import type { BlockChoice } from './choice.ts';
import { type BlockOptions, blockCompressor } from './pool.ts';

/** A block as it came back, copied out of its slot. */
export interface Result {
  readonly bytes: Buffer;
  readonly compressed: boolean;
}

/** Text-like, empty-ish and random blocks of several sizes, the same every time. */
export function sampleBlocks(count: number, blockSize: number): Uint8Array[] {
  let state = 12345;
  const next = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state >>> 8;
  };
  return Array.from({ length: count }, (_, index) => {
    const size = index % 5 === 4 ? 1 + (next() % blockSize) : blockSize;
    const kind = index % 4;
    return Uint8Array.from({ length: size }, (_byte, at) => {
      if (kind === 3) return next() & 0xff;
      return kind === 2 ? 0 : ((at * (index + 1)) % (17 + kind * 40)) ^ ((next() & 0xff) < 12 ? next() & 0xff : 0);
    });
  });
}

/** Compresses blocks as a writer would: as many at once as there are slots, answers in order. */
export async function compressAll(
  choice: BlockChoice,
  blocks: readonly Uint8Array[],
  options: BlockOptions,
): Promise<{ results: Result[]; damagedCount: number; cacheUnusable: string | undefined }> {
  const compressor = blockCompressor(choice, options);
  const running: Promise<Result>[] = [];
  const results: Result[] = [];
  try {
    for (const block of blocks) {
      if (running.length === compressor.slotCount) results.push(await running.shift()!);
      const slot = compressor.take();
      slot.bytes.set(block);
      running.push(
        slot.compress(block.length).then(({ bytes, compressed }) => {
          const copy = { bytes: Buffer.from(bytes), compressed };
          slot.release();
          return copy;
        }),
      );
    }
    for (const one of running) results.push(await one);
  } finally {
    await compressor.close();
  }
  return { results, damagedCount: await compressor.close(), cacheUnusable: compressor.cacheUnusable };
}
