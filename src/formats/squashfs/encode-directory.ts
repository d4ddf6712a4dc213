// The listing of a directory: runs of entries behind headers, and an index into long ones.
import { concat, nameToBytes } from '../../bytes/index.ts';
import type { EntryKind } from '../../tree/index.ts';
import { BASIC_TYPES, directoryEntry, directoryHeader, directoryIndex, METADATA_SIZE, RUN_MAX } from './structs.ts';
import type { Position } from './tables.ts';

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
  readonly bytes: Uint8Array;
  /** Empty for what is found fast enough without. */
  readonly index: readonly IndexPoint[];
  /** True when mksquashfs, too, would give the directory an extended inode. */
  readonly isLong: boolean;
}

const INDEX_MOST = 0xffff;

/** The listing of these entries, which are in byte order of their names. */
export function listing(entries: readonly Listed[]): Listing {
  const pieces: Uint8Array[] = [];
  const index: IndexPoint[] = [];
  let size = 0;
  let indexedAt = 0;
  let namesSize = 0;
  for (let first = 0; first < entries.length; ) {
    const { inode, inodeNumber } = entries[first]!;
    const run: Uint8Array[] = [];
    let runSize = directoryHeader.size;
    let next = first;
    for (; next < entries.length && next - first < RUN_MAX; next++) {
      const { name, kind, inode: at, inodeNumber: number } = entries[next]!;
      const inodeDelta = number - inodeNumber;
      if (at.blockAt !== inode.blockAt || inodeDelta > 0x7fff || inodeDelta < -0x8000) break;
      const bytes = nameToBytes(name);
      const isOver = size + runSize + directoryEntry.size + bytes.length - indexedAt > METADATA_SIZE;
      if (isOver && next > first) break;
      if (isOver && size > 0 && index.length < INDEX_MOST) {
        index.push({ at: size, name: bytes });
        indexedAt = size;
      }
      run.push(directoryEntry.encode({ offset: at.offset, inodeDelta, type: BASIC_TYPES[kind], nameSize: bytes.length - 1 }), bytes);
      runSize += directoryEntry.size + bytes.length;
      namesSize += directoryEntry.size + bytes.length;
    }
    pieces.push(directoryHeader.encode({ count: next - first - 1, blockAt: inode.blockAt, inodeNumber }), ...run);
    size += runSize;
    first = next;
  }
  return { bytes: concat(pieces), index, isLong: entries.length > RUN_MAX || namesSize >= METADATA_SIZE };
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
