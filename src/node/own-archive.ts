// Whether a file is an archive that kindling made: it holds kindling's id.
import { decode, ID_PATH } from '../archive/index.ts';
import { KindlingError } from '../errors.ts';
import { nodeDecoders } from './codecs.ts';
import { fileSource } from './source.ts';

/** Reads the file; one that cannot be read as an archive is none of ours. Throws what the disk throws. */
export function isOwnArchive(path: string): boolean {
  try {
    return decode(fileSource(path), { decoders: nodeDecoders() }).outer.get(ID_PATH)?.kind === 'file';
  } catch (error) {
    if (error instanceof KindlingError && !['IO', 'NO_PERMISSION', 'INTERNAL'].includes(error.code)) return false;
    throw error;
  }
}
