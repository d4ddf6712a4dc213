// Zstandard (RFC 8878): one frame, skippable frames included (they unpack to nothing). No dictionaries.
import type { Decoded, Decoder } from './codec.ts';
import { badValue, mustMatch } from './fault.ts';
import { Output } from './output.ts';
import { wholeFrame } from './whole-frame.ts';
import { xxh64Low } from './xxh64.ts';
import { decodeBlock, freshState } from './zstd-block.ts';
import { detect, walk } from './zstd-frame.ts';

const STRUCTURE = 'zstd frame';

function decode(input: Uint8Array, limit: number): Decoded {
  const frame = walk(input);
  if (frame.blocks.length === 0) return { bytes: new Uint8Array(0), consumed: frame.consumed };
  const output = new Output(STRUCTURE, limit, frame.contentSize);
  const state = freshState();
  for (const { kind, at, size } of frame.blocks) {
    if (kind === 'raw') output.append(input.subarray(at, at + size));
    else if (kind === 'rle') output.repeat(input[at]!, size);
    else decodeBlock(input, at, at + size, state, output, frame.blockSizeMax);
  }
  const bytes = output.take();
  if (frame.contentSize !== undefined && bytes.length !== frame.contentSize) {
    throw badValue(STRUCTURE, 4, `a content size of ${frame.contentSize}, ${bytes.length} bytes came out`);
  }
  if (frame.checksumAt !== undefined) {
    const stored = new DataView(input.buffer, input.byteOffset).getUint32(frame.checksumAt, true);
    mustMatch(STRUCTURE, frame.checksumAt, 'XXH64', stored, xxh64Low(bytes));
  }
  return { bytes, consumed: frame.consumed };
}

/** The pure zstd decoder. */
export const zstd: Decoder = { name: 'zstd', detect, decode, decodeBlock: wholeFrame(decode) };
