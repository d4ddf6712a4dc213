// FAT on disk, as Microsoft's "FAT: General Overview of On-Disk Format" 1.03 and ECMA-107 have it; told in docs/formats/fat.md.
// All little-endian. A boot sector is the common part, then (FAT32 only) its own part, then the tail with serial number and label.
import { bytesField, struct, u8, u16le, u32le } from '../../bytes/index.ts';

/** The width of a table entry in bits, and the name of the variant. */
export type FatType = 12 | 16 | 32;

/** What all variants begin with: the BIOS parameter block. */
export const bootSector = struct('FAT boot sector', 36, {
  jump: bytesField(3),
  oemName: bytesField(8),
  sectorSize: u16le,
  sectorsPerCluster: u8,
  reservedSectors: u16le,
  tableCount: u8,
  rootEntryCount: u16le, // 0 with FAT32
  sectors16: u16le, // 0 when the count is in sectors32
  media: u8,
  tableSectors16: u16le, // 0 with FAT32
  sectorsPerTrack: u16le,
  headCount: u16le,
  hiddenSectors: u32le, // what comes before the partition
  sectors32: u32le,
});

/** What FAT32 has between the common part and the tail. */
export const bootSector32 = struct('FAT32 boot sector', 28, {
  tableSectors: u32le,
  extFlags: u16le, // bit 7: one table is in use, its number in bits 0 to 3
  version: u16le,
  rootCluster: u32le,
  infoSector: u16le,
  backupSector: u16le,
  reserved: bytesField(12),
});

/** At 36 with FAT12 and FAT16, at 64 with FAT32. */
export const bootTail = struct('FAT boot sector', 26, {
  driveNumber: u8,
  state: u8, // bit 0: not cleanly unmounted
  signature: u8, // 0x29: the three fields that follow are there
  serial: u32le,
  label: bytesField(11),
  typeName: bytesField(8),
});

/** FSInfo of FAT32: hints about free clusters. */
export const infoSector = struct('FAT FSInfo', 512, {
  leadSignature: u32le,
  reserved: bytesField(480),
  signature: u32le,
  freeCount: u32le, // 0xffffffff: unknown
  nextFree: u32le,
  reserved2: bytesField(12),
  trailSignature: u32le,
});

/** One entry of a directory. */
export const record = struct('FAT directory entry', 32, {
  name: bytesField(11),
  attributes: u8,
  caseFlags: u8, // bit 3: base in lower case, bit 4: extension
  createdTenth: u8,
  createdTime: u16le,
  createdDate: u16le,
  accessedDate: u16le,
  clusterHigh: u16le,
  writtenTime: u16le,
  writtenDate: u16le,
  clusterLow: u16le,
  fileSize: u32le,
});

/** A piece of a long name; they come before the entry they belong to, last piece first. */
export const longRecord = struct('FAT long name entry', 32, {
  order: u8, // from 1; bit 6 marks the last piece, which is stored first
  units1: bytesField(10),
  attributes: u8,
  type: u8,
  checksum: u8, // of the short name
  units2: bytesField(12),
  cluster: u16le,
  units3: bytesField(4),
});

export const BOOT_SIGNATURE_AT = 510;
export const SECTOR_SIZE = 512;
export const TAIL_SIGNATURE = 0x29;
export const INFO_LEAD = 0x41615252;
export const INFO_SIGNATURE = 0x61417272;
export const INFO_TRAIL = 0xaa550000;
export const UNKNOWN_COUNT = 0xffffffff;
export const MEDIA_FIXED = 0xf8;

/** Bits of `record.attributes`. */
export const ATTRIBUTE = { readOnly: 0x01, hidden: 0x02, system: 0x04, volume: 0x08, directory: 0x10, archive: 0x20 } as const;
/** All of readOnly, hidden, system and volume: a piece of a long name. */
export const LONG_NAME = 0x0f;
export const CASE = { baseLower: 0x08, extensionLower: 0x10 } as const;
export const DELETED = 0xe5;
/** Stands for a first byte 0xe5, which would mean "deleted". */
export const KANJI = 0x05;
export const LONG_LAST = 0x40;
export const UNITS_PER_RECORD = 13;
/** UTF-16 units of a long name. */
export const LONG_NAME_MOST = 255;

/** A file's size is 32 bits. */
export const FILE_SIZE_MOST = 0xffffffff;
/** Linux and Windows read no larger directory. */
export const DIRECTORY_SIZE_MOST = 65536 * 32;

/** Clusters a variant can have: Microsoft's bounds, by which every driver tells them apart. */
export const CLUSTERS_MOST: Readonly<Record<FatType, number>> = { 12: 4084, 16: 65524, 32: 0x0ffffff5 };
/** First value that ends a chain. */
export const END_OF_CHAIN: Readonly<Record<FatType, number>> = { 12: 0xff8, 16: 0xfff8, 32: 0x0ffffff8 };
export const BAD_CLUSTER: Readonly<Record<FatType, number>> = { 12: 0xff7, 16: 0xfff7, 32: 0x0ffffff7 };
/** Clusters are counted from here. */
export const FIRST_CLUSTER = 2;
