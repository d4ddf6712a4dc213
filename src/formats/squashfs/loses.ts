// What squashfs cannot hold. Link targets and device numbers are bounded by what the kernel reads (fs/squashfs/inode.c).
import type { Loses } from '../../tree/index.ts';
import { XATTR_PREFIXES } from './structs.ts';

/** The bounds of squashfs 4.0. There are further ones of a whole image: 65535 different users and groups together. */
export const loses: Loses = {
  format: 'squashfs',
  xattrPrefixes: XATTR_PREFIXES,
  mtimeLeast: 0,
  mtimeMost: 0xffffffff,
  idMost: 0xffffffff,
  majorMost: 0xfff,
  minorMost: 0xfffff,
  targetSizeMost: 4095,
};
