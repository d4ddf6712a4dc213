// Reads odc: one archive up to its TRAILER!!!, as raw records. `cpio.replay` turns records into a tree.
import { asciiFrom, type ByteSource } from '../../bytes/index.ts';
import { type CpioArchive, type ReadOptions, readArchive } from '../cpio/index.ts';
import { form, MAGIC } from './structs.ts';

/** True when an odc archive starts with these bytes (six are enough). */
export function detect(head: Uint8Array): boolean {
  return asciiFrom(head.subarray(0, 6)) === MAGIC;
}

/** Reads the archive that starts at `at`. Damage does not throw: the result's `fault` says what stopped the reading, and the records before it stand. */
export function decode(source: ByteSource, at = 0, options: ReadOptions = {}): CpioArchive {
  return readArchive(source, at, form, options);
}
