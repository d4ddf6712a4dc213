// The LZMA decoder proper (the format is described in the LZMA SDK's lzma-specification.txt): a range coder over adaptive
// probabilities. It serves both containers: LZMA-alone files and the LZMA2 chunks of xz.
import { badValue, overLimit, truncated } from './fault.ts';
import { copyWithin, type Output } from './output.ts';

const STRUCTURE = 'lzma stream';
const HALF = 1024;
const TOP_BYTE = 0xff000000;
const STATES = 12;
const POSITION_STATES = 16;

// where each set of probabilities starts in the one array that holds all of them
const IS_MATCH = 0;
const IS_REP = IS_MATCH + STATES * POSITION_STATES;
const IS_REP0 = IS_REP + STATES;
const IS_REP1 = IS_REP0 + STATES;
const IS_REP2 = IS_REP1 + STATES;
const IS_REP0_LONG = IS_REP2 + STATES;
const DISTANCE_SLOT = IS_REP0_LONG + STATES * POSITION_STATES;
const DISTANCE_SPECIAL = DISTANCE_SLOT + 4 * 64;
const DISTANCE_ALIGN = DISTANCE_SPECIAL + 128;
const MATCH_LENGTH = DISTANCE_ALIGN + 16;
const LENGTH_LOW = 2;
const LENGTH_MID = LENGTH_LOW + POSITION_STATES * 8;
const LENGTH_HIGH = LENGTH_MID + POSITION_STATES * 8;
const LENGTH_SIZE = LENGTH_HIGH + 256;
const REP_LENGTH = MATCH_LENGTH + LENGTH_SIZE;
const LITERAL = REP_LENGTH + LENGTH_SIZE;

/** Literal context, literal position and position bits, from their one-byte form. */
export interface Properties {
  readonly lc: number;
  readonly lp: number;
  readonly pb: number;
}

/** Takes a properties byte apart. Throws BAD_VALUE when it is no such byte. */
export function propertiesOf(byte: number, offset: number): Properties {
  if (byte >= 9 * 5 * 5) throw badValue(STRUCTURE, offset, `a properties byte of ${byte}, 224 is the largest`);
  return { lc: byte % 9, lp: Math.floor(byte / 9) % 5, pb: Math.floor(byte / 45) };
}

/** Decoder state that outlives one LZMA2 chunk. A stateful reader, so a class. */
export class Lzma {
  private readonly input: Uint8Array;
  private readonly output: Output;
  private properties: Properties;
  private probabilities: Uint16Array;
  private state = 0;
  private rep0 = 0;
  private rep1 = 0;
  private rep2 = 0;
  private rep3 = 0;
  /** Where in the output the window starts (an LZMA2 dictionary reset moves it). */
  windowFrom: number;
  // both are unsigned, but kept as signed 32-bit numbers: those V8 stores without allocating
  private range = 0;
  private code = 0;
  private at = 0;

  constructor(input: Uint8Array, output: Output, properties: Properties) {
    this.input = input;
    this.output = output;
    this.properties = properties;
    this.windowFrom = output.size;
    this.probabilities = new Uint16Array(LITERAL + (0x300 << (properties.lc + properties.lp))).fill(HALF);
  }

  /** Back to the start state, with new properties when given. */
  reset(properties: Properties = this.properties): void {
    const size = LITERAL + (0x300 << (properties.lc + properties.lp));
    this.properties = properties;
    this.probabilities = this.probabilities.length === size ? this.probabilities.fill(HALF) : new Uint16Array(size).fill(HALF);
    this.state = 0;
    this.rep0 = 0;
    this.rep1 = 0;
    this.rep2 = 0;
    this.rep3 = 0;
  }

  /** Starts the range coder on the five bytes at `at`. */
  start(at: number): void {
    const { input } = this;
    if (at + 5 > input.length) throw truncated(STRUCTURE, input.length, 'the first five bytes of the range coder');
    if (input[at] !== 0) throw badValue(STRUCTURE, at, `the range coder starts with ${input[at]}, not 0`);
    this.code = (input[at + 1]! << 24) | (input[at + 2]! << 16) | (input[at + 3]! << 8) | input[at + 4]!;
    this.range = -1;
    this.at = at + 5;
  }

  /** The offset after the last byte taken. */
  get inputAt(): number {
    return this.at;
  }

  /** True when the range coder holds nothing more, as at the end of any well-made stream. */
  get isEmpty(): boolean {
    return this.code === 0;
  }

  private normalise(): void {
    if ((this.range & TOP_BYTE) === 0) {
      this.range <<= 8;
      this.code = (this.code << 8) | this.input[this.at++]!;
    }
  }

