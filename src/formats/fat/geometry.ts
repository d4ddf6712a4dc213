// How a FAT volume of a given size is laid out: reserved sectors, tables, the root directory of FAT12/16, clusters.
// Which variant it is follows from the number of clusters alone, so the cluster size is chosen to keep clear of the bounds.
import { KindlingError } from '../../errors.ts';
import { CLUSTERS_MOST, type FatType, FIRST_CLUSTER, SECTOR_SIZE } from './structs.ts';

/** A layout; sectors of 512 bytes. */
export interface Geometry {
  readonly type: FatType;
  readonly sectorCount: number;
  readonly sectorsPerCluster: number;
  readonly reservedSectors: number;
  readonly tableSectors: number;
  readonly rootEntryCount: number;
  readonly rootSectors: number;
  /** Where cluster 2 is. */
  readonly dataSector: number;
  readonly clusterCount: number;
}

export const TABLE_COUNT = 2;
const MIB = 1 << 20;
const GIB = 1 << 30;
/** Some drivers are off by a few in where one variant ends, so neither end is used. */
const MARGIN = 16;
const SECTORS_MOST = 0xffffffff;
const RESERVED: Readonly<Record<FatType, number>> = { 12: 1, 16: 1, 32: 32 };
const CLUSTER_SECTORS_MOST = 64;

/** The variant a volume of this size gets when nobody asks for one. */
export function usualType(size: number): FatType {
  if (size <= 8 * MIB) return 12;
  return size < 512 * MIB ? 16 : 32;
}

function usualClusterSectors(type: FatType, size: number): number {
  if (type === 12) return 1;
  if (type === 16) return 4;
  if (size <= 260 * MIB) return 1;
  if (size <= 8 * GIB) return 8;
  if (size <= 16 * GIB) return 16;
  return size <= 32 * GIB ? 32 : 64;
}

function layOut(type: FatType, sectorCount: number, sectorsPerCluster: number, rootEntryCount: number): Geometry | undefined {
  const rootSectors = type === 32 ? 0 : Math.ceil((rootEntryCount * 32) / SECTOR_SIZE);
  const before = (tableSectors: number) => {
    const plain = RESERVED[type] + TABLE_COUNT * tableSectors + rootSectors;
    // clusters begin at a multiple of their size, as flash memory likes it; FAT12 is for floppies and tiny images
    return type === 12 ? plain : Math.ceil(plain / sectorsPerCluster) * sectorsPerCluster;
  };
  let tableSectors = 1;
  for (;;) {
    const clusterCount = Math.floor((sectorCount - before(tableSectors)) / sectorsPerCluster);
    if (clusterCount < 1) return undefined;
    const needed = Math.ceil(((clusterCount + FIRST_CLUSTER) * type) / 8 / SECTOR_SIZE);
    if (needed <= tableSectors) {
      const dataSector = before(tableSectors);
      const reservedSectors = dataSector - TABLE_COUNT * tableSectors - rootSectors;
      const least = type === 12 ? 1 : CLUSTERS_MOST[type === 16 ? 12 : 16] + 1 + MARGIN;
      if (clusterCount < least || clusterCount > CLUSTERS_MOST[type] - MARGIN) return undefined;
      return {
        type,
        sectorCount,
        sectorsPerCluster,
        reservedSectors,
        tableSectors,
        rootEntryCount: type === 32 ? 0 : rootEntryCount,
        rootSectors,
        dataSector,
        clusterCount,
      };
    }
    tableSectors = needed;
  }
}

/** The layout for a size, or undefined when that variant has none for it: too small, or too large. */
export function tryGeometry(size: number, type: FatType, rootEntryCount: number): Geometry | undefined {
  const sectorCount = Math.floor(size / SECTOR_SIZE);
  if (sectorCount > SECTORS_MOST) return undefined;
  const usual = usualClusterSectors(type, size);
  for (let sectors = usual; sectors <= CLUSTER_SECTORS_MOST; sectors *= 2) {
    const found = layOut(type, sectorCount, sectors, rootEntryCount);
    if (found !== undefined) return found;
  }
  for (let sectors = usual / 2; sectors >= 1; sectors /= 2) {
    const found = layOut(type, sectorCount, sectors, rootEntryCount);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The layout for a size. Throws LIMIT when the variant has none for it. */
export function geometryOf(size: number, type: FatType, rootEntryCount: number): Geometry {
  const found = tryGeometry(size, type, rootEntryCount);
  if (found === undefined) {
    throw new KindlingError('LIMIT', `FAT${type} has no layout for ${size} bytes`, { structure: 'fat' });
  }
  return found;
}

/** Roughly the least size a variant can have, to start a search from. */
export function leastVolume(type: FatType): number {
  return type === 12 ? 16 * SECTOR_SIZE : (CLUSTERS_MOST[type === 16 ? 12 : 16] + MARGIN) * SECTOR_SIZE;
}
