// Partition tables on disk: the MBR with its chain of extended tables, and GPT as UEFI 2.10 chapter 5 has it; told in
// docs/formats/partitions.md. All little-endian.
import { bytesField, struct, u8, u16le, u32le, u64le } from '../../bytes/index.ts';

/** The last 72 bytes of an MBR; 440 bytes of boot code come before. */
export const mbrHead = struct('MBR', 6, { diskId: u32le, reserved: u16le });

/** One of the four entries of an MBR or of an extended table. */
export const mbrEntry = struct('MBR partition entry', 16, {
  status: u8, // 0x80: bootable
  firstHead: u8,
  firstSectorCylinder: u16le,
  type: u8,
  lastHead: u8,
  lastSectorCylinder: u16le,
  firstSector: u32le,
  sectorCount: u32le,
});

/** GPT's header, without the zeros that fill its sector. */
export const gptHeader = struct('GPT header', 92, {
  signature: bytesField(8),
  revision: u32le,
  headerSize: u32le,
  headerCrc: u32le, // of headerSize bytes, this field zero
  reserved: u32le,
  ownSector: u64le,
  otherSector: u64le,
  firstUsable: u64le,
  lastUsable: u64le,
  diskGuid: bytesField(16),
  entriesSector: u64le,
  entryCount: u32le,
  entrySize: u32le,
  entriesCrc: u32le,
});

/** One partition of a GPT. */
export const gptEntry = struct('GPT partition entry', 128, {
  type: bytesField(16), // zeros: unused
  guid: bytesField(16),
  firstSector: u64le,
  lastSector: u64le, // inclusive
  attributes: u64le,
  name: bytesField(72), // UTF-16
});

export const BOOT_CODE_SIZE = 440;
export const MBR_ENTRIES_AT = 446;
export const MBR_SIGNATURE_AT = 510;
export const SECTOR_SIZE = 512;
export const GPT_SIGNATURE = Uint8Array.from('EFI PART', (char) => char.charCodeAt(0));
export const GPT_REVISION = 0x10000;
export const GPT_ENTRY_COUNT = 128;
/** Sectors of the entries of a usual GPT. */
export const GPT_ENTRIES_SECTORS = (GPT_ENTRY_COUNT * 128) / SECTOR_SIZE;
export const GPT_NAME_UNITS = 36;
/** Bit 2 of an entry's attributes: firmware for BIOS may boot it. */
export const GPT_LEGACY_BOOTABLE = 4n;

export const MBR_TYPE = { protective: 0xee, extended: [0x05, 0x0f, 0x85] as readonly number[] } as const;
export const BOOTABLE = 0x80;

/** Types of GPT partitions, as they are printed. */
export const PARTITION_TYPES = {
  efiSystem: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  biosBoot: '21686148-6449-6E6F-744E-656564454649',
  linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
  microsoftBasic: 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7',
  linuxSwap: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F',
  extendedBoot: 'BC13C2FF-59E6-4262-A352-B275FD6F7172',
} as const;
