// The reserved sectors (boot sector, FSInfo and their backups) and the tables.
import { concat, utf8 } from '../../bytes/index.ts';
import type { Placement } from './contents.ts';
import { type Geometry, TABLE_COUNT } from './geometry.ts';
import {
  BOOT_SIGNATURE_AT,
  bootSector,
  bootSector32,
  bootTail,
  END_OF_CHAIN,
  FIRST_CLUSTER,
  INFO_LEAD,
  INFO_SIGNATURE,
  INFO_TRAIL,
  infoSector,
  MEDIA_FIXED,
  SECTOR_SIZE,
  TAIL_SIGNATURE,
} from './structs.ts';

/** What the boot sector says besides the layout. */
export interface VolumeFacts {
  readonly label: string;
  readonly serial: number;
  readonly hiddenSectors: number;
}

const INFO_SECTOR = 1;
const BACKUP_SECTOR = 6;
// int 0x18 gives the boot back to the firmware; then the processor sleeps
const BOOT_CODE = Uint8Array.of(0xcd, 0x18, 0xf4, 0xeb, 0xfd);
const LARGE_SECTORS = 0x10_0000;
const LABEL_NONE = 'NO NAME';

/** mtools wants whole tracks; nothing else looks at the number. */
function sectorsPerTrack(sectorCount: number): number {
  return [32, 16, 8, 4, 2].find((sectors) => sectorCount % sectors === 0) ?? 1;
}

function bootSectorOf(geometry: Geometry, { label, serial, hiddenSectors }: VolumeFacts): Uint8Array {
  const { type, sectorCount } = geometry;
  const small = type !== 32 && sectorCount < 0x10000;
  const codeAt = bootSector.size + (type === 32 ? bootSector32.size : 0) + bootTail.size;
  const common = bootSector.encode({
    jump: Uint8Array.of(0xeb, codeAt - 2, 0x90),
    oemName: utf8('KINDLING'),
    sectorSize: SECTOR_SIZE,
    sectorsPerCluster: geometry.sectorsPerCluster,
    reservedSectors: geometry.reservedSectors,
    tableCount: TABLE_COUNT,
    rootEntryCount: geometry.rootEntryCount,
    sectors16: small ? sectorCount : 0,
    media: MEDIA_FIXED,
    tableSectors16: type === 32 ? 0 : geometry.tableSectors,
    sectorsPerTrack: sectorsPerTrack(sectorCount),
    headCount: sectorCount < LARGE_SECTORS ? 64 : 255,
    hiddenSectors,
    sectors32: small ? 0 : sectorCount,
  });
  const own = bootSector32.encode({
    tableSectors: geometry.tableSectors,
    extFlags: 0,
    version: 0,
    rootCluster: FIRST_CLUSTER,
    infoSector: INFO_SECTOR,
    backupSector: BACKUP_SECTOR,
    reserved: new Uint8Array(12),
  });
  const tail = bootTail.encode({
    driveNumber: 0x80,
    state: 0,
    signature: TAIL_SIGNATURE,
    serial,
    label: utf8((label === '' ? LABEL_NONE : label).padEnd(11)),
    typeName: utf8(`FAT${type}`.padEnd(8)),
  });
  const sector = new Uint8Array(SECTOR_SIZE);
  sector.set(concat([common, ...(type === 32 ? [own] : []), tail, BOOT_CODE]));
  return signed(sector);
}

function signed(sector: Uint8Array): Uint8Array {
  sector.set([0x55, 0xaa], BOOT_SIGNATURE_AT);
  return sector;
}

/** All sectors before the first table. */
export function encodeReserved(geometry: Geometry, facts: VolumeFacts, { freeCluster }: Placement): Uint8Array {
  const bytes = new Uint8Array(geometry.reservedSectors * SECTOR_SIZE);
  const boot = bootSectorOf(geometry, facts);
  bytes.set(boot);
  if (geometry.type !== 32) return bytes;
  const freeCount = geometry.clusterCount + FIRST_CLUSTER - freeCluster;
  const info = infoSector.encode({
    leadSignature: INFO_LEAD,
    reserved: new Uint8Array(480),
    signature: INFO_SIGNATURE,
    freeCount,
    nextFree: freeCount === 0 ? 0xffffffff : freeCluster,
    reserved2: new Uint8Array(12),
    trailSignature: INFO_TRAIL,
  });
  // three sectors each time, as the specification has it: boot, FSInfo, and one for more boot code
  for (const at of [0, BACKUP_SECTOR]) {
    bytes.set(boot, at * SECTOR_SIZE);
    bytes.set(info, (at + INFO_SECTOR) * SECTOR_SIZE);
    signed(bytes.subarray((at + 2) * SECTOR_SIZE, (at + 3) * SECTOR_SIZE));
  }
  return bytes;
}

const PIECE_ENTRIES = 65536;

/** One table, in pieces. Every chain is one run, so the next cluster is the following one until the run's last. */
export function* encodeTable({ type, tableSectors }: Geometry, { lasts, freeCluster }: Placement): Generator<Uint8Array> {
  const mask = type === 32 ? 0x0fffffff : 2 ** type - 1;
  let run = 0;
  const value = (cluster: number): number => {
    if (cluster === 0) return (mask & ~0xff) | MEDIA_FIXED;
    if (cluster === 1) return mask;
    if (cluster >= freeCluster) return 0;
    if (cluster !== lasts[run]) return cluster + 1;
    run++;
    return END_OF_CHAIN[type] | 7;
  };
  const tableSize = tableSectors * SECTOR_SIZE;
  if (type === 12) {
    const bytes = new Uint8Array(tableSize);
    for (let cluster = 0; cluster < freeCluster; cluster++) {
      const [at, entry] = [Math.floor(cluster * 1.5), value(cluster)];
      if (cluster % 2 === 0) {
        bytes[at] = entry & 255;
        bytes[at + 1] = entry >> 8;
      } else {
        bytes[at] = bytes[at]! | ((entry & 15) << 4);
        bytes[at + 1] = entry >> 4;
      }
    }
    yield bytes;
    return;
  }
  const width = type / 8;
  for (let firstAt = 0; firstAt < tableSize; firstAt += PIECE_ENTRIES * width) {
    const bytes = new Uint8Array(Math.min(PIECE_ENTRIES * width, tableSize - firstAt));
    const view = new DataView(bytes.buffer);
    const first = firstAt / width;
    const end = Math.min(first + bytes.length / width, freeCluster);
    for (let cluster = first; cluster < end; cluster++) {
      if (type === 16) view.setUint16((cluster - first) * 2, value(cluster), true);
      else view.setUint32((cluster - first) * 4, value(cluster), true);
    }
    yield bytes;
  }
}
