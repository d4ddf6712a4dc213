// The errors of the squashfs reader, worded alike: structure, place, what was found and what was expected.
import { type ErrorCode, KindlingError } from '../../errors.ts';

/** An error at `offset` bytes from the start of the image (of the unpacked table, where the message says so). */
export function fault(code: ErrorCode, structure: string, offset: number, found: string, path?: string): KindlingError {
  return new KindlingError(code, `${structure}: ${found}`, { structure, offset, ...(path === undefined ? {} : { path }) });
}

/** What a decoder says of a stored block, with the block's place in the image instead of the decoder's own. */
export function inBlock(error: unknown, structure: string, offset: number): unknown {
  if (!(error instanceof KindlingError)) return error;
  const inside = error.where.offset === undefined ? '' : `, ${error.where.offset} bytes into it`;
  return new KindlingError(error.code, `${structure}: the block at ${offset}${inside}: ${error.message}`, { structure, offset }, error);
}
