// Codecs whose block form is their frame: one of them, and nothing after it.
import type { Decoded } from './codec.ts';
import { badValue } from './fault.ts';

/** `Decoder.decodeBlock` for a codec that has no other form than its frame. */
export function wholeFrame(decode: (input: Uint8Array, limit: number) => Decoded): (input: Uint8Array, limit: number) => Uint8Array {
  return (input, limit) => {
    const { bytes, consumed } = decode(input, limit);
    if (consumed !== input.length) throw badValue('block', consumed, `${input.length - consumed} bytes after its end`);
    return bytes;
  };
}
