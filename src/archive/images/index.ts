// images: the formats that the image of a squashed archive can have. A front door of its own, since an archive without one is read
// without them.
import { check as checkErofs, decode as decodeErofs, detect as isErofs } from '../../formats/erofs/index.ts';
import { check as checkSquashfs, decode as decodeSquashfs, detect as isSquashfs } from '../../formats/squashfs/index.ts';
import type { ImageFormat } from '../inner.ts';

const HEAD_SIZE = 2048;

/** Readers of squashfs and EROFS. */
export const IMAGE_FORMATS: readonly ImageFormat[] = [
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
];
