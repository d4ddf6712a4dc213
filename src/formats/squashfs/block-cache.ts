// Unpacked data blocks, least recently used go first: small files share one, and readers go through a large file in pieces.

/** Keeps what was made last. */
export interface BlockCache {
  /** The bytes of the block stored at `key`, unpacked now when they are not held. */
  get(key: number, make: () => Uint8Array): Uint8Array;
}

const HELD_SIZE_MAX = 16 * 1024 * 1024;
const HELD_COUNT_MAX = 256;

/** An empty cache: 16 MiB in at most 256 blocks, and always the last one. */
export function blockCache(): BlockCache {
  const held = new Map<number, Uint8Array>();
  let size = 0;
  return {
    get(key, make) {
      const found = held.get(key);
      if (found !== undefined) {
        // a Map keeps the order of insertion: the first is the one unused for longest
        held.delete(key);
        held.set(key, found);
        return found;
      }
      const bytes = make();
      for (const [old, piece] of held) {
        if (held.size < HELD_COUNT_MAX && size + bytes.length <= HELD_SIZE_MAX) break;
        held.delete(old);
        size -= piece.length;
      }
      held.set(key, bytes);
      size += bytes.length;
      return bytes;
    },
  };
}
