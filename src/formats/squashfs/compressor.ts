// What the writer needs from outside: something that compresses blocks. `node/` supplies one with worker threads and a cache; tests a plain one.
// Slots instead of buffers, so that a file is read straight into memory the worker sees, and nothing is copied on the way.
import type { Sha256 } from '../../bytes/index.ts';
import type { FileEntry } from '../../tree/index.ts';

/** The compressors kindling writes images with. */
export type WrittenCompressor = 'gzip' | 'xz' | 'lz4' | 'zstd';

/** One compressed block. `bytes` belong to the slot: they stay valid until its `release`. */
export interface PackedBlock {
  /** What to store: the compressed bytes, or the block as it was when it did not shrink. */
  readonly bytes: Uint8Array;
  readonly compressed: boolean;
}

/** Memory for one block on its way through the compressor. Given out by `take`, filled, compressed once or not at all, and released. */
export interface BlockSlot {
  /** `blockSize` bytes to fill; what they hold at first does not matter. */
  readonly bytes: Uint8Array;
  /**
   * Compresses the first `size` bytes. Until the promise is settled nobody writes to `bytes`. The result depends on the bytes alone.
   * Rejects only for defects and lost workers.
   */
  compress(size: number): Promise<PackedBlock>;
  /** Gives the memory back; the slot and its block are not to be used any more. */
  release(): void;
}

/** Compresses blocks, any number at once up to `slotCount`. */
export interface BlockCompressor {
  readonly name: WrittenCompressor;
  /** The record the image keeps of the compressor's settings (behind the superblock, without its two-byte header); lz4 must have one. */
  readonly options: Uint8Array | undefined;
  /** Size of a slot, at least the image's block size and 8192. */
  readonly blockSize: number;
  /** Slots there are, at least 2: one is filled while others are compressed. Does not change the bytes of the image. */
  readonly slotCount: number;
  /** A free slot. The writer never holds more than `slotCount` at once; asking for more is INTERNAL. */
  take(): BlockSlot;
}

/** A piece of the image: `bytes` go to the offset `at`. The memory is used again for the next piece: write or copy it before asking for that. */
export interface Piece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Where the blocks of a file are in an earlier image. */
export interface KnownFile {
  /** Absolute offset of the first stored block. */
  readonly startAt: number;
  /** Size words of the blocks, 0 for a hole. */
  readonly words: Uint32Array;
  /** SHA-256 of each block, where they were compared with those of other files. */
  readonly digests: readonly string[] | undefined;
  /** SHA-256 of the end that shares a block with others, likewise. */
  readonly tail: string | undefined;
}

/** A block in an earlier image. */
export interface KnownBlock {
  readonly startAt: number;
  /** Its size word. */
  readonly word: number;
}

/**
 * An earlier image of much the same files, written with the same compressor, block size and treatment of zeros. Files that are in it as they
 * are now are not read, and blocks that consist of such files alone are copied. The bytes are those of an image made without it.
 */
export interface KnownImage {
  /** What stands for a file's content: equal identities, equal content. Undefined for a file that may be another than it seems. */
  identity(file: FileEntry): string | undefined;
  file(identity: string): KnownFile | undefined;
  /** The block that was packed of these ends of files. */
  fragment(key: string): KnownBlock | undefined;
  /** Stored bytes of the earlier image, valid until the next call. */
  read(at: number, size: number): Uint8Array;
  /** Told where things are in this image, when its data is complete. */
  noteFile(identity: string, file: KnownFile): void;
  noteFragment(key: string, block: KnownBlock): void;
}

/** Which file ends share blocks: whole files smaller than a block, those and the tail ends of larger ones, or none. */
export type FragmentUse = 'small' | 'always' | 'none';

/** How to write an image. */
export interface EncodeOptions {
  readonly compressor: BlockCompressor;
  /** Bytes in a data block, a power of two from 4096 to 1048576. */
  readonly blockSize: number;
  /** The image's own time, seconds since 1970 (0 to 2^32 - 1). */
  readonly time: number;
  readonly fragments: FragmentUse;
  /** Store files with equal content once. */
  readonly duplicates: boolean;
  /** Compares contents, where sizes are equal. */
  readonly sha256: Sha256;
  /** Blocks of zeros take no space. */
  readonly sparse: boolean;
  /** Keep extended attributes (those of `user`, `trusted` and `security`). */
  readonly xattrs: boolean;
  /** Write the table that NFS servers need. */
  readonly exportTable: boolean;
  /** Which file data comes first: higher priorities do; 0 for files not named. Equal ones are in tree order. */
  readonly order?: ReadonlyMap<string, number>;
  /** The file is filled with zeros to a multiple of this: 4096 for what is mounted through a block device, 0 for none. */
  readonly padding: number;
  /** An earlier image, to take over what has not changed. */
  readonly known?: KnownImage;
  /** Told now and then: bytes of file content read, and bytes of the image so far. */
  readonly onProgress?: (progress: PackProgress) => void;
}

/** How far writing is, in bytes. */
export interface PackProgress {
  readonly contentSize: number;
  readonly imageSize: number;
}

/** The options most images have: 128 KiB blocks, small files in fragments, equal files once, holes kept, attributes kept, no export table. */
export const ENCODE_DEFAULTS = {
  blockSize: 131072,
  time: 0,
  fragments: 'small',
  duplicates: true,
  sparse: true,
  xattrs: true,
  exportTable: false,
  padding: 4096,
} as const satisfies Partial<EncodeOptions>;
