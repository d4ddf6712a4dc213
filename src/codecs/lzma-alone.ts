// LZMA-alone (.lzma): one properties byte, dictionary size, unpacked size (all ones: unknown, an end marker follows), LZMA data.
import type { Decoded, Decoder } from './codec.ts';
import { badMagic, badValue, overLimit, truncated } from './fault.ts';
import { Lzma, propertiesOf } from './lzma.ts';
import { Output } from './output.ts';
import { wholeFrame } from './whole-frame.ts';

const STRUCTURE = 'lzma file';
const HEADER_SIZE = 13;

/** As the kernel: 5d, then a dictionary size that is a multiple of 256. The size field must not be absurd, for want of a real magic. */
export function detect(head: Uint8Array): boolean {
  if (head[0] !== 0x5d || head[1] !== 0) return false;
  if (head.length < HEADER_SIZE) return true;
  const top = [head[10], head[11], head[12]];
  return top.every((byte) => byte === 0) || head.subarray(5, HEADER_SIZE).every((byte) => byte === 0xff);
}

/** The unpacked size that the header states; undefined when an end marker ends the stream instead. */
export function statedSize(input: Uint8Array): number | undefined {
  if (input.length >= 2 && !detect(input)) throw badMagic(STRUCTURE, 0);
  if (input.length < HEADER_SIZE) throw truncated(STRUCTURE, input.length, 'the 13-byte header');
  const view = new DataView(input.buffer, input.byteOffset);
  const low = view.getUint32(5, true);
  const high = view.getUint32(9, true);
  return low === 0xffffffff && high === 0xffffffff ? undefined : low + high * 0x1_0000_0000;
}

function decode(input: Uint8Array, limit: number): Decoded {
  const size = statedSize(input);
  if (size !== undefined && size > limit) throw overLimit(STRUCTURE, limit);
  const properties = propertiesOf(input[0]!, 0);
  // a byte of input gives at most some 7000 of output, so a stated size beyond that is not believed beforehand
  const output = new Output(STRUCTURE, limit, size !== undefined && size <= input.length * 8192 ? size : 0);
  const lzma = new Lzma(input, output, properties);
  lzma.start(HEADER_SIZE);
  const ended = lzma.run(size ?? Number.POSITIVE_INFINITY, input.length, size === undefined);
  // a file may state its size and have an end marker besides
  if (!ended && !lzma.isEmpty && !lzma.marker(input.length)) {
    throw badValue(STRUCTURE, lzma.inputAt, 'compressed data that goes on past the stated size');
  }
  return { bytes: output.take(), consumed: lzma.inputAt };
}

/** The pure LZMA-alone decoder. */
export const lzmaAlone: Decoder = { name: 'lzma', detect, decode, decodeBlock: wholeFrame(decode) };
