// squashfs 4.0: the compressed read-only file system of the Linux kernel. Layout and findings: docs/formats/squashfs.md.

export { check } from './check.ts';
export {
  type BlockCompressor,
  type BlockSlot,
  ENCODE_DEFAULTS,
  type EncodeOptions,
  type FragmentUse,
  type KnownBlock,
  type KnownFile,
  type KnownImage,
  type PackedBlock,
  type PackProgress,
  type Piece,
  type WrittenCompressor,
} from './compressor.ts';
export { type DecodeOptions, decode, type SquashfsImage } from './decode.ts';
export { detect, type SquashfsFacts } from './decode-superblock.ts';
export { encode } from './encode.ts';
export { type Lookup, lookup } from './lookup.ts';
export { loses } from './loses.ts';