  private bit(index: number): number {
    if ((this.range & TOP_BYTE) === 0) {
      this.range <<= 8;
      this.code = (this.code << 8) | this.input[this.at++]!;
    }
    const probability = this.probabilities[index]!;
    const bound = Math.imul(this.range >>> 11, probability);
    if (this.code >>> 0 < bound >>> 0) {
      this.range = bound;
      this.probabilities[index] = probability + ((2048 - probability) >> 5);
      return 0;
    }
    this.range = (this.range - bound) | 0;
    this.code = (this.code - bound) | 0;
    this.probabilities[index] = probability - (probability >> 5);
    return 1;
  }

  /** A symbol of `width` bits, most significant first. The loop keeps the range coder in locals, as `literals` does. */
  private tree(base: number, width: number): number {
    const { input, probabilities } = this;
    let { range, code, at } = this;
    const end = 1 << width;
    let symbol = 1;
    while (symbol < end) {
      if ((range & TOP_BYTE) === 0) {
        range <<= 8;
        code = (code << 8) | input[at++]!;
      }
      const probability = probabilities[base + symbol]!;
      const bound = Math.imul(range >>> 11, probability);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probabilities[base + symbol] = probability + ((2048 - probability) >> 5);
        symbol <<= 1;
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probabilities[base + symbol] = probability - (probability >> 5);
        symbol = (symbol << 1) | 1;
      }
    }
    this.range = range;
    this.code = code;
    this.at = at;
    return symbol - end;
  }

  private reverseTree(base: number, width: number): number {
    let symbol = 1;
    let value = 0;
    for (let index = 0; index < width; index++) {
      const bit = this.bit(base + symbol);
      symbol = (symbol << 1) | bit;
      value |= bit << index;
    }
    return value;
  }

  private direct(width: number): number {
    const { input } = this;
    let { range, code, at } = this;
    let value = 0;
    for (let index = 0; index < width; index++) {
      if ((range & TOP_BYTE) === 0) {
        range <<= 8;
        code = (code << 8) | input[at++]!;
      }
      range >>>= 1;
      const bit = code >>> 0 >= range ? 1 : 0;
      code = (code - (range & -bit)) | 0;
      value = (value << 1) | bit;
    }
    this.range = range;
    this.code = code;
    this.at = at;
    return value;
  }

  /** A match length, less two. */
  private length(base: number, positionState: number): number {
    if (this.bit(base) === 0) return this.tree(base + LENGTH_LOW + (positionState << 3), 3);
    if (this.bit(base + 1) === 0) return 8 + this.tree(base + LENGTH_MID + (positionState << 3), 3);
    return 16 + this.tree(base + LENGTH_HIGH, 8);
  }

  private distance(length: number): number {
    const slot = this.tree(DISTANCE_SLOT + (Math.min(length, 3) << 6), 6);
    if (slot < 4) return slot;
    const width = (slot >> 1) - 1;
    const high = (2 | (slot & 1)) * 2 ** width;
    if (slot < 14) return high + this.reverseTree(DISTANCE_SPECIAL + high - slot, width);
    return high + this.direct(width - 4) * 16 + this.reverseTree(DISTANCE_ALIGN, 4);
  }

  /** A run of literals, with the range coder in locals: half of all time is spent here. Stops at a match, `until`, or `inputEnd`. */
  private literals(until: number, inputEnd: number): void {
    const { input, output, probabilities, windowFrom } = this;
    const { lc, lp, pb } = this.properties;
    const bytes = output.bytes;
    const positionMask = (1 << pb) - 1;
    const literalMask = (1 << lp) - 1;
    const end = Math.min(until, bytes.length);
    let { range, code, at, state } = this;
    let size = output.size;
    while (size < end && at <= inputEnd) {
      if ((range & TOP_BYTE) === 0) {
        range <<= 8;
        code = (code << 8) | input[at++]!;
      }
      const position = size - windowFrom;
      const matchIndex = IS_MATCH + (state << 4) + (position & positionMask);
      const matchProbability = probabilities[matchIndex]!;
      const matchBound = Math.imul(range >>> 11, matchProbability);
      if (code >>> 0 >= matchBound >>> 0) break; // the caller decodes this bit again
      range = matchBound;
      probabilities[matchIndex] = matchProbability + ((2048 - matchProbability) >> 5);
      const before = position > 0 ? bytes[size - 1]! : 0;
      const base = LITERAL + 0x300 * (((position & literalMask) << lc) + (before >> (8 - lc)));
      let symbol = 1;
      let matched = state >= 7 ? bytes[size - this.rep0 - 1]! : 0;
      let offset = state >= 7 ? 0x100 : 0;
      do {
        matched <<= 1;
        const matchedBit = matched & offset;
        const index = base + offset + matchedBit + symbol;
        if ((range & TOP_BYTE) === 0) {
          range <<= 8;
          code = (code << 8) | input[at++]!;
        }
        const probability = probabilities[index]!;
        const bound = Math.imul(range >>> 11, probability);
        if (code >>> 0 < bound >>> 0) {
          range = bound;
          probabilities[index] = probability + ((2048 - probability) >> 5);
          symbol <<= 1;
          offset &= ~matchedBit;
        } else {
          range = (range - bound) | 0;
          code = (code - bound) | 0;
          probabilities[index] = probability - (probability >> 5);
          symbol = (symbol << 1) | 1;
          offset &= matchedBit;
        }
      } while (symbol < 0x100);
      bytes[size++] = symbol;
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
    }
    output.size = size;
    this.range = range;
    this.code = code;
    this.at = at;
    this.state = state;
  }

  /**
   * Decodes until the output holds `until` bytes, or to the end marker, which it then must be allowed to meet.
   * Input is taken from before `inputEnd` only. With `mayPass` the last match may lead past `until`. Returns true when the end marker was met.
   */
  run(until: number, inputEnd: number, markerAllowed: boolean, mayPass = false): boolean {
    const { output } = this;
    const positionMask = (1 << this.properties.pb) - 1;
    while (output.size < until) {
      if (output.size < output.limit) output.reserve(1);
      this.literals(until, inputEnd);
      if (this.at > inputEnd) throw truncated(STRUCTURE, inputEnd, 'more compressed bytes');
      if (output.size >= until || (output.size === output.bytes.length && output.size < output.limit)) continue;
      const positionState = (output.size - this.windowFrom) & positionMask;
      // a literal is left to decode here only when there is no room for it
      if (this.bit(IS_MATCH + (this.state << 4) + positionState) === 0) throw overLimit(output.structure, output.limit);
      let length: number;
      if (this.bit(IS_REP + this.state) === 0) {
        length = this.length(MATCH_LENGTH, positionState);
        this.rep3 = this.rep2;
        this.rep2 = this.rep1;
        this.rep1 = this.rep0;
        this.rep0 = this.distance(length);
        this.state = this.state < 7 ? 7 : 10;
        if (this.rep0 === 0xffffffff) {
          if (!markerAllowed) throw badValue(STRUCTURE, this.at, 'an end marker before the stated size');
          this.finish(inputEnd);
          return true;
        }
      } else {
        const one = this.repeated(positionState);
        length = one ? -1 : this.length(REP_LENGTH, positionState);
        this.state = one ? (this.state < 7 ? 9 : 11) : this.state < 7 ? 8 : 11;
      }
      if (this.at > inputEnd) throw truncated(STRUCTURE, inputEnd, 'more compressed bytes');
      this.copy(length + 2, mayPass ? Number.POSITIVE_INFINITY : until);
    }
    this.finish(inputEnd);
    return false;
  }

  /** Reads an end marker and nothing else. */
  marker(inputEnd: number): boolean {
    const { output } = this;
    const positionState = (output.size - this.windowFrom) & ((1 << this.properties.pb) - 1);
    if (this.bit(IS_MATCH + (this.state << 4) + positionState) === 0 || this.bit(IS_REP + this.state) === 1) return false;
    if (this.distance(this.length(MATCH_LENGTH, positionState)) !== 0xffffffff) return false;
    this.finish(inputEnd);
    return true;
  }

  /** Which of the last four distances a repeat means; true for the one-byte repeat. */
  private repeated(positionState: number): boolean {
    if (this.bit(IS_REP0 + this.state) === 0) return this.bit(IS_REP0_LONG + (this.state << 4) + positionState) === 0;
    let distance = this.rep1;
    if (this.bit(IS_REP1 + this.state) === 1) {
      if (this.bit(IS_REP2 + this.state) === 0) distance = this.rep2;
      else {
        distance = this.rep3;
        this.rep3 = this.rep2;
      }
      this.rep2 = this.rep1;
    }
    this.rep1 = this.rep0;
    this.rep0 = distance;
    return false;
  }

  private copy(count: number, until: number): void {
    const { output } = this;
    const distance = this.rep0 + 1;
    const held = output.size - this.windowFrom;
    if (distance > held) throw badValue(STRUCTURE, this.at, `a back reference of ${distance} bytes, only ${held} are there`);
    if (output.size + count > until && until !== Number.POSITIVE_INFINITY) {
      throw badValue(STRUCTURE, this.at, `a match that ends ${output.size + count - until} bytes after the stated size`);
    }
    output.reserve(count);
    copyWithin(output.bytes, output.size, distance, count);
    output.size += count;
  }

  private finish(inputEnd: number): void {
    this.normalise();
    if (this.at > inputEnd) throw truncated(STRUCTURE, inputEnd, 'the last compressed bytes');
  }
}
