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

/** All pieces one after the other in `target`; what of it they fill. */
export function writeAll(pieces: Iterable<Uint8Array>, target: Uint8Array): Uint8Array {
  let at = 0;
  for (const piece of pieces) {
    target.set(piece, at);
    at += piece.length;
  }
  return target.subarray(0, at);
}
