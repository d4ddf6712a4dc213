// The indexes of the packs in shared memory, and the search in them that every worker does for itself.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, packNames } from './cache-names.ts';
import { ENTRY_AT, ENTRY_SIZE, readIndex, sameBytes } from './pack-file.ts';

/** What the workers get of the cache. */
export interface SharedCache {
  readonly directory: string;
  /** First part of the name of every pack that these blocks can be in. */
  readonly profile: string;
  readonly packs: readonly { readonly name: string; readonly firstEntry: number }[];
  /** Entries of all packs as in their files. */
  readonly entries: SharedArrayBuffer;
  /** Open hash table over the first four bytes of the keys: number of the entry plus one, 0 for none. */
  readonly table: SharedArrayBuffer;
  /** For each pack `MARK`s, then two words: KiB written in this run, and what went wrong (0 nothing). */
  readonly marks: SharedArrayBuffer;
  /** KiB that this run may write. */
  readonly budget: number;
}

/** What workers note about a pack. */
export const MARK = { used: 1, damaged: 2 } as const;

/** Reads the indexes of all packs of a profile into shared memory; a pack that is not whole is removed. */
export function loadCache(directory: string, profile: string, limit: number): SharedCache {
  const packs: { name: string; firstEntry: number }[] = [];
  const indexes: Uint8Array[] = [];
  let count = 0;
  for (const name of packNames(directory, profile)) {
    const path = join(directory, name);
    const index = attempt(() => {
      const read = readIndex(path);
      if (read === undefined) rmSync(path, { force: true });
      return read;
    });
    if (index === undefined) continue;
    packs.push({ name, firstEntry: count });
    indexes.push(index);
    count += index.length / ENTRY_SIZE;
  }
  const entries = new SharedArrayBuffer(count * ENTRY_SIZE);
  const slotCount = 2 ** Math.ceil(Math.log2(Math.max(16, count * 2)));
  const table = new SharedArrayBuffer(slotCount * 4);
  const bytes = new Uint8Array(entries);
  let at = 0;
  for (const index of indexes) {
    bytes.set(index, at);
    at += index.length;
  }
  const words = new Int32Array(table);
  const view = new DataView(entries);
  for (let entry = 0; entry < count; entry++) {
    let slot = view.getUint32(entry * ENTRY_SIZE, true) & (slotCount - 1);
    while (words[slot] !== 0) slot = (slot + 1) & (slotCount - 1);
    words[slot] = entry + 1;
  }
  const marks = new SharedArrayBuffer((packs.length + 2) * 4);
  return { directory, profile, packs, entries, table, marks, budget: Math.floor(limit / 1024) };
}

/** Where a block is. */
export interface Found {
  /** Number of the pack. */
  readonly pack: number;
  readonly at: number;
  /** Bytes; 0 for a block that does not shrink. */
  readonly size: number;
  readonly digest: Uint8Array;
}

/** The search for a key in the shared index. */
export function cacheSearch(shared: SharedCache): (key: Uint8Array) => Found | undefined {
  const table = new Int32Array(shared.table);
  const entries = new Uint8Array(shared.entries);
  const view = new DataView(shared.entries);
  const mask = table.length - 1;
  return (key) => {
    const first = new DataView(key.buffer, key.byteOffset, 4).getUint32(0, true);
    for (let slot = first & mask; table[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = table[slot]! - 1;
      const base = entry * ENTRY_SIZE;
      if (view.getUint32(base, true) !== first || !sameBytes(entries.subarray(base, base + key.length), key)) continue;
      return {
        pack: shared.packs.findLastIndex(({ firstEntry }) => firstEntry <= entry),
        at: view.getUint32(base + ENTRY_AT.payloadAt, true),
        size: view.getUint32(base + ENTRY_AT.payloadSize, true),
        digest: entries.subarray(base + ENTRY_AT.payloadDigest, base + ENTRY_AT.payloadDigest + 32),
      };
    }
    return undefined;
  };
}
