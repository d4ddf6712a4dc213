// Better tokens: matches of three bytes, which zlib as Node has it does not look for (it hashes four), and literals where a match costs more.
import { DISTANCES, distanceSymbol, LENGTH_SYMBOL, LENGTHS, MATCH } from './redeflate-tokens.ts';

const HASH_BITS = 15;
const LENGTH_MOST = 258;
// Longer matches pay whatever they cost.
const DOUBTED_LENGTH = 6;
const SYMBOLS = 286;

/** Bits that literals, lengths and distances take when codes fit the frequencies of all tokens; extra bits included. */
interface Costs {
  readonly literal: Float64Array;
  readonly length: Float64Array;
  readonly distance: Float64Array;
}

function costsOf(tokens: Uint32Array, count: number): Costs {
  const symbols = new Uint32Array(SYMBOLS);
  const distances = new Uint32Array(DISTANCES.base.length);
  let matchCount = 0;
  for (let index = 0; index < count; index++) {
    const token = tokens[index]!;
    if (token < MATCH) symbols[token]!++;
    else {
      symbols[257 + LENGTH_SYMBOL[token >>> 16]!]!++;
      distances[distanceSymbol(token & 0xffff)]!++;
      matchCount++;
    }
  }
  const bits = (frequency: number, total: number): number => Math.log2((total + 1) / Math.max(frequency, 0.5));
  const literal = Float64Array.from({ length: 256 }, (_, symbol) => Math.min(15, bits(symbols[symbol]!, count)));
  const length = new Float64Array(LENGTH_MOST + 1);
  for (let size = 3; size <= LENGTH_MOST; size++) {
    const symbol = LENGTH_SYMBOL[size]!;
    // there are none of three yet; they will be about as many as those of four
    const frequency = size === 3 ? symbols[258]! : symbols[257 + symbol]!;
    length[size] = Math.min(15, bits(frequency, count)) + LENGTHS.extra[symbol]!;
  }
  const distance = Float64Array.from({ length: distances.length }, (_, symbol) => {
    return Math.min(15, bits(distances[symbol]!, matchCount)) + DISTANCES.extra[symbol]!;
  });
  return { literal, length, distance };
}

/** Memory for `improvedTokens`, used again for each block. */
export interface ParseMemory {
  readonly heads: Int32Array;
  readonly distanceMost: number;
}

/** Makes the memory, for matches that are no farther away. */
export function parseMemory(distanceMost: number): ParseMemory {
  return { heads: new Int32Array(1 << HASH_BITS), distanceMost };
}

/** Writes tokens for the same content that cost less to `into`, which has room for one a byte; answers how many. */
export function improvedTokens(input: Uint8Array, tokens: Uint32Array, count: number, into: Uint32Array, memory: ParseMemory): number {
  const { heads, distanceMost } = memory;
  const { literal, length: lengthCost, distance: distanceCost } = costsOf(tokens, count);
  const last = input.length - 3;
  heads.fill(-1);
  let made = 0;
  let position = 0;
  const hash = (at: number): number =>
    Math.imul(input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16), 0x9e3779b1) >>> (32 - HASH_BITS);
  for (let index = 0; index < count; index++) {
    const token = tokens[index]!;
    if (token >= MATCH) {
      const size = token >>> 16;
      let literals = Number.POSITIVE_INFINITY;
      if (size <= DOUBTED_LENGTH) {
        literals = 0;
        for (let at = 0; at < size; at++) literals += literal[input[position + at]!]!;
      }
      if (literals < lengthCost[size]! + distanceCost[distanceSymbol(token & 0xffff)]!) {
        for (let at = 0; at < size; at++) into[made++] = input[position + at]!;
      } else into[made++] = token;
      const end = Math.min(position + size, last + 1);
      for (let at = position; at < end; at++) heads[hash(at)] = at;
      position += size;
      continue;
    }
    if (position > last) {
      into[made++] = token;
      position++;
      continue;
    }
    const slot = hash(position);
    const from = heads[slot]!;
    heads[slot] = position;
    let size = 0;
    if (from >= 0 && position - from <= distanceMost) {
      const most = Math.min(count - index, LENGTH_MOST);
      while (size < most && tokens[index + size]! < MATCH && input[from + size] === input[position + size]) size++;
    }
    if (size >= 3) {
      let literals = 0;
      for (let at = 0; at < size; at++) literals += literal[input[position + at]!]!;
      if (literals > lengthCost[size]! + distanceCost[distanceSymbol(position - from)]!) {
        into[made++] = size * MATCH + position - from;
        const end = Math.min(position + size, last + 1);
        for (let at = position + 1; at < end; at++) heads[hash(at)] = at;
        position += size;
        index += size - 1;
        continue;
      }
    }
    into[made++] = token;
    position++;
  }
  return made;
}
