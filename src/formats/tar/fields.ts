// The text inside tar headers: numbers in octal or GNU's base-256, NUL-ended strings, the checksum, pax records.
import { asciiFrom, concat, nameFromBytes, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { header } from './structs.ts';

/** Bytes up to the first NUL. */
export function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** A numeric field: octal digits with blanks or NULs around them, or base-256 when the first bit is set. Blank is 0. `at`: offset of the header. */
export function numberFrom(bytes: Uint8Array, field: string, at: number): number {
  if ((bytes[0]! & 0x80) !== 0) return base256(bytes, field, at);
  const text = asciiFrom(untilNul(bytes)).trim();
  if (text === '') return 0;
  if (!/^[0-7]+$/.test(text)) throw bad(`${field} is ${JSON.stringify(text)}, expected octal digits`, at);
  return Number.parseInt(text, 8);
}

function base256(bytes: Uint8Array, field: string, at: number): number {
  // Two's complement with the marker bit taken out: bit 6 of the first byte is the sign.
  let value = BigInt(bytes[0]! & 0x3f) - ((bytes[0]! & 0x40) === 0 ? 0n : 0x40n);
  for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw bad(`${field} is ${value}, more than can be`, at);
  return number;
}

/** The checksum of a header block, as unsigned and as (by a few old programs) signed bytes; its own field counts as blanks. */
export function checksums(block: Uint8Array): { unsigned: number; signed: number } {
  const from = header.offsetOf('checksum');
  let unsigned = 0;
  let signed = 0;
  for (let index = 0; index < block.length; index++) {
    const byte = index >= from && index < from + 8 ? 0x20 : block[index]!;
    unsigned += byte;
    signed += byte < 0x80 ? byte : byte - 0x100;
  }
  return { unsigned, signed };
}

/** The records of a pax extended header, "SIZE KEY=VALUE\n", in order. Keys are text, values bytes. `at`: offset of its first block. */
export function paxRecords(bytes: Uint8Array, at: number): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  for (let start = 0; start < bytes.length; ) {
    const blank = bytes.indexOf(0x20, start);
    const digits = blank < 0 || blank - start > 10 ? '' : asciiFrom(bytes.subarray(start, blank));
    const size = /^[1-9][0-9]*$/.test(digits) ? Number(digits) : 0;
    const end = start + size;
    const equals = bytes.indexOf(0x3d, blank);
    if (size === 0 || end > bytes.length || bytes[end - 1] !== 0x0a || equals < 0 || equals >= end) {
      throw new KindlingError('BAD_VALUE', 'a record is not of the form "SIZE KEY=VALUE" and a newline', {
        structure: 'pax header',
        offset: at + start,
      });
    }
    records.set(nameFromBytes(bytes.subarray(blank + 1, equals)), bytes.subarray(equals + 1, end - 1));
    start = end;
  }
  return records;
}

/** One pax record; its size counts its own digits. */
export function paxRecord(key: string, value: Uint8Array): Uint8Array {
  const rest = concat([utf8(` ${key}=`), value, utf8('\n')]);
  let size = rest.length + 1;
  while (String(size).length + rest.length !== size) size = String(size).length + rest.length;
  return concat([utf8(String(size)), rest]);
}

function bad(message: string, offset: number): KindlingError {
  return new KindlingError('BAD_VALUE', message, { structure: header.name, offset });
}
