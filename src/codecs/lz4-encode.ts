// Writes lz4 legacy streams. Level 1 takes the first match that a hash of four bytes finds; higher levels follow chains of
// earlier places with the same hash, 2^level of them at most, and look one byte ahead for a longer match.
import { KindlingError } from '../errors.ts';
import { BLOCK_SIZE } from './lz4.ts';

const HASH_BITS = 16;
const WINDOW = 65535;
const WINDOW_MASK = 0xffff;
const MATCH_LEAST = 4;
// the format's own end conditions: no match starts in the last 12 bytes, and the last 5 are literals
const START_MARGIN = 12;
const LITERAL_TAIL = 5;

/** The levels there are: 1 is the fast one. */
export const LZ4_LEVELS = { least: 1, most: 9, default: 1 } as const;

/** Compresses to one legacy stream: magic, then blocks of at most 8 MiB. Equal input and level give equal bytes. */
export function encodeLz4(input: Uint8Array, level: number): Uint8Array {
  checkLevel(level);
  const blockCount = Math.ceil(input.length / BLOCK_SIZE);
  const into = new Uint8Array(4 + input.length + Math.floor(input.length / 255) + 20 * blockCount);
  into.set([0x02, 0x21, 0x4c, 0x18]);
  let size = 4;
  for (let block = 0; block < blockCount; block++) {
    const piece = input.subarray(block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE);
    const end = new BlockEncoder(piece, into, size + 4).run(level);
    new DataView(into.buffer).setUint32(size, end - size - 4, true);
    size = end;
  }
  return into.slice(0, size);
}

/** Compresses one block in the raw form, without a frame around it. Equal input and level give equal bytes. */
export function encodeLz4Block(input: Uint8Array, level: number): Uint8Array {
  checkLevel(level);
  const into = new Uint8Array(input.length + Math.floor(input.length / 255) + 20);
  return into.subarray(0, new BlockEncoder(input, into, 0).run(level));
}

function checkLevel(level: number): void {
  if (!(level >= LZ4_LEVELS.least && level <= LZ4_LEVELS.most)) throw new KindlingError('USAGE', `lz4 has levels 1 to 9, not ${level}`);
}

/** One block being written into `into`. A stateful sink, so a class. */
class BlockEncoder {
  private readonly input: Uint8Array;
  private readonly into: Uint8Array;
  private at: number;
  private anchor = 0;
  private readonly heads = new Int32Array(1 << HASH_BITS).fill(-1);

  constructor(input: Uint8Array, into: Uint8Array, at: number) {
    this.input = input;
    this.into = into;
    this.at = at;
  }

  run(level: number): number {
    if (this.input.length > START_MARGIN) {
      if (level === 1) this.fast();
      else this.searching(1 << level);
    }
    this.literals(this.input.length - this.anchor, 0);
    return this.at;
  }

  private count(value: number): void {
    let rest = value;
    for (; rest >= 255; rest -= 255) this.into[this.at++] = 255;
    this.into[this.at++] = rest;
  }

  /** A token with its literals, which start at the anchor. */
  private literals(size: number, matchToken: number): void {
    const { input, into, anchor } = this;
    into[this.at++] = (Math.min(size, 15) << 4) | matchToken;
    if (size >= 15) this.count(size - 15);
    if (size > 32) into.set(input.subarray(anchor, anchor + size), this.at);
    else for (let index = 0; index < size; index++) into[this.at + index] = input[anchor + index]!;
    this.at += size;
  }

  private sequence(matchAt: number, distance: number, length: number): void {
    const rest = length - MATCH_LEAST;
    this.literals(matchAt - this.anchor, Math.min(rest, 15));
    this.into[this.at++] = distance & 255;
    this.into[this.at++] = distance >> 8;
    if (rest >= 15) this.count(rest - 15);
    this.anchor = matchAt + length;
  }

  /** How many bytes agree from `a` and `b` on, given that the first four do. */
  private matchLength(a: number, b: number): number {
    const { input } = this;
    const end = input.length - LITERAL_TAIL;
    let at = a + MATCH_LEAST;
    for (let other = b + MATCH_LEAST; at < end && input[at] === input[other]; other++) at++;
    return at - a;
  }

  private fast(): void {
    const { input, heads } = this;
    const last = input.length - START_MARGIN;
    let at = 0;
    let misses = 1 << 6;
    while (at <= last) {
      const word = wordAt(input, at);
      const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
      let from = heads[slot]!;
      heads[slot] = at;
      if (from < 0 || at - from > WINDOW || wordAt(input, from) !== word) {
        // bytes that do not compress are stepped over ever faster
        at += misses++ >> 6;
        continue;
      }
      while (at > this.anchor && from > 0 && input[at - 1] === input[from - 1]) {
        at--;
        from--;
      }
      this.sequence(at, at - from, this.matchLength(at, from));
      at = this.anchor;
      misses = 1 << 6;
      if (at <= last) heads[Math.imul(wordAt(input, at - 2), 0x9e3779b1) >>> (32 - HASH_BITS)] = at - 2;
    }
  }

  private searching(attempts: number): void {
    const { input, heads } = this;
    const last = input.length - START_MARGIN;
    const chain = new Int32Array(WINDOW_MASK + 1).fill(-1);
    let inserted = 0;
    let bestFrom = 0;
    const longest = (at: number): number => {
      for (; inserted <= at; inserted++) {
        const slot = Math.imul(wordAt(input, inserted), 0x9e3779b1) >>> (32 - HASH_BITS);
        chain[inserted & WINDOW_MASK] = heads[slot]!;
        heads[slot] = inserted;
      }
      const word = wordAt(input, at);
      let best = 0;
      let from = chain[at & WINDOW_MASK]!;
      for (let left = attempts; left > 0 && from >= 0 && at - from <= WINDOW; left--) {
        if (input[from + best] === input[at + best] && wordAt(input, from) === word) {
          const length = this.matchLength(at, from);
          if (length > best) {
            best = length;
            bestFrom = from;
          }
        }
        from = chain[from & WINDOW_MASK]!;
      }
      return best;
    };
    for (let at = 0; at <= last; ) {
      let length = longest(at);
      if (length === 0) {
        at++;
        continue;
      }
      let from = bestFrom;
      while (at < last) {
        const next = longest(at + 1);
        if (next <= length + 1) break;
        length = next;
        from = bestFrom;
        at++;
      }
      while (at > this.anchor && from > 0 && input[at - 1] === input[from - 1]) {
        at--;
        from--;
        length++;
      }
      this.sequence(at, at - from, length);
      at = this.anchor;
    }
  }
}

function wordAt(input: Uint8Array, at: number): number {
  return input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24);
}
