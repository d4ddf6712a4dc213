// Output: pieces (headers and content ranges) gathered into big chunks, or written into one buffer of known size.

const CHUNK_SIZE = 1 << 20;

/** Joins small pieces into chunks of about 1 MiB; big ones pass as they are. */
export function* gather(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let held = new Uint8Array(CHUNK_SIZE);
  let used = 0;
  for (const piece of pieces) {
    if (used + piece.length > CHUNK_SIZE && used > 0) {
      yield held.subarray(0, used);
      held = new Uint8Array(CHUNK_SIZE);
      used = 0;
    }
    if (piece.length >= CHUNK_SIZE) yield piece;
    else {
      held.set(piece, used);
      used += piece.length;
    }
  }
  if (used > 0) yield held.subarray(0, used);
}

/** All pieces in one buffer of exactly `size` bytes. */
export function writeAll(pieces: Iterable<Uint8Array>, size: number): Uint8Array {
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
