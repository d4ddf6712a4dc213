// Opens a FAT volume: boot sector, where tables, root directory and clusters are. Nothing is believed that the image could not hold.
import { asciiFrom, type ByteSource, recent } from '../../bytes/index.ts';
import { fault } from './faults.ts';
import {
  BAD_CLUSTER,
  BOOT_SIGNATURE_AT,
  bootSector,
  bootSector32,
  bootTail,
  CLUSTERS_MOST,
  END_OF_CHAIN,
  type FatType,
  FIRST_CLUSTER,
  TAIL_SIGNATURE,
} from './structs.ts';

/** What a boot sector says, as places in the image. All in bytes. */
export interface Layout {
  readonly type: FatType;
  readonly sectorSize: number;
  readonly clusterSize: number;
  /** Clusters there are, by the smaller of what the size and the tables allow. */
  readonly clusterCount: number;
  /** Clusters whose bytes the image has. */
  readonly heldClusters: number;
  readonly tablesAt: number;
  readonly tableSize: number;
  readonly tableCount: number;
  /** The table that counts. */
  readonly tableIndex: number;
  /** The root directory of FAT12 and FAT16. */
  readonly rootAt: number;
  readonly rootSize: number;
  /** That of FAT32; 0 with the others. */
  readonly rootCluster: number;
  readonly dataAt: number;
  /** The whole volume, as it says itself. */
  readonly size: number;
  readonly hiddenSectors: number;
  readonly serial: number | undefined;
  /** The boot sector's label; the root directory's counts. */
  readonly label: string;
  readonly dirty: boolean;
  readonly infoSector: number;
  readonly backupSector: number;
}

/** An open volume. */
export interface Volume {
  readonly source: ByteSource;
  readonly layout: Layout;
  /** What the table says of a cluster: the next one, or `end`, `bad`, `free`. */
  next(cluster: number): number | 'end' | 'bad' | 'free';
  /** Where a cluster is. */
  placeOf(cluster: number): number;
}

const HEAD_SIZE = 512;
const PLACE = { structure: bootSector.name, offset: 0 };

