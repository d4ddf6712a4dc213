// The two forms of a time: 7 bytes in directory records (ECMA-119 9.1.5), 17 digits in volume descriptors (8.4.26.1). Written in UTC.
import { asciiFrom, utf8 } from '../../bytes/index.ts';

/** Bytes of the short form. */
export const SHORT_DATE_SIZE = 7;
/** Bytes of the long form. */
export const LONG_DATE_SIZE = 17;
/** First and last second that the short form holds. */
export const SHORT_DATES = { least: Date.UTC(1900, 0, 1) / 1000, most: Date.UTC(2155, 11, 31, 23, 59, 59) / 1000 } as const;

const QUARTER = 15 * 60;

function partsOf(time: number): number[] {
  const date = new Date(time * 1000);
  return [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
}

/** Seconds since 1970 of a date and its distance from Greenwich in quarters of an hour; undefined for a date there is not. */
function timeOf(parts: readonly number[], quarters: number): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 23 && minute <= 59 && second <= 59;
  if (!isDate) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day); // Date.UTC takes years below 100 for those of the last century
  date.setUTCHours(hour, minute, second);
  return date.getTime() / 1000 - quarters * QUARTER;
}

/** A time in 7 bytes. */
export function shortDate(time: number): Uint8Array {
  const [year = 0, ...rest] = partsOf(time);
  return Uint8Array.of(year - 1900, ...rest, 0);
}

/** Reads 7 bytes; all zeros, and dates there are not, give undefined. */
export function readShortDate(bytes: Uint8Array): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone = 0] = bytes;
  return timeOf([year + 1900, month, day, hour, minute, second], (zone << 24) >> 24);
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, '0');
}

/** A time in 17 bytes: 16 digits and the distance from Greenwich; without one the form for "none". */
export function longDate(time: number | undefined): Uint8Array {
  const bytes = new Uint8Array(LONG_DATE_SIZE);
  const [year = 0, ...rest] = time === undefined ? [] : partsOf(time);
  bytes.set(utf8(time === undefined ? '0'.repeat(16) : `${digits(year, 4)}${rest.map((part) => digits(part, 2)).join('')}00`));
  return bytes;
}

/** Reads 17 bytes; "none", and what is no date, give undefined. */
export function readLongDate(bytes: Uint8Array): number | undefined {
  const text = asciiFrom(bytes.subarray(0, 14));
  if (!/^\d{14}$/.test(text)) return undefined;
  const parts = [text.slice(0, 4), ...Array.from({ length: 5 }, (_, index) => text.slice(4 + index * 2, 6 + index * 2))].map(Number);
  return timeOf(parts, ((bytes[16] ?? 0) << 24) >> 24);
}

/** What `blkid` makes of the long form of a time, as the image's UUID. */
export function uuidOf(time: number): string {
  const [year = 0, ...rest] = partsOf(time);
  return [digits(year, 4), ...rest.map((part) => digits(part, 2)), '00'].join('-');
}
