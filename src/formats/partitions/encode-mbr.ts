// Writes the MBR: boot code, disk id, four entries. Also the protective one in front of a GPT.
import { KindlingError } from '../../errors.ts';
import { BOOT_CODE_SIZE, BOOTABLE, MBR_ENTRIES_AT, MBR_SIGNATURE_AT, mbrEntry, mbrHead, SECTOR_SIZE } from './structs.ts';

/** A partition of an MBR. */
export interface MbrPartition {
  /** 1 to 4; the next free one unless told. */
  readonly index?: number;
  /** Where it starts and how long it is, in bytes: whole sectors of 512. */
  readonly firstByte: number;
  readonly size: number;
  /** 0xef: EFI system, 0x0c: FAT32, 0x83: Linux, 0x17: what isohybrid uses. */
  readonly type: number;
  readonly bootable?: boolean;
}

/** An MBR to be written. */
export interface MbrOptions {
  readonly scheme: 'mbr';
  /** The disk's size in bytes. */
  readonly size: number;
  /** The number that Linux makes PARTUUIDs of; 32 bits. */
  readonly diskId: number;
  readonly partitions: readonly MbrPartition[];
  /** Up to 440 bytes that BIOS starts. */
  readonly bootCode?: Uint8Array;
}

/** An error about a table that cannot be written. */
export function refused(message: string): KindlingError {
  return new KindlingError('BAD_VALUE', message, { structure: 'partition table' });
}

/** Bytes as whole sectors. Throws BAD_VALUE for a fraction. */
export function sectors(bytes: number, what: string): number {
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes % SECTOR_SIZE !== 0) {
    throw refused(`${what} is ${bytes} bytes, expected a multiple of ${SECTOR_SIZE}`);
  }
  return bytes / SECTOR_SIZE;
}

/** Throws CONFLICT when two parts overlap. */
export function checkApart(parts: readonly { readonly firstByte: number; readonly size: number }[]): void {
  const sorted = [...parts].sort((a, b) => a.firstByte - b.firstByte);
  for (const [index, part] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before === undefined || before.firstByte + before.size <= part.firstByte) continue;
    const message = `the partition at byte ${part.firstByte} begins inside the one at byte ${before.firstByte} of ${before.size} bytes`;
    throw new KindlingError('CONFLICT', message, { structure: 'partition table' });
  }
}

/** Indexes given or counted up, from 1. Throws BAD_VALUE for one that is twice or over the most. */
export function numbered<T extends { readonly index?: number }>(partitions: readonly T[], most: number): Map<number, T> {
  const found = new Map<number, T>();
  let next = 1;
  for (const partition of partitions) {
    while (partition.index === undefined && found.has(next)) next++;
    const index = partition.index ?? next;
    if (!Number.isInteger(index) || index < 1 || index > most || found.has(index)) {
      throw refused(`partition ${index}: expected different numbers from 1 to ${most}`);
    }
    found.set(index, partition);
  }
  return found;
}

const HEADS = 255;
const TRACK_SECTORS = 63;
/** What cylinders, heads and sectors say of a place they cannot express. */
const BEYOND = { head: 0xfe, sectorCylinder: 0xffff };

function chs(sector: number): { head: number; sectorCylinder: number } {
  const cylinder = Math.floor(sector / (HEADS * TRACK_SECTORS));
  if (cylinder > 1023) return BEYOND;
  const head = Math.floor(sector / TRACK_SECTORS) % HEADS;
  return { head, sectorCylinder: ((sector % TRACK_SECTORS) + 1) | ((cylinder >> 8) << 6) | ((cylinder & 255) << 8) };
}

/** One entry; a count over 32 bits is stored as the most. */
export function entryBytes({ firstByte, size, type, bootable = false }: MbrPartition): Uint8Array {
  const [firstSector, sectorCount] = [sectors(firstByte, 'the start'), sectors(size, 'the size')];
  if (firstSector > 0xffffffff) throw refused(`a partition at byte ${firstByte}: an MBR reaches ${2 ** 32} sectors`);
  const [first, last] = [chs(firstSector), chs(firstSector + Math.max(1, sectorCount) - 1)];
  return mbrEntry.encode({
    status: bootable ? BOOTABLE : 0,
    firstHead: first.head,
    firstSectorCylinder: first.sectorCylinder,
    type,
    lastHead: last.head,
    lastSectorCylinder: last.sectorCylinder,
    firstSector,
    sectorCount: Math.min(sectorCount, 0xffffffff),
  });
}

/** A whole sector from entries by number. Throws BAD_VALUE for boot code that is too long. */
export function mbrSector(
  entries: ReadonlyMap<number, MbrPartition>,
  diskId: number,
  bootCode: Uint8Array = new Uint8Array(0),
): Uint8Array {
  if (bootCode.length > BOOT_CODE_SIZE) throw refused(`${bootCode.length} bytes of boot code, an MBR holds ${BOOT_CODE_SIZE}`);
  if (!Number.isInteger(diskId) || diskId < 0 || diskId > 0xffffffff) throw refused(`the disk id ${diskId} is not 32 bits`);
  const sector = new Uint8Array(SECTOR_SIZE);
  sector.set(bootCode);
  sector.set(mbrHead.encode({ diskId, reserved: 0 }), BOOT_CODE_SIZE);
  for (const [index, partition] of entries) sector.set(entryBytes(partition), MBR_ENTRIES_AT + (index - 1) * mbrEntry.size);
  sector.set([0x55, 0xaa], MBR_SIGNATURE_AT);
  return sector;
}

/** The first sector of a disk with an MBR. */
export function encodeMbr({ size, diskId, partitions, bootCode }: MbrOptions): Uint8Array {
  checkApart(partitions);
  for (const partition of partitions) {
    if (partition.firstByte < SECTOR_SIZE || partition.firstByte + partition.size > size) {
      throw refused(`a partition of ${partition.size} bytes at ${partition.firstByte} is not within a disk of ${size} bytes`);
    }
    if (partition.size / SECTOR_SIZE > 0xffffffff) throw refused(`a partition of ${partition.size} bytes: an MBR holds ${2 ** 32} sectors`);
  }
  return mbrSector(numbered(partitions, 4), diskId, bootCode);
}
