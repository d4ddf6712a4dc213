// Numbers written as ASCII digits of a fixed width, as all portable cpio headers have them.
import { asciiFrom, type FieldKind } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';

function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  return 99;
}

/** A number of `width` digits in base 8 or 16, written in lower case, read in either. Throws BAD_VALUE for anything but digits. */
export function asciiNumber(width: number, radix: 8 | 16): FieldKind<number> {
  const most = radix ** width - 1;
  return {
    size: width,
    get(view, at) {
      let value = 0;
      for (let index = 0; index < width; index++) {
        const digit = digitOf(view.getUint8(at + index));
        if (digit >= radix) {
          const found = asciiFrom(new Uint8Array(view.buffer, view.byteOffset + at, width));
          throw new KindlingError('BAD_VALUE', `${JSON.stringify(found)} is not a number of ${width} digits in base ${radix}`, {
            offset: at,
          });
        }
        value = value * radix + digit;
      }
      return value;
    },
    set(view, at, value) {
      if (!Number.isInteger(value) || value < 0 || value > most) {
        throw new KindlingError('NOT_EXPRESSIBLE', `${value} does not fit ${width} digits in base ${radix}`);
      }
      let rest = value;
      for (let index = width - 1; index >= 0; index--) {
        const digit = rest % radix;
        view.setUint8(at + index, digit < 10 ? 0x30 + digit : 0x57 + digit);
        rest = (rest - digit) / radix;
      }
    },
  };
}

/** A six-character magic, kept as text. */
export const magicField: FieldKind<string> = {
  size: 6,
  get: (view, at) => asciiFrom(new Uint8Array(view.buffer, view.byteOffset + at, 6)),
  set(view, at, value) {
    for (let index = 0; index < 6; index++) view.setUint8(at + index, value.charCodeAt(index));
  },
};