function isPower(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/** Whether the first sector is that of a FAT volume: signature, and a parameter block that makes sense. */
export function detect(source: ByteSource): boolean {
  if (source.size < HEAD_SIZE) return false;
  const head = source.read(0, HEAD_SIZE);
  if (head[BOOT_SIGNATURE_AT] !== 0x55 || head[BOOT_SIGNATURE_AT + 1] !== 0xaa) return false;
  const boot = bootSector.decode(head);
  if (asciiFrom(boot.oemName) === 'NTFS    ' || asciiFrom(boot.oemName) === 'EXFAT   ') return false;
  return (
    isPower(boot.sectorSize) &&
    boot.sectorSize >= 512 &&
    boot.sectorSize <= 4096 &&
    isPower(boot.sectorsPerCluster) &&
    boot.reservedSectors > 0 &&
    boot.tableCount > 0 &&
    (boot.media === 0xf0 || boot.media >= 0xf8) &&
    (boot.sectors16 !== 0 || boot.sectors32 !== 0)
  );
}

/** Reads the boot sector. Throws TRUNCATED, BAD_MAGIC or BAD_VALUE. */
export function layoutOf(source: ByteSource): Layout {
  if (source.size < HEAD_SIZE) throw fault('TRUNCATED', PLACE, `the image has ${source.size} bytes, expected ${HEAD_SIZE}`);
  if (!detect(source)) throw fault('BAD_MAGIC', PLACE, 'no signature 55 aa with the parameters of a FAT volume');
  const head = source.read(0, HEAD_SIZE);
  const boot = bootSector.decode(head);
  const has32 = boot.tableSectors16 === 0;
  const own = has32 ? bootSector32.decode(head, bootSector.size) : undefined;
  const tail = bootTail.decode(head, bootSector.size + (has32 ? bootSector32.size : 0));
  const { sectorSize } = boot;
  const sectorCount = boot.sectors16 === 0 ? boot.sectors32 : boot.sectors16;
  const tableSectors = own === undefined ? boot.tableSectors16 : own.tableSectors;
  if (tableSectors === 0) throw fault('BAD_VALUE', PLACE, 'tables of 0 sectors');
  const tablesAt = boot.reservedSectors * sectorSize;
  const tableSize = tableSectors * sectorSize;
  const rootAt = tablesAt + boot.tableCount * tableSize;
  const rootSize = Math.ceil((boot.rootEntryCount * 32) / sectorSize) * sectorSize;
  const dataAt = rootAt + rootSize;
  const size = sectorCount * sectorSize;
  const clusterSize = boot.sectorsPerCluster * sectorSize;
  const counted = Math.floor((size - dataAt) / clusterSize);
  if (counted < 1) throw fault('BAD_VALUE', PLACE, `tables and root directory end at ${dataAt}, in a volume of ${size} bytes`);
  const type: FatType = has32 ? 32 : counted <= CLUSTERS_MOST[12] ? 12 : 16;
  if (counted > CLUSTERS_MOST[type]) {
    throw fault('BAD_VALUE', PLACE, `${counted} clusters, FAT${type} has at most ${CLUSTERS_MOST[type]}`);
  }
  if (dataAt > source.size) throw fault('TRUNCATED', PLACE, `clusters start at ${dataAt}, the image ends at ${source.size}`);
  if (own !== undefined && own.version !== 0) throw fault('UNSUPPORTED', PLACE, `version ${own.version} of FAT32, expected 0`);
  const mirrored = own === undefined || (own.extFlags & 0x80) === 0;
  const tableIndex = mirrored ? 0 : (own?.extFlags ?? 0) & 15;
  if (tableIndex >= boot.tableCount) throw fault('BAD_VALUE', PLACE, `table ${tableIndex} is in use, there are ${boot.tableCount}`);
  const known = tail.signature === TAIL_SIGNATURE;
  return {
    type,
    sectorSize,
    clusterSize,
    clusterCount: Math.min(counted, Math.floor((tableSize * 8) / type) - FIRST_CLUSTER),
    heldClusters: Math.floor((source.size - dataAt) / clusterSize),
    tablesAt,
    tableSize,
    tableCount: boot.tableCount,
    tableIndex,
    rootAt,
    rootSize: has32 ? 0 : boot.rootEntryCount * 32,
    rootCluster: own?.rootCluster ?? 0,
    dataAt,
    size,
    hiddenSectors: boot.hiddenSectors,
    serial: known || tail.signature === 0x28 ? tail.serial : undefined,
    label: known ? asciiFrom(tail.label).trimEnd() : '',
    dirty: (tail.state & 1) !== 0,
    infoSector: own?.infoSector ?? 0,
    backupSector: own?.backupSector ?? 0,
  };
}

const PAGE_SIZE = 65536;
const PAGES_SIZE = 64 * PAGE_SIZE;

/** Opens a volume. Throws what `layoutOf` throws. */
export function openVolume(source: ByteSource): Volume {
  const layout = layoutOf(source);
  const { type, tableSize, clusterSize, dataAt } = layout;
  const tableAt = layout.tablesAt + layout.tableIndex * tableSize;
  const pages = recent<number>({ sizeMost: PAGES_SIZE });
  let page: { readonly index: number; readonly view: DataView } | undefined;
  const viewAt = (at: number): DataView => {
    const index = Math.floor(at / PAGE_SIZE);
    if (page?.index === index) return page.view;
    const from = index * PAGE_SIZE;
    const bytes = pages.get(index, () => source.read(tableAt + from, Math.min(PAGE_SIZE, tableSize - from)).slice());
    page = { index, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
    return page.view;
  };
  const raw = (cluster: number): number => {
    if (type === 12) {
      const at = Math.floor(cluster * 1.5);
      // a table of FAT12 is smaller than a page
      const pair = viewAt(0).getUint16(at, true);
      return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
    }
    const at = cluster * (type / 8);
    return type === 16 ? viewAt(at).getUint16(at % PAGE_SIZE, true) : viewAt(at).getUint32(at % PAGE_SIZE, true) & 0x0fffffff;
  };
  return {
    source,
    layout,
    next(cluster) {
      const value = raw(cluster);
      if (value >= END_OF_CHAIN[type]) return 'end';
      if (value === BAD_CLUSTER[type]) return 'bad';
      return value === 0 ? 'free' : value;
    },
    placeOf: (cluster) => dataAt + (cluster - FIRST_CLUSTER) * clusterSize,
  };
}
