// The errors of the EROFS reader, worded alike: the structure, where it is, what was found and what was expected.
import { type ErrorCode, KindlingError, type Where } from '../../errors.ts';

/** What a fault is about. */
export type Place = Where & { readonly structure: string };

/** An error of the reader; its message starts with the structure's name. */
export function fault(code: ErrorCode, place: Place, found: string): KindlingError {
  return new KindlingError(code, `${place.structure}: ${found}`, place);
}

/** A 64-bit number of the image as one that JavaScript holds exactly. Throws BAD_VALUE for more than any file holds. */
export function exact(value: bigint, place: Place, what: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw fault('BAD_VALUE', place, `${what} is ${value}`);
  return number;
}
