// ISO 9660 on disc: ECMA-119 (8 volume descriptors, 9 directory records and path tables), El Torito 1.0, SUSP 1.12 (5 entries).
// Numbers stand in both byte orders beside each other where ECMA-119 says so (7.2.3, 7.3.3): the little-endian one is read, both are written.
import { bytesField, type FieldKind, struct, u8, u16le, u32be, u32le } from '../../bytes/index.ts';

/** Bytes of a logical sector; of a logical block too in all that is written here. */
export const SECTOR_SIZE = 2048;
/** Bytes at the start that ISO 9660 leaves to others. */
export const SYSTEM_AREA_SIZE = 16 * SECTOR_SIZE;
/** Bytes of one extent at most: whole sectors below 4 GiB. */
export const EXTENT_SIZE_MOST = 0x1_0000_0000 - SECTOR_SIZE;

/** Two bytes in both orders. */
export const u16both: FieldKind<number> = {
  size: 4,
  get: (view, at) => view.getUint16(at, true),
  set(view, at, value) {
    view.setUint16(at, value, true);
    view.setUint16(at + 2, value, false);
  },
};
/** Four bytes in both orders. */
export const u32both: FieldKind<number> = {
  size: 8,
  get: (view, at) => view.getUint32(at, true),
  set(view, at, value) {
    view.setUint32(at, value, true);
    view.setUint32(at + 4, value, false);
  },
};

/** "CD001". */
export const STANDARD_ID = Uint8Array.of(0x43, 0x44, 0x30, 0x30, 0x31);
/** Kinds of volume descriptor. */
export const DESCRIPTOR_TYPES = { boot: 0, primary: 1, supplementary: 2, terminator: 255 } as const;
/** Escape sequence of UCS-2 level 3, by which a supplementary descriptor is known as Joliet's; levels 1 and 2 end in "@" and "C". */
export const JOLIET_ESCAPE = Uint8Array.of(0x25, 0x2f, 0x45);

/** What every volume descriptor starts with (8.1). */
export const descriptorHead = struct('volume descriptor', 7, { type: u8, id: bytesField(5), version: u8 });

/** Primary and supplementary descriptor (8.4, 8.5), from the start of its sector. Text is filled up with spaces. */
export const volumeDescriptor = struct('volume descriptor', 1395, {
  type: u8,
  id: bytesField(5),
  version: u8,
  flags: u8,
  systemId: bytesField(32),
  volumeId: bytesField(32),
  unused: bytesField(8),
  blockCount: u32both,
  escapes: bytesField(32),
  setSize: u16both,
  sequenceNumber: u16both,
  blockSize: u16both,
  pathTableSize: u32both,
  pathTableL: u32le,
  optionalPathTableL: u32le,
  pathTableM: u32be,
  optionalPathTableM: u32be,
  root: bytesField(34),
  volumeSetId: bytesField(128),
  publisherId: bytesField(128),
  preparerId: bytesField(128),
  applicationId: bytesField(128),
  copyrightFile: bytesField(37),
  abstractFile: bytesField(37),
  bibliographicFile: bytesField(37),
  createdAt: bytesField(17),
  modifiedAt: bytesField(17),
  expiresAt: bytesField(17),
  effectiveAt: bytesField(17),
  structureVersion: u8,
  reserved: u8,
  application: bytesField(512),
});

/** Boot record of El Torito, which is in sector 17. */
export const bootRecord = struct('boot record', 75, {
  type: u8,
  id: bytesField(5),
  version: u8,
  systemId: bytesField(32),
  unused: bytesField(32),
  catalogBlock: u32le,
});
/** Its system identifier. */
export const EL_TORITO = 'EL TORITO SPECIFICATION';

/** Directory record (9.1) without its identifier. Records fill whole even numbers of bytes and lie in one sector. */
export const directoryRecord = struct('directory record', 33, {
  recordSize: u8,
  attributeBlocks: u8,
  block: u32both,
  size: u32both,
  time: bytesField(7),
  flags: u8,
  unitSize: u8,
  gapSize: u8,
  sequenceNumber: u16both,
  idSize: u8,
});
/** Flags of a directory record. */
export const RECORD_FLAGS = { hidden: 1, directory: 2, associated: 4, multiExtent: 0x80 } as const;
/** Most bytes of a record: it is even, and has one byte for its size. */
export const RECORD_SIZE_MOST = 254;

