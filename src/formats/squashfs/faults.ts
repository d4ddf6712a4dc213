// The errors of the squashfs reader, worded alike: structure, place, what was found and what was expected.
import { type ErrorCode, KindlingError } from '../../errors.ts';

/** An error at `offset` bytes from the start of the image (of the unpacked table, where the message says so). */
export function fault(code: ErrorCode, structure: string, offset: number, found: string, path?: string): KindlingError {
  return new KindlingError(code, `${structure}: ${found}`, { structure, offset, ...(path === undefined ? {} : { path }) });
}
