// The odc header ("portable ASCII", POSIX.1-2001 pax, cpio interchange format): 76 bytes of octal digits, no padding anywhere.
import { asciiFrom, struct } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import type { Loses } from '../../tree/index.ts';
import { asciiNumber, type CpioForm, magicField } from '../cpio/index.ts';

/** The first six characters of every odc record. */
export const MAGIC = '070707';
/** Most that six and eleven octal digits hold. */
export const SHORT_MOST = 0o777777;
export const LONG_MOST = 0o77777777777;

const short = asciiNumber(6, 8);
const long = asciiNumber(11, 8);

/** The header of a record, 76 characters: the magic and ten octal numbers. */
export const header = struct('odc header', 76, {
  magic: magicField,
  dev: short,
  ino: short,
  mode: short,
  uid: short,
  gid: short,
  nlink: short,
  rdev: short,
  mtime: long,
  nameSize: short,
  fileSize: long,
});

/** Header size, alignment and decoding, for the record loop. A device number is major * 256 + minor. */
export const form: CpioForm = {
  name: 'odc',
  headerSize: header.size,
  alignment: 1,
  header(bytes) {
    const found = asciiFrom(bytes.subarray(0, 6));
    if (found !== MAGIC) throw new KindlingError('BAD_MAGIC', `found ${JSON.stringify(found)}, expected "${MAGIC}"`);
    const { dev, rdev, ...values } = header.decode(bytes);
    const devices = { devMajor: dev >> 8, devMinor: dev & 0xff, rdevMajor: rdev >> 8, rdevMinor: rdev & 0xff };
    return { ...values, ...devices, check: undefined };
  },
};

/** What odc cannot hold. */
export const loses: Loses = {
  format: 'odc',
  xattrs: true,
  fileSizeMost: LONG_MOST,
  mtimeLeast: 0,
  mtimeMost: LONG_MOST,
  idMost: SHORT_MOST,
  majorMost: SHORT_MOST >> 8,
  minorMost: 0xff,
  pathSizeMost: 4095,
  targetSizeMost: 4095,
};
