// EROFS on disk, as the kernel's fs/erofs/erofs_fs.h and Documentation/filesystems/erofs.rst have it; told in docs/formats/erofs.md.
// All little-endian. A node number (nid) is an inode's place: 32-byte slots counted from the metadata area.
import { bytesField, struct, u8, u16le, u32le, u64le } from '../../bytes/index.ts';

/** Where the superblock starts, whatever the block size. */
export const SUPERBLOCK_AT = 1024;
export const MAGIC = 0xe0f5e1e2;
/** Size of an inode slot: a nid counts these. */
export const SLOT_SIZE = 32;
export const SLOT_BITS = 5n;
/** Blocks are 512 bytes to 64 KiB. */
export const BLOCK_BITS_LEAST = 9;
export const BLOCK_BITS_MOST = 16;

/** The first 128 bytes of the superblock; `extslots` more slots of 16 bytes may follow. */
export const superblock = struct('erofs superblock', 128, {
  magic: u32le,
  checksum: u32le, // crc32c of the block from the superblock on, this field zero
  featureCompat: u32le,
  blockBits: u8,
  extslots: u8,
  rootNid: u16le, // with 48BIT: the high half of the block count
  inodeCount: u64le,
  epoch: u64le, // seconds that the times of compact inodes are added to
  fixedNanoseconds: u32le,
  blocksLow: u32le,
  metaBlock: u32le,
  xattrBlock: u32le,
  uuid: bytesField(16),
  volumeName: bytesField(16),
  featureIncompat: u32le,
  algorithms: u16le, // bit set of compressions; without COMPR_CFGS: lz4's largest distance
  extraDevices: u16le,
  deviceSlot: u16le, // the device table starts at this many slots of 128 bytes
  directoryBlockBits: u8,
  xattrPrefixCount: u8,
  xattrPrefixStart: u32le, // in units of 4 bytes
  packedNid: u64le, // the inode whose content is everybody's fragments
  xattrFilter: u8,
  imageShare: u8,
  reserved: u16le,
  buildTime: u32le,
  rootNid64: u64le, // 48BIT
  reserved2: u64le,
});

/** What follows in a superblock with extension slots. */
export const superblockTail = struct('erofs superblock', 16, { metaboxNid: u64le, reserved: u64le });

/** feature_compat bits. */
export const COMPAT = { checksum: 0x1, sharedXattrsInMetabox: 0x8, plainXattrPrefixes: 0x10 } as const;

/** feature_incompat bits. Two bits have two names; both of a pair are understood alike. */
export const INCOMPAT = {
  lz4Padding: 0x1,
  compressionConfigs: 0x2, // and big pclusters
  chunks: 0x4,
  devices: 0x8, // and a second algorithm in one file
  tailPacking: 0x10,
  fragments: 0x20, // and deduplicated pclusters
  xattrPrefixes: 0x40,
  wide: 0x80, // 48BIT
  metabox: 0x100,
} as const;
export const INCOMPAT_KNOWN = 0x1ff;

/** One further device that holds blocks of chunks. */
export const deviceSlot = struct('erofs device slot', 128, {
  tag: bytesField(64),
  blocksLow: u32le,
  uniaddrLow: u32le,
  blocksHigh: u16le,
  uniaddrHigh: u16le,
  reserved: bytesField(52),
});

/** What an inode's data looks like, bits 1 to 3 of its format. */
export const LAYOUTS = ['plain', 'compressed', 'inline', 'compact', 'chunks'] as const;
export type Layout = (typeof LAYOUTS)[number];

export const compactInode = struct('erofs compact inode', 32, {
  format: u16le,
  xattrCount: u16le,
  mode: u16le,
  linkOrHigh: u16le, // link count, or the high half of `blocks` when format bit 4 says that there is one link
  size: u32le,
  mtime: u32le,
  blocks: u32le, // start block, count of compressed blocks, device number or chunk format
  ino: u32le,
  uid: u16le,
  gid: u16le,
  reserved: u32le,
});

export const extendedInode = struct('erofs extended inode', 64, {
  format: u16le,
  xattrCount: u16le,
  mode: u16le,
  linkOrHigh: u16le,
  size: u64le,
  blocks: u32le,
  ino: u32le,
  uid: u32le,
  gid: u32le,
  mtime: u64le,
  nanoseconds: u32le,
  linkCount: u32le,
  reserved: bytesField(16),
});

/** Directory blocks: records, then the names in the same order; the first name's offset gives the count of records. */
export const dirent = struct('erofs directory entry', 12, { nid: u64le, nameAt: u16le, type: u8, reserved: u8 });
/** Types of directory entries, as S_IFMT has them. */
export const DIRENT_MODES = [0, 0o100000, 0o040000, 0o020000, 0o060000, 0o010000, 0o140000, 0o120000] as const;

export const chunkIndex = struct('erofs chunk index', 8, { blockHigh: u16le, device: u16le, block: u32le });
export const CHUNK_BITS_MASK = 0x1f;
export const CHUNK_INDEXES = 0x20;
export const CHUNK_WIDE = 0x40;
export const CHUNK_FORMAT_KNOWN = 0x7f;

export const xattrHeader = struct('erofs xattr header', 12, { filter: u32le, sharedCount: u8, reserved: bytesField(7) });
export const xattrEntry = struct('erofs xattr', 4, { nameSize: u8, prefix: u8, valueSize: u16le });
/** Prefixes by number; the two ACL names are whole. */
export const XATTR_PREFIXES = [
  undefined,
  'user.',
  'system.posix_acl_access',
  'system.posix_acl_default',
  'trusted.',
  'lustre.',
  'security.',
] as const;
/** Set in a prefix number that counts the image's own prefixes. */
export const XATTR_LONG_PREFIX = 0x80;

/** Start of the index of a compressed file, 8-byte aligned after inode and xattrs. */
export const mapHeader = struct('erofs map header', 8, {
  fragment: u32le, // where in the packed inode the tail is; or inline tail size in the high half; or the count of extents
  advise: u16le,
  algorithms: u8, // bits 0-3 of HEAD1, 4-7 of HEAD2
  clusterBits: u8, // bits 0-3: lcluster bits less block bits; bit 7: the whole file is in the packed inode
});
export const ADVISE = { compact2: 1, extents: 1, big1: 2, big2: 4, inline: 8, interlaced: 0x10, fragment: 0x20 } as const;

/** One logical cluster in the full index. */
export const lclusterIndex = struct('erofs lcluster index', 8, { advise: u16le, clusterAt: u16le, block: u32le });
export const LCLUSTER = { plain: 0, head1: 1, nonhead: 2, head2: 3 } as const;
/** In the first lcluster after a head: the rest is the count of compressed blocks. */
export const BLOCK_COUNT_FLAG = 0x800;

/** Encodings of a pcluster, numbered as in the index. */
export const ALGORITHMS = ['lz4', 'lzma', 'deflate', 'zstd'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];
/** Largest pcluster: stored, and unpacked. */
export const PCLUSTER_SIZE_MAX = 1024 * 1024;
export const EXTENT_SIZE_MAX = 12 * 1024 * 1024;
