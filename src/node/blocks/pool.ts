// The pool: worker threads that compress blocks in shared memory, started when there is work for them.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { KindlingError } from '../../errors.ts';
import type { BlockCompressor, BlockSlot, PackedBlock } from '../../formats/squashfs/index.ts';
import { onInterrupt } from '../cleanup.ts';
import { WORKER } from '../home.ts';
import { type BlockCache, type CacheOptions, openCache } from './cache.ts';
import { type BlockChoice, optionsRecord } from './choice.ts';
import { codecVersion } from './codec.ts';
import { makeSlots, OUTCOME, slotsOver } from './slots.ts';
import { type BlockWork, blockWork } from './work.ts';
import type { WorkerStart } from './worker.ts';

/** How blocks are compressed. */
export interface BlockOptions {
  /** The image's block size in bytes. */
  readonly blockSize: number;
  /** Worker threads; one for each processor unless told. 0 works on the main thread, which is soonest done with a few blocks. */
  readonly threads?: number;
  /** The cache, or false for none. */
  readonly cache?: CacheOptions | false;
}

/** A compressor with threads behind it. */
export interface PooledCompressor extends BlockCompressor {
  /** Why there is no cache although one was wanted. */
  readonly cacheUnusable: string | undefined;
  /** Starts the threads before the first block comes, so that they are ready by then. */
  start(): void;
  /** Ends the threads when they are done, and the cache's run. Answers how many files of the cache were damaged. To be called on any way out. */
  close(): Promise<number>;
}

// Metadata blocks of an image go through the same slots.
const METADATA_SIZE = 8192;
const SLOT_MEMORY = 64 * 1024 * 1024;
// Enough for workers to go on while the main thread waits for a disk or a processor.
const SLOTS_PER_THREAD = 96;
const THREADS_MOST = 256;
// ms; the slowest codec takes about a second for the largest block
const STOP_MOST = 5000;

interface Waiting {
  resolve(block: PackedBlock): void;
  reject(error: unknown): void;
}

/** Makes a compressor. The bytes depend on the choice and the block alone, never on threads or cache. */
export function blockCompressor(choice: BlockChoice, options: BlockOptions): PooledCompressor {
  const threads = Math.min(THREADS_MOST, options.threads ?? availableParallelism());
  const blockSize = Math.max(METADATA_SIZE, options.blockSize);
  const slotCount = Math.max(2, threads + 2, Math.min(threads * SLOTS_PER_THREAD, Math.floor(SLOT_MEMORY / (2 * blockSize))));
  const shared = makeSlots(blockSize, slotCount);
  const slots = slotsOver(shared);
  const opened = options.cache === false ? undefined : openCache(recipe(choice), options.cache);
  const cache: BlockCache | undefined = opened !== undefined && 'cache' in opened ? opened.cache : undefined;
  const free = Array.from({ length: slotCount }, (_, index) => slotCount - 1 - index);
  const waiting = new Map<number, Waiting>();
  const workers: { readonly thread: Worker; readonly ended: Promise<void> }[] = [];
  let failure: KindlingError | undefined;
  let inline: Promise<BlockWork> | undefined;
  let closed: Promise<number> | undefined;
  // A thread that ends inside the xz library takes the process down with it.
  const withdraw = onInterrupt(() => {
    slots.stop(STOP_MOST);
    cache?.abandon();
  });

  const packed = (slot: number): PackedBlock =>
    slots.outcome(slot) === OUTCOME.compressed
      ? { bytes: slots.output(slot, slots.outputSize(slot)), compressed: true }
      : { bytes: slots.input(slot, slots.inputSize(slot)), compressed: false };
  const collect = (): void => {
    slots.wantWake();
    for (const [slot, { resolve }] of waiting) {
      if (slots.outcome(slot) === OUTCOME.pending) continue;
      waiting.delete(slot);
      resolve(packed(slot));
    }
  };
  const fail = (error: unknown): void => {
    failure ??= new KindlingError(
      'INTERNAL',
      `a worker thread ended: ${error instanceof Error ? error.message : String(error)}`,
      {},
      error,
    );
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  const startWorker = (): void => {
    const workerData: WorkerStart = { slots: shared, choice, cache: cache?.shared };
    // Options of the program that are not for workers (--input-type) would end them.
    const thread = new Worker(WORKER, { workerData, execArgv: [] });
    thread.on('message', collect);
    thread.on('error', fail);
    workers.push({
      thread,
      ended: new Promise((resolve) =>
        thread.on('exit', (code) => {
          if (code !== 0) fail(new Error(`exit code ${code}`));
          resolve();
        }),
      ),
    });
  };
  const compress = async (slot: number, size: number): Promise<PackedBlock> => {
    if (failure !== undefined) throw failure;
    if (threads === 0) {
      inline ??= blockWork(choice, blockSize, cache?.shared);
      const compressedSize = (await inline).compress(slots.input(slot, size), slots.output(slot));
      if (compressedSize === undefined) return { bytes: slots.input(slot, size), compressed: false };
      return { bytes: slots.output(slot, compressedSize), compressed: true };
    }
    if (workers.length < threads && waiting.size >= workers.length) startWorker();
    return await new Promise<PackedBlock>((resolve, reject) => {
      waiting.set(slot, { resolve, reject });
      slots.put(slot, size);
      collect();
    });
  };
  const end = async (): Promise<number> => {
    slots.close();
    await Promise.all(workers.map(({ ended }) => ended));
    (await inline)?.finish();
    withdraw();
    return cache?.finish() ?? 0;
  };
  return {
    name: choice.name,
    options: optionsRecord(choice, options.blockSize),
    blockSize,
    slotCount,
    cacheUnusable: opened !== undefined && 'unusable' in opened ? opened.unusable : undefined,
    take: () => takeSlot(),
    start() {
      while (workers.length < threads) startWorker();
    },
    close() {
      closed ??= end();
      return closed;
    },
  };

  function takeSlot(): BlockSlot {
    const slot = free.pop();
    if (slot === undefined) throw new KindlingError('INTERNAL', `more than ${slotCount} blocks are asked for at once`);
    return {
      bytes: slots.input(slot),
      compress: (size) => compress(slot, size),
      release: () => void free.push(slot),
    };
  }
}

/** Everything that compressed bytes depend on, as text. */
function recipe(choice: BlockChoice): string {
  return JSON.stringify([1, choice, codecVersion(choice.name)]);
}
