// ByteSource: random-access, synchronous reading. Everything that decodes takes one.
// Synchronous because reads into one reused buffer cost half of promises, and a page runs the same code in a worker.
import { KindlingError } from '../errors.ts';

/** Bytes to read from. `read` returns exactly `size` bytes (a view that stays valid) or throws TRUNCATED. */
export interface ByteSource {
  /** Length in bytes. */
  readonly size: number;
  /** The bytes [at, at + size). Throws KindlingError TRUNCATED when the range leaves the source. */
  read(at: number, size: number): Uint8Array;
  /** Fills `target` with the bytes from `at` on, without an allocation of its own; absent where reading is a view anyway. Use `readInto`. */
  readInto?(at: number, target: Uint8Array): void;
  /** Bytes that these take where they are kept compressed: a share, where several files are compressed together. Absent where nobody knows. */
  storedSize?(): number;
}

/** Fills `target` with the bytes of a source from `at` on. Throws TRUNCATED when the range leaves the source. */
export function readInto(source: ByteSource, at: number, target: Uint8Array): void {
  if (source.readInto !== undefined) source.readInto(at, target);
  else target.set(source.read(at, target.length));
}

function outside(at: number, size: number, held: number): KindlingError {
  return new KindlingError('TRUNCATED', `asked for bytes ${at} to ${at + size}, but there are only ${held}`, { offset: at });
}

/** A source over bytes in memory; reads are views, not copies. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(at, size) {
      if (at < 0 || size < 0 || at + size > bytes.length) throw outside(at, size, bytes.length);
      return bytes.subarray(at, at + size);
    },
  };
}

/** The part [at, at + size) of another source. */
export function sliceSource(source: ByteSource, at: number, size: number = source.size - at): ByteSource {
  if (at < 0 || size < 0 || at + size > source.size) throw outside(at, size, source.size);
  return {
    size,
    read(from, count) {
      if (from < 0 || count < 0 || from + count > size) throw outside(from, count, size);
      return source.read(at + from, count);
    },
    readInto(from, target) {
      if (from < 0 || from + target.length > size) throw outside(from, target.length, size);
      readInto(source, at + from, target);
    },
  };
}

/** A source whose bytes are made on first use and kept (a decompressed file, say). `size` must be known beforehand. */
export function lazySource(size: number, make: () => Uint8Array): ByteSource {
  let held: ByteSource | undefined;
  return {
    size,
    read(at, count) {
      held ??= bytesSource(make());
      return held.read(at, count);
    },
  };
}

/** All bytes of a source. */
export function readAll(source: ByteSource): Uint8Array {
  return source.read(0, source.size);
}

/** A source without any bytes. */
export const EMPTY: ByteSource = bytesSource(new Uint8Array(0));
