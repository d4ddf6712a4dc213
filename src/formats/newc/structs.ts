// The newc header: Documentation/driver-api/early-userspace/buffer-format.rst. 110 bytes of ASCII, then the name, then the content, each
// padded with NULs to a multiple of 4.
import { asciiFrom, struct } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import type { Loses } from '../../tree/index.ts';
import { asciiNumber, type CpioForm, magicField } from '../cpio/index.ts';

/** "newc", the only one kindling writes: kernels before 5.19 refuse or enforce the other. */
export const MAGIC = '070701';
/** "crc": the same with the byte sum of the content in `check`. */
export const MAGIC_CRC = '070702';

const hex = asciiNumber(8, 16);

/** The header of a record, 110 characters: the magic and thirteen numbers of eight hexadecimal digits. */
export const header = struct('newc header', 110, {
  magic: magicField,
  ino: hex,
  mode: hex,
  uid: hex,
  gid: hex,
  nlink: hex,
  mtime: hex,
  fileSize: hex,
  devMajor: hex,
  devMinor: hex,
  rdevMajor: hex,
  rdevMinor: hex,
  nameSize: hex,
  check: hex,
});

/** Header size, alignment and decoding, for the record loop. */
export const form: CpioForm = {
  name: 'newc',
  headerSize: header.size,
  alignment: 4,
  header(bytes) {
    const magic = asciiFrom(bytes.subarray(0, 6));
    if (magic !== MAGIC && magic !== MAGIC_CRC) {
      throw new KindlingError('BAD_MAGIC', `found ${JSON.stringify(magic)}, expected "${MAGIC}" or "${MAGIC_CRC}"`);
    }
    const values = header.decode(bytes);
    return { ...values, check: magic === MAGIC_CRC ? values.check : undefined };
  },
};

/** What newc cannot hold. Device numbers are bounded by the kernel's re-encoding: 12 bits and 20 bits. */
export const loses: Loses = {
  format: 'newc',
  xattrs: true,
  fileSizeMost: 0xffffffff,
  mtimeLeast: 0,
  mtimeMost: 0xffffffff,
  idMost: 0xffffffff,
  majorMost: 0xfff,
  minorMost: 0xfffff,
  pathSizeMost: 4095,
  targetSizeMost: 4095,
};
