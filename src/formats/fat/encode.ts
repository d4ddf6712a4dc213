// Writes a FAT volume: reserved sectors, two equal tables, the root directory (FAT12 and FAT16), clusters. From front to back, nothing is
// patched afterwards; equal trees and options give equal bytes.
import { alignUp, type ChunkOptions, chunked, type Piece } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import type { Tree } from '../../tree/index.ts';
import { type Contents, clustersNeeded, contentsOf, type Placement, placementOf } from './contents.ts';
import { encodeDirectory } from './encode-directory.ts';
import { encodeReserved, encodeTable } from './encode-reserved.ts';
import { type Geometry, geometryOf, leastVolume, TABLE_COUNT, tryGeometry, usualType } from './geometry.ts';
import { checkHeld } from './loses.ts';
import { labelFault } from './names.ts';
import { type FatType, FIRST_CLUSTER, record, SECTOR_SIZE } from './structs.ts';

/** A volume to be written. */
export interface EncodeOptions {
  /** Bytes of the volume; what is left over of a sector of 512 stays zero. */
  readonly size: number;
  /** Up to eleven ASCII characters, in the boot sector and the root directory; "" for none. Windows and DOS expect capitals. */
  readonly label: string;
  /** The volume's serial number, 32 bits: the UUID that Linux shows. */
  readonly serial: number;
  /** Seconds since 1970: the label's time, and that of entries whose own FAT cannot hold (before 1980). */
  readonly time: number;
  /** The variant; by size unless told: FAT12 up to 8 MiB, FAT16 below 512 MiB, FAT32. */
  readonly type?: FatType;
  /** Sectors before the volume on its disk, when it is a partition. */
  readonly hiddenSectors?: number;
}

/** A volume ready to be written. */
export interface FatPlan {
  readonly size: number;
  /** From here on there are only zeros. */
  readonly usedSize: number;
  readonly type: FatType;
  /** Bytes in a cluster. */
  readonly clusterSize: number;
  /** Where a file's bytes are in the volume; undefined for what has none. Everything is stored in one piece. */
  extentOf(path: string): { readonly at: number; readonly size: number } | undefined;
  /** The volume from front to back, in pieces of up to 1 MiB, each of its own unless told. */
  chunks(options?: ChunkOptions): Generator<Uint8Array>;
}

const ROOT_ENTRIES = 512;
const ROOT_ENTRIES_MOST = 65520;

function rootEntryCount({ directories }: Contents): number {
  return Math.max(ROOT_ENTRIES, alignUp(directories[0]!.size / record.size, 16));
}

function checkOptions({ label, serial, size, hiddenSectors = 0 }: EncodeOptions): void {
  const refuse = (message: string) => new KindlingError('BAD_VALUE', message, { structure: 'fat' });
  const fault = labelFault(label);
  if (fault !== undefined) throw refuse(`the label ${JSON.stringify(label)} ${fault}`);
  if (!Number.isInteger(serial) || serial < 0 || serial > 0xffffffff) throw refuse(`the serial number ${serial} is not 32 bits`);
  if (!Number.isSafeInteger(size) || size < 0) throw refuse(`a size of ${size} bytes`);
  if (!Number.isInteger(hiddenSectors) || hiddenSectors < 0 || hiddenSectors > 0xffffffff) throw refuse(`${hiddenSectors} hidden sectors`);
}

/**
 * Plans a volume. Throws NOT_EXPRESSIBLE for what FAT cannot hold (`losses` tells all of it, and what is left out), LIMIT when it does not fit
 * the size or the variant has no layout for it, BAD_VALUE for a label or number that cannot be stored.
 */
