// ByteSink: append-only output. Encoders that only append are generators of chunks; a sink is where chunks end up.

/** Somewhere to append bytes to. */
export interface ByteSink {
  /** Bytes appended so far. */
  readonly size: number;
  append(chunk: Uint8Array): void;
}

/** A sink that keeps everything in memory. */
export function memorySink(): ByteSink & { take(): Uint8Array } {
  let held = new Uint8Array(65536);
  let size = 0;
  return {
    get size() {
      return size;
    },
    append(chunk) {
      if (size + chunk.length > held.length) {
        const grown = new Uint8Array(Math.max(held.length * 2, size + chunk.length));
        grown.set(held.subarray(0, size));
        held = grown;
      }
      held.set(chunk, size);
      size += chunk.length;
    },
    take: () => held.subarray(0, size),
  };
}
