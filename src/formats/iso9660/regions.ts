// The image from front to back: regions with known places, zeros between them, in chunks of about 1 MiB.
import { KindlingError } from '../../errors.ts';

const CHUNK_SIZE = 1 << 20;
/** Pieces from this size on are handed on as they are; smaller ones are gathered. */
const WHOLE_SIZE = 1 << 18;

/** Bytes of the image from `at` on. Their number is what the layout gave them, or less: zeros follow. */
export interface Region {
  readonly at: number;
  readonly pieces: () => Iterable<Uint8Array>;
}

function* withZeros(regions: readonly Region[], size: number): Generator<Uint8Array> {
  const zeros = new Uint8Array(WHOLE_SIZE - 1);
  let end = 0;
  for (const { at, pieces } of [...regions, { at: size, pieces: () => [] }]) {
    if (at < end) throw new KindlingError('INTERNAL', `iso9660: a region ends at ${end}, the next one starts at ${at}`);
    for (; end < at; end += Math.min(zeros.length, at - end)) yield zeros.subarray(0, Math.min(zeros.length, at - end));
    for (const piece of pieces()) {
      yield piece;
      end += piece.length;
    }
  }
}

/** Regions in the order they are reserved in, by blocks of one size. */
export interface Reserver {
  readonly regions: readonly Region[];
  /** The block behind all that is reserved. */
  readonly next: number;
  /** Takes whole blocks for so many bytes and gives the first of them. The pieces are made when all places are known. */
  reserve(size: number, pieces: () => Iterable<Uint8Array>): number;
  /** Leaves out what is before a block. */
  skipTo(block: number): void;
}

/** Starts to reserve at a block. */
export function reserver(blockSize: number, firstBlock: number): Reserver {
  const regions: Region[] = [];
  let next = firstBlock;
  return {
    regions,
    get next() {
      return next;
    },
    reserve(size, pieces) {
      const block = next;
      if (size > 0) regions.push({ at: block * blockSize, pieces });
      next += Math.ceil(size / blockSize);
      return block;
    },
    skipTo(block) {
      next = Math.max(next, block);
    },
  };
}

/** All bytes of an image of that size. Regions are in the order of their places. */
export function* placedChunks(regions: readonly Region[], size: number): Generator<Uint8Array> {
  let held = new Uint8Array(CHUNK_SIZE);
  let count = 0;
  for (const piece of withZeros(regions, size)) {
    if (count > 0 && (piece.length >= WHOLE_SIZE || count + piece.length > held.length)) {
      // a full buffer is handed on, of one that is nearly empty a copy
      const isFull = count >= CHUNK_SIZE / 2;
      yield isFull ? held.subarray(0, count) : held.slice(0, count);
      if (isFull) held = new Uint8Array(CHUNK_SIZE);
      count = 0;
    }
    if (piece.length >= WHOLE_SIZE) {
      yield piece;
      continue;
    }
    held.set(piece, count);
    count += piece.length;
  }
  if (count > 0) yield held.subarray(0, count);
}
