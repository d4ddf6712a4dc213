// The simplest block compressor there is, for tests: node:zlib on the main thread, as many slots as asked for.
import * as zlib from 'node:zlib';
import { KindlingError } from '../../errors.ts';
import type { BlockCompressor } from './compressor.ts';

const CODECS = {
  store: (bytes: Uint8Array) => bytes,
  gzip: (bytes: Uint8Array) => zlib.deflateSync(bytes, { level: 9 }),
  zstd: (bytes: Uint8Array) => zlib.zstdCompressSync(bytes, { pledgedSrcSize: bytes.length }),
};

/** Compresses with zlib's best or zstd's usual level, or not at all (`store`, an image of gzip). `held` tells how many slots are taken. */
export function plainCompressor(codec: keyof typeof CODECS, blockSize: number, slotCount = 3): BlockCompressor & { readonly held: number } {
  let held = 0;
  return {
    name: codec === 'store' ? 'gzip' : codec,
    options: undefined,
    blockSize: Math.max(8192, blockSize),
    slotCount,
    get held() {
      return held;
    },
    take() {
      if (held === slotCount) throw new KindlingError('INTERNAL', `more than ${slotCount} slots at once`);
      held += 1;
      const bytes = new Uint8Array(Math.max(8192, blockSize)).fill(0xee);
      return {
        bytes,
        // settled later than asked for, as with threads
        async compress(size) {
          await new Promise((resolve) => setImmediate(resolve));
          const plain = bytes.subarray(0, size);
          const packed = CODECS[codec](plain);
          return packed.length < size ? { bytes: new Uint8Array(packed), compressed: true } : { bytes: plain, compressed: false };
        },
        release() {
          held -= 1;
          bytes.fill(0xdd);
        },
      };
    },
  };
}

/** The bytes of an image from its pieces, which have to meet without gaps. */
export async function collected(pieces: AsyncIterable<{ readonly at: number; readonly bytes: Uint8Array }>): Promise<Uint8Array> {
  const parts: { at: number; bytes: Uint8Array }[] = [];
  for await (const { at, bytes } of pieces) parts.push({ at, bytes: bytes.slice() });
  parts.sort((a, b) => a.at - b.at);
  let size = 0;
  for (const { at, bytes } of parts) {
    if (at !== size) throw new KindlingError('INTERNAL', `a piece is at ${at}, expected ${size}`);
    size += bytes.length;
  }
  return new Uint8Array(Buffer.concat(parts.map(({ bytes }) => bytes)));
}
