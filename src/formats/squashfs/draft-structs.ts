import { i16le, struct, u16le, u32le, u64le } from '../../bytes/index.ts';
export const RAW_BLOCK = 1 << 24;
export const METADATA_RAW = 0x8000;
export const METADATA_SIZE = 8192;
export const NONE32 = 0xffffffff;
export const XATTR_OUT_OF_LINE = 0x100;
export const XATTR_PREFIXES = ['user.', 'trusted.', 'security.'];
export const xattrHeader = struct('squashfs xattr', 4, { type: u16le, nameSize: u16le });
export const xattrValue = struct('squashfs xattr value', 4, { size: u32le });
export const xattrReference = struct('squashfs xattr ref', 8, { reference: u64le });
export const xattrId = struct('squashfs xattr id', 16, { reference: u64le, count: u32le, size: u32le });
export const xattrTableHeader = struct('squashfs xattr table', 16, { tableAt: u64le, idCount: u32le, unused: u32le });
export const directoryHeader = struct('h', 12, { count: u32le, blockAt: u32le, inodeNumber: u32le });
export const directoryEntry = struct('h', 8, { offset: u16le, inodeDelta: i16le, type: u16le, nameSize: u16le });
export const directoryIndex = struct('h', 12, { index: u32le, blockAt: u32le, nameSize: u32le });
export const BASIC_TYPES = { directory: 1, file: 2, symlink: 3, block: 4, char: 5, fifo: 6, socket: 7 };
export const inodeHeader = struct('i', 16, { type: u16le, mode: u16le, uidIndex: u16le, gidIndex: u16le, mtime: u32le, number: u32le });
export const directoryInode = struct('i', 16, { blockAt: u32le, linkCount: u32le, size: u16le, offset: u16le, parent: u32le });
export const longDirectoryInode = struct('i', 24, {
  linkCount: u32le,
  size: u32le,
  blockAt: u32le,
  parent: u32le,
  indexCount: u16le,
  offset: u16le,
  xattrIndex: u32le,
});
export const fileInode = struct('i', 16, { startAt: u32le, fragmentIndex: u32le, fragmentOffset: u32le, size: u32le });
export const longFileInode = struct('i', 40, {
  startAt: u64le,
  size: u64le,
  sparse: u64le,
  linkCount: u32le,
  fragmentIndex: u32le,
  fragmentOffset: u32le,
  xattrIndex: u32le,
});
export const symlinkInode = struct('i', 8, { linkCount: u32le, targetSize: u32le });
export const deviceInode = struct('i', 8, { linkCount: u32le, device: u32le });
export const specialInode = struct('i', 4, { linkCount: u32le });
export const fragmentEntry = struct('f', 16, { startAt: u64le, size: u32le, unused: u32le });
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
export const COMPRESSORS = { gzip: 1, lzma: 2, lzo: 3, xz: 4, lz4: 5, zstd: 6 };
export const NONE64 = 0xffffffffffffffffn;
export const MAGIC = 0x73717368;
export const BLOCK_SIZE_LEAST = 4096;
export const BLOCK_SIZE_MOST = 1 << 20;
export const EXTENDED_STEP = 7;
export const FLAGS = { noFragments: 16, alwaysFragments: 32, duplicates: 64, exportable: 128, noXattrs: 512, compressorOptions: 1024 };
