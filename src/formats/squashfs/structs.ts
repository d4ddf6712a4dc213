// squashfs 4.0 on disk (Linux fs/squashfs/squashfs_fs.h and Documentation/filesystems/squashfs.rst). Everything is little-endian.
// Order: superblock, compressor options, data and fragments, inodes, directories, fragment table, export table, ids, xattrs.
import { i16le, i32le, struct, u16le, u32le, u64le } from '../../bytes/index.ts';

/** "hsqs" as a little-endian number. */
export const MAGIC = 0x73717368;
/** Version that is read and written. */
export const VERSION = { major: 4, minor: 0 } as const;
/** Bytes a metadata block unpacks to; only the last one of a table may be shorter. */
export const METADATA_SIZE = 8192;
/** In a metadata block's header: stored as it is. */
export const METADATA_RAW = 0x8000;
/** In the size of a data block or fragment: stored as it is. */
export const RAW_BLOCK = 1 << 24;
/** "None" where a number of a fragment or of an xattr set is expected. */
export const NONE32 = 0xffffffff;
/** "None" where the offset of a table is expected. */
export const NONE64 = 0xffff_ffff_ffff_ffffn;
/** Smallest and largest data block. */
export const BLOCK_SIZES = { least: 4096, most: 1 << 20 } as const;
/** A directory's size is that of its listing and this: for "." and "..", which are not stored. */
export const LISTING_EXTRA = 3;
/** Entries behind one directory header. */
export const RUN_MAX = 256;

/** Compressors by the superblock's number, under the names of `Decoder`. */
export const COMPRESSORS = { gzip: 1, lzma: 2, lzo: 3, xz: 4, lz4: 5, zstd: 6 } as const;
/** Name of a compressor. */
export type CompressorName = keyof typeof COMPRESSORS;

/** Bits of the superblock's flags. */
export const FLAGS = {
  inodesRaw: 1 << 0,
  dataRaw: 1 << 1,
  fragmentsRaw: 1 << 3,
  noFragments: 1 << 4,
  alwaysFragments: 1 << 5,
  duplicates: 1 << 6,
  exportTable: 1 << 7,
  xattrsRaw: 1 << 8,
  noXattrs: 1 << 9,
  compressorOptions: 1 << 10,
  idsRaw: 1 << 11,
} as const;

/** The superblock, at offset 0. Offsets of tables are in bytes from the start of the image, all ones for a table there is not. */
export const superblock = struct('squashfs superblock', 96, {
  magic: u32le,
  inodeCount: u32le,
  time: u32le,
  blockSize: u32le,
  fragmentCount: u32le,
  compressor: u16le,
  blockLog: u16le,
  flags: u16le,
  idCount: u16le,
  major: u16le,
  minor: u16le,
  root: u64le,
  bytesUsed: u64le,
  idTableAt: u64le,
  xattrTableAt: u64le,
  inodeTableAt: u64le,
  directoryTableAt: u64le,
  fragmentTableAt: u64le,
  exportTableAt: u64le,
});

/** Settings of gzip, behind the superblock as a metadata block that is stored raw. `strategies` are bits: 1 default ... 16 fixed. */
export const gzipOptions = struct('squashfs gzip options', 8, { level: i32le, windowBits: u16le, strategies: u16le });
/** Settings of xz. `filters` are bits: 1 x86, 2 powerpc, 4 ia64, 8 arm, 16 armthumb, 32 sparc. */
export const xzOptions = struct('squashfs xz options', 8, { dictionarySize: i32le, filters: i32le });
/** Settings of lzo. */
export const lzoOptions = struct('squashfs lzo options', 8, { algorithm: i32le, level: i32le });
/** Settings of lz4, which an image of lz4 must have. Bit 0 of `flags`: made with the HC form. */
export const lz4Options = struct('squashfs lz4 options', 8, { version: i32le, flags: i32le });
/** Settings of zstd. */
export const zstdOptions = struct('squashfs zstd options', 4, { level: i32le });

