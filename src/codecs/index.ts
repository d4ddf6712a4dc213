// codecs: what compression is to the rooms above, and pure decoders for everything Linux takes as an initramfs.
import { bzip2 } from './bzip2.ts';
import type { Decoder } from './codec.ts';
import { gzip } from './gzip.ts';
import { lz4 } from './lz4.ts';
import { lzmaAlone } from './lzma-alone.ts';
import { lzop } from './lzop.ts';
import { xz } from './xz.ts';
import { zstd } from './zstd.ts';

export type { CodecChoice, CodecName, Decoded, Decoder, Encoder } from './codec.ts';
/** The checksum of gzip, xz and GPT. */
export { crc32 } from './crc.ts';
/** The parts of a gzip member around its deflate stream, for a decoder that has an inflate of its own. */
export * as gzipFrame from './gzip.ts';
export { encodeLz4, encodeLz4Block, LZ4_LEVELS } from './lz4-encode.ts';
/** Forms that only file systems have: their unpacked size is stored elsewhere. */
export * as prefix from './prefix.ts';
/** Sizes of a zstd frame from its headers. */
export * as zstdFrame from './zstd-frame.ts';

/** A decoder for each compression, in plain TypeScript; runs anywhere. */
export const pureDecoders: readonly Decoder[] = [gzip, bzip2, lzmaAlone, xz, lzop, lz4, zstd];

/** The decoder whose magic `head` (16 bytes suffice) starts with; undefined when there is none. */
export function detectDecoder(decoders: readonly Decoder[], head: Uint8Array): Decoder | undefined {
  return decoders.find((decoder) => decoder.detect(head));
}
