// The memory that the main thread and the workers share: slots of one block each, filled by the main thread, compressed from one half into
// the other by a worker, and a ring of slots that wait. Only small integers are exchanged; a worker sleeps on a word of it.

/** Shared memory of one pool. */
export interface SharedSlots {
  readonly blockSize: number;
  readonly slotCount: number;
  readonly control: SharedArrayBuffer;
  readonly blocks: SharedArrayBuffer;
}

/** What became of a block. */
export const OUTCOME = { pending: 0, compressed: 1, raw: 2, failed: 3 } as const;

// words of the control block
const HEAD = 0; // next place of the ring to take from
const TAIL = 1; // next place of the ring to put to
const BELL = 2; // changes whenever a worker should look
const CLOSING = 3;
const WAKE = 4; // 1: the main thread wants a message when something is done
const BUSY = 5; // workers that are compressing
const HEADER_WORDS = 8;
const SLOT_WORDS = 3; // input size, outcome, output size

/** Makes the shared memory for slots of this many bytes. */
export function makeSlots(blockSize: number, slotCount: number): SharedSlots {
  const words = HEADER_WORDS + slotCount + slotCount * SLOT_WORDS;
  return {
    blockSize,
    slotCount,
    control: new SharedArrayBuffer(words * 4),
    blocks: new SharedArrayBuffer(slotCount * blockSize * 2),
  };
}

/** One side's view of the slots. */
export interface Slots {
  readonly slotCount: number;
  /** The bytes to compress: the whole block, or its first `size` bytes. */
  input(slot: number, size?: number): Uint8Array;
  /** Where the result is: room for a block, or its first `size` bytes. */
  output(slot: number, size?: number): Uint8Array;
  inputSize(slot: number): number;
  outputSize(slot: number): number;
  outcome(slot: number): number;
  /** Main: hands a filled slot to the workers. */
  put(slot: number, inputSize: number): void;
  /** Main: asks for a message as soon as a slot is done. */
  wantWake(): void;
  /** Main: the workers end when nothing waits any more. */
  close(): void;
  /** Main: what waits is dropped, and the workers end after the block they have; returns when no worker has one, or after these milliseconds. */
  stop(most: number): void;
  /** Worker: the next slot, waiting for one; undefined when the pool closes. */
  take(): number | undefined;
  /** Worker: hands a slot back; true when the main thread wants a message. */
  finish(slot: number, outcome: number, outputSize: number): boolean;
}

/** The operations on shared memory, for either side. */
export function slotsOver(shared: SharedSlots): Slots {
  const { blockSize, slotCount } = shared;
  const control = new Int32Array(shared.control);
  const ringAt = HEADER_WORDS;
  const wordAt = (slot: number): number => ringAt + slotCount + slot * SLOT_WORDS;
  const ring = (): void => {
    Atomics.add(control, BELL, 1);
    Atomics.notify(control, BELL);
  };
  const tryTake = (): number | undefined => {
    for (;;) {
      const head = Atomics.load(control, HEAD);
      if (head === Atomics.load(control, TAIL)) return undefined;
      const slot = Atomics.load(control, ringAt + (head % slotCount));
      if (Atomics.compareExchange(control, HEAD, head, head + 1) === head) return slot;
    }
  };
  return {
    slotCount,
    input: (slot, size = blockSize) => new Uint8Array(shared.blocks, slot * 2 * blockSize, size),
    output: (slot, size = blockSize) => new Uint8Array(shared.blocks, (slot * 2 + 1) * blockSize, size),
    inputSize: (slot) => Atomics.load(control, wordAt(slot)),
    outcome: (slot) => Atomics.load(control, wordAt(slot) + 1),
    outputSize: (slot) => Atomics.load(control, wordAt(slot) + 2),
    put(slot, inputSize) {
      Atomics.store(control, wordAt(slot), inputSize);
      Atomics.store(control, wordAt(slot) + 1, OUTCOME.pending);
      const tail = Atomics.load(control, TAIL);
      Atomics.store(control, ringAt + (tail % slotCount), slot);
      Atomics.store(control, TAIL, tail + 1);
      Atomics.add(control, BELL, 1);
      Atomics.notify(control, BELL, 1);
    },
    wantWake: () => void Atomics.store(control, WAKE, 1),
    close() {
      Atomics.store(control, CLOSING, 1);
      ring();
    },
    stop(most) {
      Atomics.store(control, CLOSING, 1);
      Atomics.store(control, HEAD, Atomics.load(control, TAIL));
      ring();
      const until = performance.now() + most;
      for (let busy = Atomics.load(control, BUSY); busy > 0 && performance.now() < until; busy = Atomics.load(control, BUSY)) {
        Atomics.wait(control, BUSY, busy, until - performance.now());
      }
    },
    take() {
      for (;;) {
        const bell = Atomics.load(control, BELL);
        Atomics.add(control, BUSY, 1);
        const slot = tryTake();
        if (slot !== undefined) return slot;
        Atomics.sub(control, BUSY, 1);
        Atomics.notify(control, BUSY);
        if (Atomics.load(control, CLOSING) === 1) return undefined;
        Atomics.wait(control, BELL, bell);
      }
    },
    finish(slot, outcome, outputSize) {
      Atomics.store(control, wordAt(slot) + 2, outputSize);
      Atomics.store(control, wordAt(slot) + 1, outcome);
      Atomics.sub(control, BUSY, 1);
      Atomics.notify(control, BUSY);
      return Atomics.exchange(control, WAKE, 0) === 1;
    },
  };
}
