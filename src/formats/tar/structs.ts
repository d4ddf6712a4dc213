// The tar header block: POSIX.1-2017 pax(1) "ustar Interchange Format", the GNU variant of <tar.h>, and the pax extended header records.
// An archive is 512-byte blocks: header, content padded to blocks, ...; two blocks of NULs end it.
import { bytesField, struct, u8 } from '../../bytes/index.ts';
import type { Loses } from '../../tree/index.ts';

export const BLOCK_SIZE = 512;

/** Header block: NUL-ended strings, numbers as octal text or base-256; `checksum` is the sum of all bytes with itself as blanks. */
export const header = struct('tar header', BLOCK_SIZE, {
  name: bytesField(100),
  mode: bytesField(8),
  uid: bytesField(8),
  gid: bytesField(8),
  size: bytesField(12),
  mtime: bytesField(12),
  checksum: bytesField(8),
  type: u8,
  linkName: bytesField(100),
  magic: bytesField(6),
  version: bytesField(2),
  userName: bytesField(32),
  groupName: bytesField(32),
  devMajor: bytesField(8),
  devMinor: bytesField(8),
  prefix: bytesField(155),
  reserved: bytesField(12),
});

/** POSIX: `prefix` is the front of the name. */
export const MAGIC_USTAR = 'ustar\0';
/** GNU: magic and version are "ustar  \0"; what POSIX calls prefix holds times and sparse maps. */
export const MAGIC_GNU = 'ustar ';

/** What tar with pax records cannot hold. Everything that does not fit the header goes into a pax record. */
export const loses: Loses = {
  format: 'tar',
  kinds: ['socket'],
  pathSizeMost: 4095,
  targetSizeMost: 4095,
  majorMost: 0o7777777,
  minorMost: 0o7777777,
};
