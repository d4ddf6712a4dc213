// The image from front to back: regions with known places, zeros between them.
import type { ByteSource, Piece } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';

/** Bytes of the image from `at` on. Their number is what the layout gave them, or less: zeros follow. */
export interface Region {
  readonly at: number;
  readonly pieces: () => Iterable<Uint8Array | ByteSource>;
}

/** All bytes of an image of that size. Regions are in the order of their places. */
export function* placedPieces(regions: readonly Region[], size: number): Generator<Piece> {
  let end = 0;
  for (const { at, pieces } of [...regions, { at: size, pieces: () => [] }]) {
    if (at < end) throw new KindlingError('INTERNAL', `iso9660: a region ends at ${end}, the next one starts at ${at}`);
    if (end < at) yield { zeros: at - end };
    end = at;
    for (const piece of pieces()) {
      yield piece;
      end += piece instanceof Uint8Array ? piece.length : piece.size;
    }
  }
}

/** Regions in the order they are reserved in, by blocks of one size. */
export interface Reserver {
  readonly regions: readonly Region[];
  /** The block behind all that is reserved. */
  readonly next: number;
  /** Takes whole blocks for so many bytes and gives the first of them. The pieces are made when all places are known. */
  reserve(size: number, pieces: () => Iterable<Uint8Array | ByteSource>): number;
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
