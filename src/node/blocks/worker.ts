// A worker thread of the pool: takes slots until the pool closes. It sleeps on shared memory, not in its event loop.
import { parentPort, workerData } from 'node:worker_threads';
import type { SharedCache } from './cache-index.ts';
import type { BlockChoice } from './choice.ts';
import { OUTCOME, type SharedSlots, slotsOver } from './slots.ts';
import { blockWork } from './work.ts';

/** What a worker is started with. */
export interface WorkerStart {
  readonly slots: SharedSlots;
  readonly choice: BlockChoice;
  readonly cache: SharedCache | undefined;
}

const { slots: shared, choice, cache } = workerData as WorkerStart;
const slots = slotsOver(shared);
const work = await blockWork(choice, shared.blockSize, cache);
for (let slot = slots.take(); slot !== undefined; slot = slots.take()) {
  const size = work.compress(slots.input(slot, slots.inputSize(slot)), slots.output(slot));
  if (slots.finish(slot, size === undefined ? OUTCOME.raw : OUTCOME.compressed, size ?? 0)) parentPort?.postMessage(0);
}
work.finish();
