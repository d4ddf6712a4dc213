// What ISO 9660 cannot hold. Names and sizes are bounded by what the kernel reads (fs/isofs/rock.c, inode.c).
import type { Loses } from '../../tree/index.ts';
import { SHORT_DATES } from './dates.ts';
import { EXTENT_SIZE_MOST } from './structs.ts';

/** More sections of a file are refused by the kernel. */
const SECTIONS_MOST = 100;

/** The bounds of an image with Rock Ridge. There are further ones of a whole image: 65535 directories, 8 TiB. */
export const loses: Loses = {
  format: 'iso9660',
  xattrs: true,
  fileSizeMost: SECTIONS_MOST * EXTENT_SIZE_MOST,
  mtimeLeast: SHORT_DATES.least,
  mtimeMost: SHORT_DATES.most,
  idMost: 0xffffffff,
  majorMost: 0xfff,
  minorMost: 0xfffff,
  nameSizeMost: 253,
  targetSizeMost: 4095,
};

/** The bounds of an image without: names are changed, and only directories and files have a form. */
export const plainLoses: Loses = { ...loses, format: 'iso9660 without Rock Ridge', kinds: ['symlink', 'char', 'block', 'fifo', 'socket'] };
