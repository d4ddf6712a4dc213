// images: the formats that the image of a squashed archive, or an image by itself, can have. A front door of its own, since an archive without one is read
// without them.
import { check as checkErofs, decode as decodeErofs, detect as isErofs } from '../../formats/erofs/index.ts';
import { check as checkFat, decode as decodeFat, detect as isFat } from '../../formats/fat/index.ts';
import { check as checkIso, decode as decodeIso, detect as isIso } from '../../formats/iso9660/index.ts';
import { check as checkSquashfs, decode as decodeSquashfs, detect as isSquashfs } from '../../formats/squashfs/index.ts';
import type { ImageFormat } from '../inner.ts';
import { diskFormat } from './disk.ts';

const HEAD_SIZE = 2048;

const FILE_SYSTEMS: readonly ImageFormat[] = [
  {
    name: 'squashfs',
    detect: (source) => isSquashfs(source.read(0, Math.min(4, source.size))),
    decode(source, { decoders, entriesMost }) {
      const { facts, tree } = decodeSquashfs(source, { decoders, limits: { entries: entriesMost } });
      return { compressor: facts.compressor, blockSize: facts.blockSize, tree };
    },
    check: (source, { decoders }) => checkSquashfs(source, { decoders }),
  },
  {
    name: 'erofs',
    detect: (source) => isErofs(source.read(0, Math.min(HEAD_SIZE, source.size))),
    decode(source, { decoders, entriesMost }) {
      const { facts, tree } = decodeErofs(source, { decoders, limits: { entries: entriesMost } });
      return { compressor: facts.algorithms.join('+') || 'none', blockSize: facts.blockSize, tree };
    },
    check: (source, { decoders }) => checkErofs(source, { decoders }),
  },
  {
    // before FAT: an image that is a disc and a disk has a boot sector too
    name: 'iso9660',
    detect: isIso,
    decode(source, { entriesMost }) {
      const { tree, blockSize } = decodeIso(source, { limits: { entries: entriesMost } });
      return { compressor: 'none', blockSize, tree };
    },
    check: (source) => checkIso(source),
  },
  {
    name: 'fat',
    detect: isFat,
    decode(source, { entriesMost }) {
      const { tree, clusterSize } = decodeFat(source, { limits: { entries: entriesMost } });
      return { compressor: 'none', blockSize: clusterSize, tree };
    },
    check: (source) => checkFat(source),
  },
];

/** Readers of file system images, and last of disks with one of those in a partition: what else an image is counts first. */
export const IMAGE_FORMATS: readonly ImageFormat[] = [...FILE_SYSTEMS, diskFormat(FILE_SYSTEMS)];
