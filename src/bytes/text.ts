// Names are bytes. This module alone turns them into JavaScript strings and back without loss:
// valid UTF-8 decodes as itself, every other byte 0x80..0xff becomes the lone surrogate U+DC80..U+DCFF (as Python's surrogateescape).

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Below this the decoder's start costs more than going through the bytes. */
const SHORT = 32;

/** Bytes of a name to a string; total and reversible. */
export function nameFromBytes(bytes: Uint8Array): string {
  if (bytes.length < SHORT && bytes.every((byte) => byte < 0x80)) return String.fromCharCode(...bytes);
  try {
    return strict.decode(bytes);
  } catch {
    return escapeInvalid(bytes);
  }
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xf0 && lead < 0xf5) return 4;
  return 0;
}

function escapeInvalid(bytes: Uint8Array): string {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const lead = bytes[at]!;
    const length = sequenceLength(lead);
    let decoded: string | undefined;
    if (length > 0 && at + length <= bytes.length) {
      try {
        decoded = strict.decode(bytes.subarray(at, at + length));
      } catch {
        decoded = undefined; // not a valid sequence: the lead byte is escaped alone
      }
    }
    if (decoded !== undefined) {
      text += decoded;
      at += length;
    } else {
      text += String.fromCharCode(0xdc00 + lead);
      at += 1;
    }
  }
  return text;
}

/** The bytes of a name made by `nameFromBytes`. */
export function nameToBytes(name: string): Uint8Array {
  if (!/[\udc80-\udcff]/.test(name)) return encoder.encode(name);
  const pieces: number[] = [];
  for (const char of name) {
    const code = char.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) pieces.push(code - 0xdc00);
    else pieces.push(...encoder.encode(char));
  }
  return Uint8Array.from(pieces);
}

/** Byte-wise order of two names (that of `LC_ALL=C sort`), -1, 0 or 1. */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x === y) continue;
    if (x < 0x80 && y < 0x80) return x < y ? -1 : 1;
    return compareBytes(nameToBytes(a), nameToBytes(b));
  }
  return a.length < b.length ? -1 : 1;
}

/** Byte-wise order of two byte strings, -1, 0 or 1. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    if (a[at] !== b[at]) return a[at]! < b[at]! ? -1 : 1;
  }
  return a.length === b.length ? 0 : a.length < b.length ? -1 : 1;
}

/** ASCII text of bytes (each byte one char; for magics and numeric fields). */
export function asciiFrom(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Bytes of UTF-8 text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Joins byte strings into one. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  const joined = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
