// The errors of the decoders, worded alike: what was found, in which structure, at which byte of the input.
import { KindlingError } from '../errors.ts';

/** The input ends inside `structure`. */
export function truncated(structure: string, offset: number, wanted: string): KindlingError {
  return new KindlingError('TRUNCATED', `${structure}: the input ends where ${wanted} should be`, { structure, offset });
}

/** A field of `structure` holds what its specification does not allow. */
export function badValue(structure: string, offset: number, found: string): KindlingError {
  return new KindlingError('BAD_VALUE', `${structure}: ${found}`, { structure, offset });
}

/** A valid feature that kindling does not read. */
export function unsupported(structure: string, offset: number, found: string): KindlingError {
  return new KindlingError('UNSUPPORTED', `${structure}: ${found}`, { structure, offset });
}

/** The bytes do not start like `structure`. */
export function badMagic(structure: string, offset: number): KindlingError {
  return new KindlingError('BAD_MAGIC', `${structure}: its magic number is not there`, { structure, offset });
}

/** More output than the stated bound. */
export function overLimit(structure: string, limit: number): KindlingError {
  return new KindlingError('LIMIT', `${structure}: decompresses to more than the limit of ${limit} bytes`, { structure });
}

/** Compares a stored checksum with the computed one; both are unsigned 32-bit numbers. */
export function mustMatch(structure: string, offset: number, kind: string, stored: number, computed: number): void {
  if (stored >>> 0 === computed >>> 0) return;
  const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
  throw new KindlingError('BAD_CHECKSUM', `${structure}: ${kind} is stored as ${hex(stored)}, the bytes give ${hex(computed)}`, {
    structure,
    offset,
  });
}
