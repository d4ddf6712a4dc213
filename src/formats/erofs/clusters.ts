// The index of a compressed file, one entry a logical cluster (lcluster): a head starts a pcluster, "nonhead" entries continue it.
// Full form: 8 bytes each. Compact form: packs of 2 entries in 8 bytes or 16 in 32, each with one block address at its end:
//
//   | type+low bits | type+low bits | ... | block address (4 bytes) |     entry widths 16 or 14 bits, packed from bit 0 up
//
// Entries before the first 32-byte boundary and after the last whole pack of 16 are in packs of 2.
import { u32le } from '../../bytes/index.ts';
import { fault } from './faults.ts';
import type { Inode } from './inode.ts';
import { ADVISE, BLOCK_COUNT_FLAG, LCLUSTER, lclusterIndex, mapHeader } from './structs.ts';

/** One entry. `low` is the offset of a head within its cluster, or a nonhead's count of blocks with its flag, or a distance. */
export interface Lcluster {
  readonly type: number;
  readonly low: number;
  /** Block address of a head. */
  readonly block: number;
}

/** What of the map header the index needs. */
export interface ClusterShape {
  readonly headerAt: number;
  readonly clusterBits: number;
  readonly blockBits: number;
  readonly advise: number;
}

/** Reads all entries in order, handing each to `take`; returns where the index ends (an inline tail starts there). */
export function readClusters(inode: Inode, shape: ClusterShape, take: (entry: Lcluster) => void): number {
  const count = Math.ceil(inode.size / 2 ** shape.clusterBits);
  return inode.layout === 'compact' ? readCompact(inode, shape, count, take) : readFull(inode, shape, count, take);
}

const FULL_PAD = 8;
const ENTRIES_AT_ONCE = 512;

function readFull(inode: Inode, shape: ClusterShape, count: number, take: (entry: Lcluster) => void): number {
  const { area, place } = inode;
  const start = shape.headerAt + mapHeader.size + FULL_PAD;
  const end = start + count * lclusterIndex.size;
  if (end > area.size) throw fault('TRUNCATED', place, `its index of ${count} entries ends at ${end}, of ${area.size} bytes`);
  for (let first = 0; first < count; first += ENTRIES_AT_ONCE) {
    const held = Math.min(ENTRIES_AT_ONCE, count - first);
    const bytes = area.read(start + first * lclusterIndex.size, held * lclusterIndex.size);
    for (let index = 0; index < held; index++) {
      const { advise, clusterAt, block } = lclusterIndex.decode(bytes, index * lclusterIndex.size);
      const type = advise & 3;
      take({ type, low: type === LCLUSTER.nonhead ? block & 0xffff : clusterAt, block });
    }
  }
  return end;
}

const PACK_OF_2 = { count: 2, size: 8 };
const PACK_OF_16 = { count: 16, size: 32 };

function readCompact(inode: Inode, shape: ClusterShape, count: number, take: (entry: Lcluster) => void): number {
  const { area, place } = inode;
  const { clusterBits, advise } = shape;
  const lowBits = Math.max(clusterBits, 12);
  // the size of the parts goes by blocks, not by clusters
  const total = Math.ceil(inode.size / 2 ** shape.blockBits);
  const start = shape.headerAt + mapHeader.size;
  const before = ((32 - (start % 32)) / 4) % 8;
  const inSixteens = (advise & ADVISE.compact2) !== 0 && before < total ? Math.floor((total - before) / 16) * 16 : 0;
  if (clusterBits > 14 || (clusterBits > 12 && inSixteens > 0)) {
    throw fault('UNSUPPORTED', place, `a compact index for clusters of 2^${clusterBits} bytes`);
  }
  const big = (advise & ADVISE.big1) !== 0;
  let at = start;
  for (let number = 0; number < count; ) {
    const pack = number >= before && number < before + inSixteens ? PACK_OF_16 : PACK_OF_2;
    if (at + pack.size > area.size) throw fault('TRUNCATED', place, `its index has a pack at ${at}, of ${area.size} bytes`);
    const bytes = area.read(at, pack.size);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const base = u32le.get(view, pack.size - u32le.size);
    const width = ((pack.size - u32le.size) * 8) / pack.count;
    // blocks before the next head, counted from the pack's address
    let used = big ? 0 : 1;
    let pendingBlock = 0;
    for (let index = 0; index < pack.count && number < count; index++, number++) {
      const bit = index * width;
      const value = u32le.get(view, bit >> 3) >>> (bit & 7);
      const low = value & (2 ** lowBits - 1);
      const type = (value >>> lowBits) & 3;
      if (type !== LCLUSTER.nonhead) {
        take({ type, low, block: base + used });
        used++;
        pendingBlock = 1;
        continue;
      }
      if (big && (low & BLOCK_COUNT_FLAG) !== 0) {
        // the count replaces the one block assumed for a head of this pack
        used += (low & ~BLOCK_COUNT_FLAG) - pendingBlock;
      }
      pendingBlock = 0;
      // the last entry of a pack has the distance to the next head, which nobody needs who reads them all
      take({ type, low, block: 0 });
    }
    at += pack.size;
  }
  return at;
}
