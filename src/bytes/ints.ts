// Integer fields of on-disk structures: width and byte order in one value, used by struct tables and by loose reads.
import { KindlingError } from '../errors.ts';

/** One field kind: how many bytes, and how to get and set it in a DataView. */
export interface FieldKind<T> {
  readonly size: number;
  get(view: DataView, at: number): T;
  set(view: DataView, at: number, value: T): void;
}

function int(size: 1 | 2 | 4, littleEndian: boolean, signed = false): FieldKind<number> {
  const bits = (size * 8) as 8 | 16 | 32;
  const name = `${signed ? 'Int' : 'Uint'}${bits}` as 'Uint16';
  const get = `get${name}` as const;
  const set = `set${name}` as const;
  return {
    size,
    get: (view, at) => view[get](at, littleEndian),
    set: (view, at, value) => view[set](at, value, littleEndian),
  };
}

function big(littleEndian: boolean): FieldKind<bigint> {
  return {
    size: 8,
    get: (view, at) => view.getBigUint64(at, littleEndian),
    set: (view, at, value) => view.setBigUint64(at, value, littleEndian),
  };
}

/** A field of one unsigned byte. */
export const u8 = int(1, true);
/** Two bytes, unsigned, little-endian. */
export const u16le = int(2, true);
/** Four bytes, unsigned, little-endian. */
export const u32le = int(4, true);
/** Two bytes, two's complement, little-endian. */
export const i16le = int(2, true, true);
/** Four bytes, two's complement, little-endian. */
export const i32le = int(4, true, true);
/** Eight bytes, unsigned, little-endian; a bigint. */
export const u64le = big(true);
/** Two bytes, unsigned, big-endian. */
export const u16be = int(2, false);
/** Four bytes, unsigned, big-endian. */
export const u32be = int(4, false);
/** Four bytes, two's complement, big-endian. */
export const i32be = int(4, false, true);
/** Eight bytes, unsigned, big-endian; a bigint. */
export const u64be = big(false);

/** A fixed run of raw bytes. */
export function bytesField(size: number): FieldKind<Uint8Array> {
  return {
    size,
    get: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, size).slice(),
    set(view, at, value) {
      if (value.length > size) throw new KindlingError('BAD_VALUE', `${value.length} bytes do not fit a field of ${size}`);
      new Uint8Array(view.buffer, view.byteOffset + at, size).set(value);
    },
  };
}

/** A 64-bit field as a size or offset that JavaScript numbers hold exactly. Throws BAD_VALUE above 2^53 - 1. */
export function toSize(value: bigint, field: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new KindlingError('BAD_VALUE', `${field} is ${value}, more than any file holds`);
  return Number(value);
}

/** `at` rounded up to a multiple of `unit` (a power of two is not required). */
export function alignUp(at: number, unit: number): number {
  return Math.ceil(at / unit) * unit;
}