export function encode(tree: Tree, options: EncodeOptions): FatPlan {
  checkOptions(options);
  checkHeld(tree);
  const { size, label, serial, time, hiddenSectors = 0, type = usualType(size) } = options;
  const contents = contentsOf(tree, label !== '');
  const rootEntries = rootEntryCount(contents);
  if (type !== 32 && rootEntries > ROOT_ENTRIES_MOST) {
    throw new KindlingError('NOT_EXPRESSIBLE', `fat: ${rootEntries} records in the root directory of FAT${type}`, { structure: 'fat' });
  }
  const geometry = geometryOf(size, type, rootEntries);
  const clusterSize = geometry.sectorsPerCluster * SECTOR_SIZE;
  const needed = clustersNeeded(contents, clusterSize, type === 32);
  if (needed > geometry.clusterCount) {
    const message = `the tree takes ${needed} clusters of ${clusterSize} bytes, a FAT${type} of ${size} bytes has ${geometry.clusterCount}`;
    throw new KindlingError('LIMIT', message, { structure: 'fat' });
  }
  const placement = placementOf(contents, clusterSize, type === 32);
  const placeOf = (cluster: number) => (geometry.dataSector + (cluster - FIRST_CLUSTER) * geometry.sectorsPerCluster) * SECTOR_SIZE;
  const files = new Map(contents.files.map((node) => [node.path, node]));
  return {
    size,
    usedSize: placeOf(placement.freeCluster),
    type,
    clusterSize,
    extentOf(path) {
      const node = files.get(path);
      const cluster = node === undefined ? undefined : placement.first.get(node);
      return node === undefined || cluster === undefined ? undefined : { at: placeOf(cluster), size: node.size };
    },
    chunks: (how) => chunked(pieces({ contents, placement, geometry, label, serial, time, hiddenSectors, size }), how),
  };
}

/**
 * The least size in bytes, a whole number of 512-byte sectors (or of `unit`), of a volume that holds the tree. Without a type the one that
 * `encode` would choose for that size.
 */
export function leastSize(tree: Tree, options: { readonly type?: FatType; readonly label?: string; readonly unit?: number } = {}): number {
  checkHeld(tree);
  const contents = contentsOf(tree, (options.label ?? 'x') !== '');
  const rootEntries = rootEntryCount(contents);
  const unit = Math.max(SECTOR_SIZE, options.unit ?? SECTOR_SIZE);
  const content = clustersNeeded(contents, SECTOR_SIZE, false) * SECTOR_SIZE;
  let size = alignUp(Math.max(content, leastVolume(options.type ?? 12)), unit);
  for (;;) {
    const type = options.type ?? usualType(size);
    const geometry = type === 32 || rootEntries <= ROOT_ENTRIES_MOST ? tryGeometry(size, type, rootEntries) : undefined;
    if (size > Number.MAX_SAFE_INTEGER / 2 || (geometry === undefined && size > content * 4 + 2 ** 40)) {
      throw new KindlingError('LIMIT', `FAT${type} has no layout for ${content} bytes of content`, { structure: 'fat' });
    }
    if (geometry === undefined) {
      size = alignUp(size + Math.max(SECTOR_SIZE, Math.floor(size / 256)), unit);
      continue;
    }
    const clusterSize = geometry.sectorsPerCluster * SECTOR_SIZE;
    const missing = clustersNeeded(contents, clusterSize, type === 32) - geometry.clusterCount;
    if (missing <= 0) return size;
    size = alignUp(size + missing * clusterSize, unit);
  }
}

interface Volume {
  readonly contents: Contents;
  readonly placement: Placement;
  readonly geometry: Geometry;
  readonly label: string;
  readonly serial: number;
  readonly time: number;
  readonly hiddenSectors: number;
  readonly size: number;
}

function* pieces(volume: Volume): Generator<Piece> {
  const { contents, placement, geometry, size } = volume;
  const clusterSize = geometry.sectorsPerCluster * SECTOR_SIZE;
  yield encodeReserved(geometry, volume, placement);
  for (let index = 0; index < TABLE_COUNT; index++) yield* encodeTable(geometry, placement);
  if (geometry.type !== 32) {
    const root = contents.directories[0]!;
    yield encodeDirectory(root, volume);
    yield { zeros: geometry.rootSectors * SECTOR_SIZE - root.size };
  }
  for (const node of placement.stored) {
    if (node.kind === 'directory') yield encodeDirectory(node, volume);
    else yield node.content;
    // an empty directory of the root takes a whole cluster too
    const end = Math.max(clusterSize, alignUp(node.size, clusterSize));
    yield { zeros: end - node.size };
  }
  const clusters = placement.freeCluster - FIRST_CLUSTER;
  yield { zeros: size - (geometry.dataSector + clusters * geometry.sectorsPerCluster) * SECTOR_SIZE };
}
