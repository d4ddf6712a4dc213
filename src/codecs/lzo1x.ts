// LZO1X (Documentation/staging/lzo.rst of Linux describes the stream): literal runs and matches whose meaning depends on
// how many literals came just before.
import { badValue, truncated } from './fault.ts';
import { copyWithin, type Output } from './output.ts';

const STRUCTURE = 'lzo1x block';

/** Decompresses the block in [at, end) of `input`, which must come to exactly `size` bytes, or with `atMost` to no more. */
export function decodeBlock(input: Uint8Array, start: number, end: number, output: Output, size: number, atMost = false): void {
  output.reserve(size);
  const { bytes } = output;
  const first = output.size;
  const until = first + size;
  let to = first;
  let at = start;
  const byte = (): number => {
    if (at >= end) throw truncated(STRUCTURE, at, 'an instruction');
    return input[at++]!;
  };
  /** A length that goes on over zero bytes. */
  const longer = (base: number): number => {
    let length = base;
    for (;;) {
      const more = byte();
      if (more !== 0) return length + more;
      length += 255;
    }
  };
  const literals = (count: number): void => {
    if (at + count > end) throw truncated(STRUCTURE, at, `${count} literals`);
    if (to + count > until) throw badValue(STRUCTURE, at, `more than the stated ${size} bytes`);
    if (count > 32) bytes.set(input.subarray(at, at + count), to);
    else for (let index = 0; index < count; index++) bytes[to + index] = input[at + index]!;
    at += count;
    to += count;
  };
  const match = (distance: number, length: number): void => {
    if (distance > to - first) throw badValue(STRUCTURE, at, `a back reference of ${distance} bytes, only ${to - first} are there`);
    if (to + length > until) throw badValue(STRUCTURE, at, `more than the stated ${size} bytes`);
    copyWithin(bytes, to, distance, length);
    to += length;
  };

  /** Literals just before: 0 to 3 as a match asked for them, 4 for a run of its own. */
  let before = 0;
  if (at < end && input[at]! > 17) {
    const count = input[at++]! - 17;
    literals(count);
    before = Math.min(count, 4);
  }
  for (;;) {
    const instructionAt = at;
    const code = byte();
    let trailing: number;
    if (code >= 64) {
      trailing = code & 3;
      match((byte() << 3) + ((code >> 2) & 7) + 1, (code >> 5) + 1);
    } else if (code >= 32) {
      const length = (code & 31) === 0 ? longer(31) : code & 31;
      const low = byte();
      trailing = low & 3;
      match((byte() << 6) + (low >> 2) + 1, length + 2);
    } else if (code >= 16) {
      const length = (code & 7) === 0 ? longer(7) : code & 7;
      const low = byte();
      const distance = ((code & 8) << 11) + (byte() << 6) + (low >> 2);
      if (distance === 0) {
        if (length !== 1 || (to !== until && !atMost) || at !== end) {
          throw badValue(STRUCTURE, instructionAt, `an end marker after ${to - first} of ${size} bytes`);
        }
        output.size = to;
        return;
      }
      trailing = low & 3;
      match(distance + 0x4000, length + 2);
    } else if (before === 0) {
      literals(3 + (code === 0 ? longer(15) : code));
      before = 4;
      continue;
    } else {
      trailing = code & 3;
      const distance = (byte() << 2) + (code >> 2) + 1;
      if (before === 4) match(distance + 0x800, 3);
      else match(distance, 2);
    }
    literals(trailing);
    before = trailing;
  }
}
