// Reads newc and crc: one archive up to its TRAILER!!!, as raw records. `cpio.replay` turns records into a tree.
import { asciiFrom, type ByteSource } from '../../bytes/index.ts';
import { type CpioArchive, type ReadOptions, readArchive } from '../cpio/index.ts';
import { form, MAGIC, MAGIC_CRC } from './structs.ts';

/** True when a newc or crc archive starts with these bytes (six are enough). */
export function detect(head: Uint8Array): boolean {
  const magic = asciiFrom(head.subarray(0, 6));
  return magic === MAGIC || magic === MAGIC_CRC;
}

/**
 * Reads the archive that starts at `at` (a multiple of 4: padding is counted from the start of the source).
 * Damage does not throw: the result's `fault` says what stopped the reading, and the records before it stand.
 */
export function decode(source: ByteSource, at = 0, options: ReadOptions = {}): CpioArchive {
  return readArchive(source, at, form, options);
}
