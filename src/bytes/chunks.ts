// An image from front to back in chunks of one size: what is in memory is copied in, what is in files is read to where it belongs.
import { type ByteSource, readInto } from './source.ts';

/** A stretch of an image: bytes, a source as a whole, or zeros. */
export type Piece = Uint8Array | ByteSource | { readonly zeros: number };

/** How chunks are handed out. */
export interface ChunkOptions {
  /** The memory of a chunk is used again as soon as the next one is asked for: nothing is allocated on the way. Each has its own unless told. */
  readonly reuse?: boolean;
}

const CHUNK_SIZE = 1 << 20;

/** Pieces one behind the other, in chunks of 1 MiB; the last one may be shorter. */
export function* chunked(pieces: Iterable<Piece>, { reuse = false }: ChunkOptions = {}): Generator<Uint8Array> {
  let chunk = new Uint8Array(CHUNK_SIZE);
  let filled = 0;
  for (const piece of pieces) {
    const size = piece instanceof Uint8Array ? piece.length : 'zeros' in piece ? piece.zeros : piece.size;
    for (let done = 0; done < size; ) {
      const count = Math.min(size - done, CHUNK_SIZE - filled);
      if (piece instanceof Uint8Array) chunk.set(piece.subarray(done, done + count), filled);
      else if ('zeros' in piece) chunk.fill(0, filled, filled + count);
      else readInto(piece, done, chunk.subarray(filled, filled + count));
      done += count;
      filled += count;
      if (filled < CHUNK_SIZE) continue;
      yield chunk;
      if (!reuse) chunk = new Uint8Array(CHUNK_SIZE);
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}
