// Writes a GPT: protective or hybrid MBR, header and entries at the front, entries and header again at the very end.
import { crc32 } from '../../codecs/index.ts';
import { checkApart, type MbrPartition, mbrSector, numbered, refused, sectors } from './encode-mbr.ts';
import { guidToBytes } from './guid.ts';
import {
  GPT_ENTRIES_SECTORS,
  GPT_ENTRY_COUNT,
  GPT_LEGACY_BOOTABLE,
  GPT_NAME_UNITS,
  GPT_REVISION,
  GPT_SIGNATURE,
  gptEntry,
  gptHeader,
  MBR_TYPE,
  SECTOR_SIZE,
} from './structs.ts';

/** A partition of a GPT. */
export interface GptPartition {
  /** 1 to 128; the next free one unless told. */
  readonly index?: number;
  /** Where it starts and how long it is, in bytes: whole sectors of 512. */
  readonly firstByte: number;
  readonly size: number;
  /** A GUID as printed: one of `PARTITION_TYPES`, or any other. */
  readonly type: string;
  /** The partition's own GUID: its PARTUUID. */
  readonly guid: string;
  /** Up to 36 UTF-16 units: its PARTLABEL. */
  readonly name: string;
  /** Whether firmware for BIOS may boot it (attribute bit 2). */
  readonly bootable?: boolean;
  /** Further attribute bits, as they are stored. */
  readonly attributes?: bigint;
}

/** A GPT to be written. */
export interface GptOptions {
  readonly scheme: 'gpt';
  /** The disk's size in bytes: whole sectors of 512. */
  readonly size: number;
  readonly diskGuid: string;
  readonly partitions: readonly GptPartition[];
  /** Up to 440 bytes that BIOS starts. */
  readonly bootCode?: Uint8Array;
  /**
   * Up to three entries that stand in the MBR beside the protective one, for firmware that reads nothing else: a hybrid, as on the image of
   * a live CD. An entry of type 0, bootable, at 0, is what makes some BIOSes take the disk for bootable at all.
   */
  readonly hybrid?: readonly MbrPartition[];
  /** The MBR's disk id; 0 unless told. */
  readonly diskId?: number;
}

/** Bytes of tables, and where the second lot belongs. */
export interface EncodedTable {
  /** For the start of the disk. */
  readonly primary: Uint8Array;
  /** For `backupAt`, up to the very end of the disk; empty with an MBR. */
  readonly backup: Uint8Array;
  readonly backupAt: number;
}

/** Bytes of a GPT at the front: MBR, header, 128 entries. Partitions start behind it. */
export const GPT_PRIMARY_SIZE = (2 + GPT_ENTRIES_SECTORS) * SECTOR_SIZE;
/** Bytes of a GPT at the end: 128 entries, header. Partitions end before it. */
export const GPT_BACKUP_SIZE = (1 + GPT_ENTRIES_SECTORS) * SECTOR_SIZE;

function nameBytes(name: string): Uint8Array {
  if (name.length > GPT_NAME_UNITS)
    throw refused(`the name ${JSON.stringify(name)} has ${name.length} UTF-16 units, GPT holds ${GPT_NAME_UNITS}`);
  const bytes = new Uint8Array(GPT_NAME_UNITS * 2);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < name.length; at++) view.setUint16(at * 2, name.charCodeAt(at), true);
  return bytes;
}

function entriesBytes(partitions: ReadonlyMap<number, GptPartition>, size: number): Uint8Array {
  const bytes = new Uint8Array(GPT_ENTRY_COUNT * gptEntry.size);
  for (const [index, partition] of partitions) {
    const first = sectors(partition.firstByte, `the start of partition ${index}`);
    const count = sectors(partition.size, `the size of partition ${index}`);
    if (count === 0 || partition.firstByte < GPT_PRIMARY_SIZE || partition.firstByte + partition.size > size - GPT_BACKUP_SIZE) {
      throw refused(
        `partition ${index} takes the bytes ${partition.firstByte} to ${partition.firstByte + partition.size}, ` +
          `usable are ${GPT_PRIMARY_SIZE} to ${size - GPT_BACKUP_SIZE}`,
      );
    }
    const entry = gptEntry.encode({
      type: guidToBytes(partition.type),
      guid: guidToBytes(partition.guid),
      firstSector: BigInt(first),
      lastSector: BigInt(first + count - 1),
      attributes: (partition.attributes ?? 0n) | (partition.bootable === true ? GPT_LEGACY_BOOTABLE : 0n),
      name: nameBytes(partition.name),
    });
    bytes.set(entry, (index - 1) * gptEntry.size);
  }
  return bytes;
}

function headerSector(
  own: number,
  other: number,
  entriesSector: number,
  diskGuid: Uint8Array,
  last: number,
  entries: Uint8Array,
): Uint8Array {
  const values = {
    signature: GPT_SIGNATURE,
    revision: GPT_REVISION,
    headerSize: gptHeader.size,
    headerCrc: 0,
    reserved: 0,
    ownSector: BigInt(own),
    otherSector: BigInt(other),
    firstUsable: BigInt(GPT_PRIMARY_SIZE / SECTOR_SIZE),
    lastUsable: BigInt(last),
    diskGuid,
    entriesSector: BigInt(entriesSector),
    entryCount: GPT_ENTRY_COUNT,
    entrySize: gptEntry.size,
    entriesCrc: crc32(entries),
  };
  const sector = new Uint8Array(SECTOR_SIZE);
  sector.set(gptHeader.encode({ ...values, headerCrc: crc32(gptHeader.encode(values)) }));
  return sector;
}

/** Both copies of a GPT. Throws BAD_VALUE for what it cannot hold, CONFLICT for partitions that overlap. */
export function encodeGpt(options: GptOptions): EncodedTable {
  const { size, partitions, hybrid = [], diskId = 0, bootCode } = options;
  const sectorCount = sectors(size, 'the disk');
  if (size < GPT_PRIMARY_SIZE + GPT_BACKUP_SIZE) throw refused(`a disk of ${size} bytes is too small for a GPT`);
  if (hybrid.length > 3) throw refused(`${hybrid.length} entries beside the protective one, an MBR holds 3`);
  checkApart(partitions);
  const entries = entriesBytes(numbered(partitions, GPT_ENTRY_COUNT), size);
  // beside others the protective entry ends where the first of them begins, as gdisk writes it; no firmware looks at its end
  const protectedEnd = Math.min(size, ...hybrid.map(({ firstByte }) => firstByte).filter((firstByte) => firstByte > SECTOR_SIZE));
  const protective = { firstByte: SECTOR_SIZE, size: protectedEnd - SECTOR_SIZE, type: MBR_TYPE.protective };
  const mbr = mbrSector(numbered([{ index: 1, ...protective }, ...hybrid], 4), diskId, bootCode);
  const diskGuid = guidToBytes(options.diskGuid);
  const lastSector = sectorCount - 1;
  const lastUsable = lastSector - GPT_BACKUP_SIZE / SECTOR_SIZE;
  const primary = new Uint8Array(GPT_PRIMARY_SIZE);
  primary.set(mbr);
  primary.set(headerSector(1, lastSector, 2, diskGuid, lastUsable, entries), SECTOR_SIZE);
  primary.set(entries, 2 * SECTOR_SIZE);
  const backup = new Uint8Array(GPT_BACKUP_SIZE);
  backup.set(entries);
  backup.set(headerSector(lastSector, 1, lastUsable + 1, diskGuid, lastUsable, entries), entries.length);
  return { primary, backup, backupAt: size - GPT_BACKUP_SIZE };
}
