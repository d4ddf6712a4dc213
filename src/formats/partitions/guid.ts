// GUIDs: sixteen bytes whose first three numbers are stored little-endian and printed big-endian (UEFI 2.10 appendix A).
import { KindlingError } from '../../errors.ts';

const SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Where the n-th printed byte is stored. */
const PLACES = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/** The stored form of a printed GUID. Throws BAD_VALUE for text that is none. */
export function guidToBytes(text: string): Uint8Array {
  if (!SHAPE.test(text)) {
    throw new KindlingError('BAD_VALUE', `${JSON.stringify(text)} is no GUID, expected 01234567-89AB-CDEF-0123-456789ABCDEF`, {
      structure: 'gpt',
    });
  }
  const digits = text.replaceAll('-', '');
  const bytes = new Uint8Array(16);
  for (const [index, place] of PLACES.entries()) bytes[place] = Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16);
  return bytes;
}

/** The printed form, in capitals. */
export function guidFromBytes(bytes: Uint8Array): string {
  const digits = PLACES.map((place) => bytes[place]!.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join('-');
}

/** A GUID made of the first sixteen bytes of a digest, marked as such (RFC 9562, version 8): equal digests give equal GUIDs. */
export function guidFromDigest(digest: Uint8Array): string {
  const bytes = Uint8Array.from(PLACES, (_, index) => digest[PLACES.indexOf(index)]!);
  bytes[7] = (bytes[7]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return guidFromBytes(bytes);
}
