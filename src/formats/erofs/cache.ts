// A few unpacked pclusters, least recently used go first: readers go through a file in pieces smaller than a pcluster.

/** Keeps what was made last. */
export interface BlockCache {
  /** The bytes under `key`, made now when they are not held. */
  get(key: string, make: () => Uint8Array): Uint8Array;
}

const HELD_SIZE_MAX = 4 * 1024 * 1024;
const HELD_COUNT_MAX = 64;

/** An empty cache: 4 MiB in at most 64 pieces, and always the last piece. */
export function blockCache(): BlockCache {
  const held = new Map<string, Uint8Array>();
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
