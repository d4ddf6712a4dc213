// The ar archive: <ar.h> of System V and BSD (ar(5)), in the common form with GNU and BSD long names. A magic, then members: a header of
// 60 ASCII bytes, the content, and a newline where the content's size is odd.
import { bytesField, struct } from '../../bytes/index.ts';

/** The first eight bytes of every archive. */
export const MAGIC = '!<arch>\n';
/** GNU's thin archive: members live in files beside it. Recognised and refused. */
export const THIN_MAGIC = '!<thin>\n';
/** The last two bytes of every header. */
export const END_OF_HEADER = '`\n';

/** Member header: ASCII text padded with blanks, `mode` in octal, all other numbers decimal. */
export const header = struct('ar header', 60, {
  name: bytesField(16),
  mtime: bytesField(12),
  uid: bytesField(6),
  gid: bytesField(6),
  mode: bytesField(8),
  size: bytesField(10),
  end: bytesField(2),
});

/** Largest content a header can announce: ten decimal digits. */
export const SIZE_MOST = 9_999_999_999;
