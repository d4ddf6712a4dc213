// CRC-32 (IEEE 802.3, reflected; gzip, xz, lzop), CRC-64 (ECMA-182, reflected; xz) and Adler-32 (RFC 1950; lzop).

const SLICES = 8;

function crc32Tables(): readonly Int32Array[] {
  const tables = Array.from({ length: SLICES }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    tables[0]![byte] = value;
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = tables[slice - 1]![byte]!;
      tables[slice]![byte] = (before >>> 8) ^ tables[0]![before & 255]!;
    }
  }
  return tables;
}

const [T0, T1, T2, T3, T4, T5, T6, T7] = crc32Tables() as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/** CRC-32 of `bytes`, continuing from `before`; unsigned. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      T7[crc & 255]! ^
      T6[(crc >>> 8) & 255]! ^
      T5[(crc >>> 16) & 255]! ^
      T4[crc >>> 24]! ^
      T3[bytes[at + 4]!]! ^
      T2[bytes[at + 5]!]! ^
      T1[bytes[at + 6]!]! ^
      T0[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ T0[(crc ^ bytes[at]!) & 255]!;
  return ~crc >>> 0;
}

const CRC64_SLICES = 4;

/** Slice s of each table, from s * 256 on, advances a byte over s more bytes of zeros. */
function crc64Tables(): readonly [Int32Array, Int32Array] {
  const low = new Int32Array(256 * CRC64_SLICES);
  const high = new Int32Array(256 * CRC64_SLICES);
  for (let byte = 0; byte < 256; byte++) {
    let lo = byte;
    let hi = 0;
    for (let bit = 0; bit < 8; bit++) {
      const odd = lo & 1;
      lo = (lo >>> 1) | (hi << 31);
      hi >>>= 1;
      if (odd) {
        lo ^= 0xd7870f42;
        hi ^= 0xc96c5795;
      }
    }
    low[byte] = lo;
    high[byte] = hi;
  }
  for (let index = 256; index < low.length; index++) {
    const lo = low[index - 256]!;
    const hi = high[index - 256]!;
    low[index] = ((lo >>> 8) | (hi << 24)) ^ low[lo & 255]!;
    high[index] = (hi >>> 8) ^ high[lo & 255]!;
  }
  return [low, high];
}

const [LOW, HIGH] = crc64Tables();

/** CRC-64 of `bytes` as its low and high unsigned halves. */
export function crc64(bytes: Uint8Array): { low: number; high: number } {
  let lo = -1;
  let hi = -1;
  let at = 0;
  for (const end = bytes.length - 3; at < end; at += 4) {
    const word = lo ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    const a = 768 + (word & 255);
    const b = 512 + ((word >>> 8) & 255);
    const c = 256 + ((word >>> 16) & 255);
    const d = word >>> 24;
    lo = hi ^ LOW[a]! ^ LOW[b]! ^ LOW[c]! ^ LOW[d]!;
    hi = HIGH[a]! ^ HIGH[b]! ^ HIGH[c]! ^ HIGH[d]!;
  }
  for (; at < bytes.length; at++) {
    const index = (lo ^ bytes[at]!) & 255;
    lo = ((lo >>> 8) | (hi << 24)) ^ LOW[index]!;
    hi = (hi >>> 8) ^ HIGH[index]!;
  }
  return { low: ~lo >>> 0, high: ~hi >>> 0 };
}

/** Adler-32 of `bytes`; unsigned. */
export function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  let at = 0;
  while (at < bytes.length) {
    // 5552 is the longest run whose sums still fit 32 bits
    const end = Math.min(bytes.length, at + 5552);
    for (; at < end; at++) {
      a += bytes[at]!;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}
