// The image of a squashed archive: the inner half of a plan, as the archive's writer wants it.
import type { ArchiveImage } from '../archive/index.ts';
import type { Sha256 } from '../bytes/index.ts';
import { type BlockCompressor, ENCODE_DEFAULTS, encode as encodeSquashfs, type PackProgress } from '../formats/squashfs/index.ts';
import type { Tree } from '../tree/index.ts';
import type { SquashedPlan } from './layout.ts';

/** How an image is made. */
export interface ImageOptions {
  readonly compressor: BlockCompressor;
  readonly blockSize: number;
  readonly sha256: Sha256;
  readonly onProgress?: (progress: PackProgress) => void;
}

/** The image of a squashed plan, ready to be put into an archive. */
export function archiveImage({ image, inside }: SquashedPlan, options: ImageOptions): ArchiveImage {
  return {
    path: image,
    inside,
    pack: (tree) => encodeSquashfs(tree, { ...ENCODE_DEFAULTS, ...options, order: readFirst(tree) }),
  };
}

/** Small files that every boot reads share blocks: scripts and programs first, then modules in the order of the tree. */
function readFirst(tree: Tree): Map<string, number> {
  const order = new Map<string, number>();
  for (const { path, kind } of tree.entries) {
    if (kind !== 'file') continue;
    if (path === 'init' || path.startsWith('usr/lib/kindling/')) order.set(path, 2);
    else if (/\/modules\.[a-z.]+$/.test(path)) order.set(path, 1);
  }
  return order;
}
