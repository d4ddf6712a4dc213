// makedumpfile's compressed dump, as crash(8) reads it (makedumpfile's diskdump_mod.h, struct disk_dump_header and kdump_sub_header, 64-bit
// little-endian): the header in the first block, the sub-header in the second, then two bitmaps of pages, page descriptors and pages.
import { bytesField, i32le, struct, u32le, u64le } from '../../bytes/index.ts';

/** First bytes of such a dump. */
export const SIGNATURE = 'KDUMP   ';
/** First bytes of makedumpfile's stream form, which must be rearranged before it can be read in place. */
export const FLAT_SIGNATURE = 'makedumpfile';

const name = bytesField(65);

/** The header. The six names are those of uname(2). */
export const header = struct('kdump header', 464, {
  signature: bytesField(8),
  version: i32le,
  system: name,
  node: name,
  release: name,
  build: name,
  machine: name,
  domain: name,
  padding: bytesField(6),
  seconds: u64le,
  microseconds: u64le,
  status: u32le,
  blockSize: u32le,
  /** In blocks. */
  subHeaderSize: u32le,
  /** In blocks, both bitmaps together. */
  bitmapSize: u32le,
  pageCountShort: u32le,
  ramPageCount: u32le,
  deviceBlocks: u32le,
  writtenBlocks: u32le,
  processor: u32le,
  processorCount: u32le,
});

/** The sub-header, as far as all versions since 4 have it. */
export const subHeader = struct('kdump sub-header', 64, {
  physicalBase: u64le,
  dumpLevel: i32le,
  split: i32le,
  firstPage: u64le,
  lastPage: u64le,
  vmcoreinfoAt: u64le,
  vmcoreinfoSize: u64le,
  notesAt: u64le,
  notesSize: u64le,
});

/** Bits of `status`. */
export const STATUS = { zlib: 1, lzo: 2, snappy: 4, incomplete: 8, zstd: 0x20 } as const;
