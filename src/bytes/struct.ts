// One declaration per on-disk structure, serving decode, encode, size check and documentation.
// `struct('ar header', 60, { name: bytesField(16), ... })`: fields in disk order, no implied padding.
import { KindlingError } from '../errors.ts';
import type { FieldKind } from './ints.ts';

/** The fields of a structure, in disk order. */
export type FieldTable = Readonly<Record<string, FieldKind<unknown>>>;
/** The decoded form of a field table. */
export type Fields<T extends FieldTable> = { -readonly [K in keyof T]: T[K] extends FieldKind<infer V> ? V : never };

/** A declared structure. `size` is in bytes. */
export interface Struct<T extends FieldTable> {
  readonly name: string;
  readonly size: number;
  readonly fields: T;
  /** Byte offset of one field. */
  offsetOf(field: keyof T): number;
  /** Decodes at `at`. Throws TRUNCATED when the bytes end too soon. */
  decode(bytes: Uint8Array, at?: number): Fields<T>;
  /** Encodes into new bytes of exactly `size`. */
  encode(values: Fields<T>): Uint8Array;
  /** Encodes into bytes that are there, from `at` on: for structures by the thousand. */
  encodeInto(view: DataView, at: number, values: Fields<T>): void;
}

/** Declares a structure; throws INTERNAL at load when the fields do not add up to `size`. */
export function struct<T extends FieldTable>(name: string, size: number, fields: T): Struct<T> {
  const rows = Object.entries(fields);
  const offsets = new Map<string, number>();
  let total = 0;
  for (const [key, kind] of rows) {
    offsets.set(key, total);
    total += kind.size;
  }
  if (total !== size) throw new KindlingError('INTERNAL', `struct ${name}: fields take ${total} bytes, declared ${size}`);
  const encodeInto = (view: DataView, at: number, values: Fields<T>): void => {
    let fieldAt = at;
    for (const [key, kind] of rows) {
      kind.set(view, fieldAt, values[key as keyof T]);
      fieldAt += kind.size;
    }
  };
  return {
    name,
    size,
    fields,
    offsetOf: (field) => offsets.get(field as string)!,
    decode(bytes, at = 0) {
      if (at < 0 || at + size > bytes.length) {
        throw new KindlingError('TRUNCATED', `${name} needs ${size} bytes, ${Math.max(0, bytes.length - at)} are left`, {
          structure: name,
          offset: at,
        });
      }
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const values: Record<string, unknown> = {};
      let fieldAt = at;
      for (const [key, kind] of rows) {
        values[key] = kind.get(view, fieldAt);
        fieldAt += kind.size;
      }
      return values as Fields<T>;
    },
    encode(values) {
      const bytes = new Uint8Array(size);
      encodeInto(new DataView(bytes.buffer), 0, values);
      return bytes;
    },
    encodeInto,
  };
}
