// The errors of the ISO 9660 reader and writer, worded alike: structure, place, what was found and what was expected.
import { type ErrorCode, KindlingError } from '../../errors.ts';

/** An error at `offset` bytes from the start of the image. */
export function fault(code: ErrorCode, structure: string, offset: number, found: string, path?: string): KindlingError {
  return new KindlingError(code, `${structure}: ${found}`, { structure, offset, ...(path === undefined ? {} : { path }) });
}

/** An error about what the writer was asked for. */
export function refuse(found: string, path?: string, code: ErrorCode = 'BAD_VALUE'): KindlingError {
  return new KindlingError(code, found, { structure: 'iso9660', ...(path === undefined ? {} : { path }) });
}
