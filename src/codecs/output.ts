// The growing output of a decoder. The whole of it doubles as the window that back references read,
// so no decoder keeps a dictionary of its own. The limit is checked before any memory is taken.
import { overLimit } from './fault.ts';

const FIRST_SIZE = 64 * 1024;

/** A decoder's output: `bytes[0, size)` is produced, the rest is room. A stateful sink, so a class. */
export class Output {
  bytes: Uint8Array<ArrayBuffer>;
  size = 0;
  readonly structure: string;
  readonly limit: number;

  /** `expected` is a size from the input, believed only up to a bound that the caller has proven possible. */
  constructor(structure: string, limit: number, expected = 0) {
    this.structure = structure;
    this.limit = limit;
    if (expected > limit) throw overLimit(structure, limit);
    this.bytes = new Uint8Array(expected > 0 ? expected : Math.min(limit, FIRST_SIZE));
  }

  /** Makes room for `count` more bytes, or throws LIMIT. */
  reserve(count: number): void {
    const needed = this.size + count;
    if (needed <= this.bytes.length) return;
    if (needed > this.limit) throw overLimit(this.structure, this.limit);
    const grown = new Uint8Array(Math.min(this.limit, Math.max(needed, this.bytes.length * 2)));
    grown.set(this.bytes.subarray(0, this.size));
    this.bytes = grown;
  }

  /** Appends bytes of the input. */
  append(piece: Uint8Array): void {
    this.reserve(piece.length);
    this.bytes.set(piece, this.size);
    this.size += piece.length;
  }

  /** Appends one byte `count` times. */
  repeat(byte: number, count: number): void {
    this.reserve(count);
    this.bytes.fill(byte, this.size, this.size + count);
    this.size += count;
  }

  /** What was produced; trimmed to its own memory when much room is left over. */
  take(): Uint8Array {
    const { bytes, size } = this;
    return size * 2 < bytes.length ? bytes.slice(0, size) : bytes.subarray(0, size);
  }
}

/** Copies `count` bytes to `at` from `distance` back, byte order as an LZ77 copy demands. The caller has checked both ranges. */
export function copyWithin(bytes: Uint8Array, at: number, distance: number, count: number): void {
  const end = at + count;
  if (count < 32 || distance < 16) {
    if (distance === 1) {
      bytes.fill(bytes[at - 1]!, at, end);
      return;
    }
    for (let to = at, from = at - distance; to < end; ) bytes[to++] = bytes[from++]!;
    return;
  }
  let to = at;
  while (to < end) {
    // what is already written repeats with period `distance`, so each step may take all of it
    const step = Math.min(to - (at - distance), end - to);
    bytes.copyWithin(to, at - distance, at - distance + step);
    to += step;
  }
}
