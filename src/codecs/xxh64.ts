// XXH64 with seed 0 (the content checksum of zstd frames keeps its low half). 64-bit values are pairs of 32-bit halves:
// BigInt would be ten times slower.

/** `a * b` of unsigned 32-bit numbers: the high half (the low half is Math.imul). */
function highOf(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (other >>> 16)) | 0;
}

// the five primes as high and low halves
const P1 = [0x9e3779b1, 0x85ebca87] as const;
const P2 = [0xc2b2ae3d, 0x27d4eb4f] as const;
const P3 = [0x165667b1, 0x9e3779f9] as const;
const P4 = [0x85ebca77, 0xc2b2ae63] as const;
const P5 = [0x27d4eb2f, 0x165667c5] as const;

/** One 64-bit value in two halves, with the operations the hash needs. Mutable, so that nothing is allocated per step. */
class Word {
  high = 0;
  low = 0;

  set(high: number, low: number): this {
    this.high = high | 0;
    this.low = low | 0;
    return this;
  }

  add(high: number, low: number): this {
    const sum = (this.low >>> 0) + (low >>> 0);
    this.high = (this.high + high + (sum > 0xffffffff ? 1 : 0)) | 0;
    this.low = sum | 0;
    return this;
  }

  times([high, low]: readonly [number, number]): this {
    const top = highOf(this.low >>> 0, low >>> 0) + Math.imul(this.high, low) + Math.imul(this.low, high);
    this.low = Math.imul(this.low, low);
    this.high = top | 0;
    return this;
  }

  rotate(by: number): this {
    const { high, low } = this;
    if (by < 32) {
      this.high = (high << by) | (low >>> (32 - by));
      this.low = (low << by) | (high >>> (32 - by));
    } else {
      this.high = (low << (by - 32)) | (high >>> (64 - by));
      this.low = (high << (by - 32)) | (low >>> (64 - by));
    }
    return this;
  }

  xor(high: number, low: number): this {
    this.high ^= high;
    this.low ^= low;
    return this;
  }

  xorShift(by: 29 | 32 | 33): this {
    if (by === 29) return this.xor(this.high >>> 29, (this.low >>> 29) | (this.high << 3));
    return this.xor(0, this.high >>> (by - 32));
  }
}

/** The four lanes over all whole 32-byte stripes. Unrolled by hand into locals: this is the loop that checksums every byte. */
function stripes(view: DataView, size: number, lanes: readonly [Word, Word, Word, Word]): number {
  let at = 0;
  for (; at + 32 <= size; at += 32) {
    for (let lane = 0; lane < 4; lane++) {
      const word = lanes[lane]!;
      const inLow = view.getInt32(at + lane * 8, true);
      const inHigh = view.getInt32(at + lane * 8 + 4, true);
      // word += input * P2
      const productLow = Math.imul(inLow, P2[1]);
      const productHigh = (highOf(inLow >>> 0, P2[1]) + Math.imul(inHigh, P2[1]) + Math.imul(inLow, P2[0])) | 0;
      const sum = (word.low >>> 0) + (productLow >>> 0);
      const high = (word.high + productHigh + (sum > 0xffffffff ? 1 : 0)) | 0;
      const low = sum | 0;
      // word = rotate(word, 31) * P1
      const turnedHigh = (high << 31) | (low >>> 1);
      const turnedLow = (low << 31) | (high >>> 1);
      word.low = Math.imul(turnedLow, P1[1]);
      word.high = (highOf(turnedLow >>> 0, P1[1]) + Math.imul(turnedHigh, P1[1]) + Math.imul(turnedLow, P1[0])) | 0;
    }
  }
  return at;
}

/** The low 32 bits of XXH64(bytes, 0); unsigned. */
export function xxh64Low(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length;
  const hash = new Word();
  const part = new Word();
  const round = (high: number, low: number): Word => part.set(high, low).times(P2).rotate(31).times(P1);
  let at = 0;
  if (size >= 32) {
    const lanes: [Word, Word, Word, Word] = [
      new Word().set(...P1).add(...P2),
      new Word().set(...P2),
      new Word(),
      new Word().add(~P1[0], ~P1[1]).add(0, 1),
    ];
    at = stripes(view, size, lanes);
    for (const [lane, turn] of [1, 7, 12, 18].entries()) {
      const { high, low } = lanes[lane]!;
      part.set(high, low).rotate(turn);
      hash.add(part.high, part.low);
    }
    for (const { high, low } of lanes) {
      const { high: mixedHigh, low: mixedLow } = round(high, low);
      hash
        .xor(mixedHigh, mixedLow)
        .times(P1)
        .add(...P4);
    }
  } else hash.set(...P5);
  hash.add(Math.floor(size / 0x1_0000_0000), size);
  for (; at + 8 <= size; at += 8) {
    const { high, low } = round(view.getInt32(at + 4, true), view.getInt32(at, true));
    hash
      .xor(high, low)
      .rotate(27)
      .times(P1)
      .add(...P4);
  }
  if (at + 4 <= size) {
    part.set(0, view.getInt32(at, true)).times(P1);
    hash
      .xor(part.high, part.low)
      .rotate(23)
      .times(P2)
      .add(...P3);
    at += 4;
  }
  for (; at < size; at++) {
    part.set(0, bytes[at]!).times(P5);
    hash.xor(part.high, part.low).rotate(11).times(P1);
  }
  hash.xorShift(33).times(P2).xorShift(29).times(P3).xorShift(32);
  return hash.low >>> 0;
}