/** Record of a little-endian path table (9.4) without its identifier; the other table has the same in the other order. */
export const pathRecordL = struct('path table record', 8, { idSize: u8, attributeBlocks: u8, block: u32le, parent: u16le });

/** First 32 bytes of the boot catalog. All its 16-bit words add up to 0. */
export const validationEntry = struct('validation entry', 32, {
  headerId: u8,
  platform: u8,
  reserved: u16le,
  id: bytesField(24),
  checksum: u16le,
  key: u16le,
});
/** What the validation entry starts and ends with. */
export const VALIDATION = { headerId: 1, key: 0xaa55 } as const;
/** The default entry, and each entry of a section. */
export const catalogEntry = struct('boot entry', 32, {
  indicator: u8,
  media: u8,
  loadSegment: u16le,
  systemType: u8,
  unused: u8,
  loadSectors: u16le,
  block: u32le,
  rest: bytesField(20),
});
/** Before the entries of a section. `indicator` is 0x91 for the last one. */
export const sectionHeader = struct('boot section', 32, { indicator: u8, platform: u8, count: u16le, id: bytesField(28) });
/** First byte of what is in a catalog. */
export const INDICATORS = { bootable: 0x88, notBootable: 0, section: 0x90, lastSection: 0x91, extension: 0x44 } as const;
/** Platforms as a catalog has them. */
export const PLATFORM_IDS = { bios: 0, efi: 0xef } as const;
/** Where in a boot image the boot info table is: block of the primary descriptor, of the image, its size, its checksum, 40 bytes free. */
export const bootInfoTable = struct('boot info table', 56, {
  descriptorBlock: u32le,
  imageBlock: u32le,
  imageSize: u32le,
  checksum: u32le,
  reserved: bytesField(40),
});
/** Offset of the table in the image, and of the bytes its checksum starts with. */
export const BOOT_INFO = { at: 8, sumAt: 64 } as const;
/** Where GRUB 2's El Torito image keeps the place of what is behind its own first sector, in sectors of 512 bytes, and how far that is from its start. */
export const GRUB2_INFO = { at: 2548, size: 8, ahead: 5 } as const;

/** What every entry of the system use area starts with (SUSP 4). */
export const suspHead = struct('system use entry', 4, { signature: bytesField(2), size: u8, version: u8 });
/** CE: the entries go on elsewhere (SUSP 5.1). */
export const continuation = struct('CE entry', 28, {
  signature: bytesField(2),
  entrySize: u8,
  version: u8,
  block: u32both,
  offset: u32both,
  size: u32both,
});
/** PX: mode, links, owner (RRIP 4.1.1); `serial` is what RRIP 1.12 added, an inode number. */
export const posixEntry = struct('PX entry', 44, {
  signature: bytesField(2),
  entrySize: u8,
  version: u8,
  mode: u32both,
  linkCount: u32both,
  uid: u32both,
  gid: u32both,
  serial: u32both,
});
/** PX as RRIP 1.10 has it. */
export const OLD_POSIX_SIZE = 36;
/** PN: device number (RRIP 4.1.2). */
export const deviceEntry = struct('PN entry', 20, {
  signature: bytesField(2),
  entrySize: u8,
  version: u8,
  high: u32both,
  low: u32both,
});
/** TF: times (RRIP 4.1.6). Bits name those that follow, in this order; bit 7: in 17 bytes instead of 7. */
export const TIME_FLAGS = { creation: 1, modify: 2, access: 4, attributes: 8, long: 0x80 } as const;
/** Flags of NM (RRIP 4.1.4). */
export const NAME_FLAGS = { goesOn: 1, current: 2, parent: 4 } as const;
/** Flags of a component in SL (RRIP 4.1.3.1). */
export const COMPONENT_FLAGS = { goesOn: 1, current: 2, parent: 4, root: 8, volumeRoot: 16, host: 32 } as const;
/** File types of a mode, under the names of an entry's kind. */
export const MODE_TYPES = {
  fifo: 0o010000,
  char: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;
/** The bits of a mode that hold its type. */
export const MODE_TYPE_BITS = 0o170000;
