// The errors of the FAT reader, worded alike: the structure, where it is, what was found and what was expected.
import { type ErrorCode, KindlingError, type Where } from '../../errors.ts';

/** What a fault is about. */
export type Place = Where & { readonly structure: string };

/** An error of the reader; its message starts with the structure's name. */
export function fault(code: ErrorCode, place: Place, found: string): KindlingError {
  return new KindlingError(code, `${place.structure}: ${found}`, place);
}

/** Takes what is wrong with an image: `decode` throws it, `check` writes it down and goes on. */
export type Report = (error: KindlingError) => void;
