// The lz4 legacy stream (lz4_Frame_format.md, "Legacy frame"), the only lz4 that Linux takes: a magic, then blocks of 8 MiB unpacked,
// each after its 32-bit size. There is no end mark and no checksum, so where the stream ends has to be inferred.
import type { Decoded, Decoder } from './codec.ts';
import { badMagic, badValue, truncated } from './fault.ts';
import { decodeBlock as decodeBare } from './lz4-block.ts';
import { Output } from './output.ts';

const STRUCTURE = 'lz4 legacy stream';
const MAGIC = 0x184c2102;
/** Unpacked size of every block but the last. */
export const BLOCK_SIZE = 8 * 1024 * 1024;
/** The most that lz4 makes of incompressible bytes. */
export const PACKED_SIZE_MAX = BLOCK_SIZE + Math.floor(BLOCK_SIZE / 255) + 16;
/** The first four bytes of a gzip member without flags, which would pass for a block of 559,903 bytes. */
const GZIP_PLAIN = 0x00088b1f;

function detect(head: Uint8Array): boolean {
  return head[0] === 0x02 && head[1] === 0x21 && head[2] === 0x4c && head[3] === 0x18;
}

function decode(input: Uint8Array, limit: number): Decoded {
  if (input.length < 4) throw truncated(STRUCTURE, input.length, 'the magic number');
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw badMagic(STRUCTURE, 0);
  const output = new Output(STRUCTURE, limit);
  let at = 4;
  while (at < input.length) {
    // NULs, another magic number, or fewer bytes than a size takes: what follows is not of this stream
    if (at + 4 > input.length) {
      if (at === 4) throw truncated(STRUCTURE, input.length, 'the size of the first block');
      break;
    }
    const size = view.getUint32(at, true);
    if (size === 0 || size > PACKED_SIZE_MAX) break;
    const blockEnd = at + 4 + size;
    if (blockEnd > input.length) {
      // a kernel image ends with its unpacked size, which may look like a block's
      if (at > 4 && (at + 4 === input.length || size === GZIP_PLAIN)) break;
      throw truncated(STRUCTURE, input.length, `a block of ${size} bytes that starts at ${at + 4}`);
    }
    const before = output.size;
    try {
      decodeBare(input, at + 4, blockEnd, output, BLOCK_SIZE);
    } catch (error) {
      if (at > 4 && size === GZIP_PLAIN) {
        output.size = before;
        break;
      }
      throw error;
    }
    if (output.size === before) throw badValue(STRUCTURE, at, 'a block that unpacks to nothing');
    at = blockEnd;
  }
  return { bytes: output.take(), consumed: at };
}

function decodeBlock(input: Uint8Array, limit: number): Uint8Array {
  const output = new Output('lz4 block', limit);
  decodeBare(input, 0, input.length, output, limit);
  return output.take();
}

/** The pure decoder of lz4 legacy streams. It ends before NULs or any magic number. */
export const lz4: Decoder = { name: 'lz4', detect, decode, decodeBlock };
