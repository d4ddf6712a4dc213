// The last few pieces of unpacked data, for readers that go through a large one in small steps or have small ones that share it.

/** Keeps what was used last. */
export interface Recent<K> {
  /** The bytes under `key`, made now when they are not held. */
  get(key: K, make: () => Uint8Array): Uint8Array;
}

/** How much is kept: bytes, and pieces. The newest piece is kept however large it is. */
export interface RecentBounds {
  readonly sizeMost: number;
  readonly countMost?: number;
}

/** Keeps nothing yet. */
export function recent<K>({ sizeMost, countMost = Number.POSITIVE_INFINITY }: RecentBounds): Recent<K> {
  const held = new Map<K, Uint8Array>();
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
      for (const [oldest, piece] of held) {
        if (held.size < countMost && size + bytes.length <= sizeMost) break;
        held.delete(oldest);
        size -= piece.length;
      }
      held.set(key, bytes);
      size += bytes.length;
      return bytes;
    },
  };
}
