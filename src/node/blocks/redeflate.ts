// A zlib stream (RFC 1950) made smaller: a fast encoder finds the matches and writes them with fixed codes; here shorter matches are added and
// codes fitted to each part of the data. With the search of a lower level this gives the size of zlib's highest in a fraction of its time.
import { improvedTokens, parseMemory } from './redeflate-parse.ts';
import { fixedTokens } from './redeflate-tokens.ts';
import { writeTokens } from './redeflate-write.ts';

const HEADER_SIZE = 2;
const CHECKSUM_SIZE = 4;
// zlib itself reaches no further back than this before the window's end
const LOOK_AHEAD = 262;

/**
 * Makes a function that turns `input` and its zlib stream with fixed codes (Z_FIXED) into a smaller stream of the same content. Its result is
 * valid until the next call. Input of at most `sizeMost` bytes, at least 1; `windowSize` is that of the stream, 512 to 32768.
 */
export function redeflater(sizeMost: number, windowSize: number): (input: Uint8Array, stream: Uint8Array) => Uint8Array {
  const tokens = new Uint32Array(sizeMost);
  const better = new Uint32Array(sizeMost);
  const into = new Uint8Array(sizeMost + (sizeMost >> 3) + 1024);
  const memory = parseMemory(windowSize - LOOK_AHEAD);
  return (input, stream) => {
    const count = improvedTokens(input, tokens, fixedTokens(stream, HEADER_SIZE, tokens), better, memory);
    into.set(stream.subarray(0, HEADER_SIZE));
    const end = writeTokens(better, count, into, HEADER_SIZE);
    into.set(stream.subarray(stream.length - CHECKSUM_SIZE), end);
    return into.subarray(0, end + CHECKSUM_SIZE);
  };
}
