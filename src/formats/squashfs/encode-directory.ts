// The listing of a directory: runs of entries behind headers, and an index into long ones.
import { concat, nameToBytes } from '../../bytes/index.ts';
import type { EntryKind } from '../../tree/index.ts';
import { BASIC_TYPES, directoryEntry, directoryHeader, directoryIndex, METADATA_SIZE, RUN_MAX } from './structs.ts';
import type { MetadataTable, Position } from './tables.ts';

/** A name in a directory, and the inode behind it. */
export interface Listed {
  readonly name: string;
  readonly kind: Exclude<EntryKind, 'hardlink'>;
  readonly inodeNumber: number;
  readonly inode: Position;
}

/** A header that the index names: where it is in the listing, and the first name behind it. */
interface IndexPoint {
  readonly at: number;
  readonly name: Uint8Array;
}

/** A listing ready to be stored. */
export interface Listing {
  /** Bytes of it. */
  readonly size: number;
  /** Empty for what is found fast enough without. */
  readonly index: readonly IndexPoint[];
  /** True when mksquashfs, too, would give the directory an extended inode. */
  readonly isLong: boolean;
  put(table: MetadataTable): void;
}

const INDEX_MOST = 0xffff;

/** The listing of these entries, which are in byte order of their names. */
export function listing(entries: readonly Listed[]): Listing {
  const names = entries.map(({ name }) => nameToBytes(name));
  const runs: { readonly first: number; readonly end: number }[] = [];
  const index: IndexPoint[] = [];
  let size = 0;
  let indexedAt = 0;
  for (let first = 0; first < entries.length; ) {
    const { inode, inodeNumber } = entries[first]!;
    const startsAt = size;
    size += directoryHeader.size;
    let end = first;
    for (; end < entries.length && end - first < RUN_MAX; end++) {
      const { inode: at, inodeNumber: number } = entries[end]!;
      const delta = number - inodeNumber;
      if (at.blockAt !== inode.blockAt || delta > 0x7fff || delta < -0x8000) break;
      const entrySize = directoryEntry.size + names[end]!.length;
      const isOver = size + entrySize - indexedAt > METADATA_SIZE;
      if (isOver && end > first) break;
      if (isOver && startsAt > 0 && index.length < INDEX_MOST) {
        index.push({ at: startsAt, name: names[end]! });
        indexedAt = startsAt;
      }
      size += entrySize;
    }
    runs.push({ first, end });
    first = end;
  }
  const namesSize = size - runs.length * directoryHeader.size;
  return {
    size,
    index,
    isLong: entries.length > RUN_MAX || namesSize >= METADATA_SIZE,
    put(table) {
      for (const { first, end } of runs) {
        const { inode, inodeNumber } = entries[first]!;
        table.put(directoryHeader, { count: end - first - 1, blockAt: inode.blockAt, inodeNumber });
        for (let at = first; at < end; at++) {
          const entry = entries[at]!;
          const inodeDelta = entry.inodeNumber - inodeNumber;
          const name = names[at]!;
          table.put(directoryEntry, { offset: entry.inode.offset, inodeDelta, type: BASIC_TYPES[entry.kind], nameSize: name.length - 1 });
          table.append(name);
        }
      }
    },
  };
}

/** The index of a listing that was stored from `position` on, in a table whose blocks start at `starts`. */
export function indexBytes(points: readonly IndexPoint[], position: Position, starts: readonly number[]): Uint8Array {
  const firstBlock = starts.lastIndexOf(position.blockAt);
  return concat(
    points.flatMap(({ at, name }) => {
      const blockAt = starts[firstBlock + Math.floor((position.offset + at) / METADATA_SIZE)]!;
      return [directoryIndex.encode({ index: at, blockAt, nameSize: name.length - 1 }), name];
    }),
  );
}