/** Inode types of the basic form; the extended form of each is `EXTENDED_STEP` more. Directory listings know only these. */
export const BASIC_TYPES = { directory: 1, file: 2, symlink: 3, block: 4, char: 5, fifo: 6, socket: 7 } as const;
/** From a basic type to its extended form. */
export const EXTENDED_STEP = 7;

/** What every inode starts with. `mode` holds permission bits, `number` counts from 1. */
export const inodeHeader = struct('squashfs inode', 16, {
  type: u16le,
  mode: u16le,
  uidIndex: u16le,
  gidIndex: u16le,
  mtime: u32le,
  number: u32le,
});
/** Type 1. `blockAt` is relative to the directory table. */
export const directoryInode = struct('squashfs directory inode', 16, {
  blockAt: u32le,
  linkCount: u32le,
  size: u16le,
  offset: u16le,
  parent: u32le,
});
/** Type 8; `indexCount` index entries follow. */
export const longDirectoryInode = struct('squashfs extended directory inode', 24, {
  linkCount: u32le,
  size: u32le,
  blockAt: u32le,
  parent: u32le,
  indexCount: u16le,
  offset: u16le,
  xattrIndex: u32le,
});
/** Type 2; a u32 for each block follows. */
export const fileInode = struct('squashfs file inode', 16, { startAt: u32le, fragmentIndex: u32le, fragmentOffset: u32le, size: u32le });
/** Type 9; a u32 for each block follows. `sparse` counts bytes in holes. */
export const longFileInode = struct('squashfs extended file inode', 40, {
  startAt: u64le,
  size: u64le,
  sparse: u64le,
  linkCount: u32le,
  fragmentIndex: u32le,
  fragmentOffset: u32le,
  xattrIndex: u32le,
});
/** Types 3 and 10; the target follows, and in the extended form a u32 xattr index. */
export const symlinkInode = struct('squashfs symlink inode', 8, { linkCount: u32le, targetSize: u32le });
/** Types 4, 5, 11 and 12; in the extended form a u32 xattr index follows. */
export const deviceInode = struct('squashfs device inode', 8, { linkCount: u32le, device: u32le });
/** Types 6, 7, 13 and 14; in the extended form a u32 xattr index follows. */
export const specialInode = struct('squashfs special inode', 4, { linkCount: u32le });

/** Before a run of directory entries, `count` one less than there are. `blockAt` is where their inodes' block is, relative to the table. */
export const directoryHeader = struct('squashfs directory header', 12, { count: u32le, blockAt: u32le, inodeNumber: u32le });
/** A name in a directory, `nameSize` one less than its bytes, which follow. */
export const directoryEntry = struct('squashfs directory entry', 8, { offset: u16le, inodeDelta: i16le, type: u16le, nameSize: u16le });
/** In the index of a long directory: the header at `index` bytes of the listing is in the block at `blockAt`; its first name follows. */
export const directoryIndex = struct('squashfs directory index', 12, { index: u32le, blockAt: u32le, nameSize: u32le });

/** Where a block of file ends is, and its stored size with the `RAW_BLOCK` bit. */
export const fragmentEntry = struct('squashfs fragment entry', 16, { startAt: u64le, size: u32le, unused: u32le });

/** Prefixes of attribute names by the low byte of the stored type. */
export const XATTR_PREFIXES = ['user.', 'trusted.', 'security.'] as const;
/** In the type of an attribute: the value is a reference to one stored elsewhere. */
export const XATTR_OUT_OF_LINE = 0x100;
/** An attribute; its name without prefix follows, then the value. */
export const xattrHeader = struct('squashfs xattr', 4, { type: u16le, nameSize: u16le });
/** Before the bytes of a value. */
export const xattrValue = struct('squashfs xattr value', 4, { size: u32le });
/** What a value out of line consists of. */
export const xattrReference = struct('squashfs xattr reference', 8, { reference: u64le });
/** A set of attributes: `count` of them from `reference` on. */
export const xattrId = struct('squashfs xattr set', 16, { reference: u64le, count: u32le, size: u32le });
/** At the superblock's xattr offset; the index of the sets' blocks follows. */
export const xattrTableHeader = struct('squashfs xattr table', 16, { tableAt: u64le, idCount: u32le, unused: u32le });
