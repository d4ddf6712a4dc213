// How large a plan is, and how much memory a machine needs to boot it. The law was measured by bisection and holds within 8 MiB:
// least RAM = what the kernel needs by itself + the compressed archive + the unpacked files in whole pages.
import type { Tree } from '../tree/index.ts';
import type { Plan, SegmentName } from './plan.ts';

const PAGE_SIZE = 4096;
/** What an amd64 distribution kernel needs before anything is unpacked, in bytes. */
export const KERNEL_FLOOR = 96 * 1024 * 1024;

/** The same for a squashed archive, measured with several: few large files leave less behind while they are unpacked, which is when most is needed. */
const SQUASH_FLOOR = 84 * 1024 * 1024;

/** Sizes in bytes. */
export interface Forecast {
  readonly entryCount: number;
  /** Sum of file sizes. */
  readonly contentSize: number;
  /** Memory the unpacked tree takes: files in whole pages. */
  readonly unpackedSize: number;
  /** The compressed archive: measured when one was made, else an estimate. */
  readonly archiveSize: number;
  readonly isEstimate: boolean;
  /** Least RAM with `root=` on the command line (the archive unpacks into a ramfs without a limit). */
  readonly leastMemory: number;
  /** Least RAM without it: the archive unpacks into a tmpfs that may take half of what is left. */
  readonly leastMemoryTmpfs: number;
  readonly bySegment: ReadonlyMap<SegmentName, { readonly entryCount: number; readonly contentSize: number }>;
}

/** The image of a squashed archive that is to be made: the tree given is then what is outside of it. */
export interface ForecastImage {
  readonly path: string;
  readonly inside: Tree;
  /** Bytes, when it has been made. */
  readonly size?: number | undefined;
}

// zstd at level 3 over kernel modules and programs, as measured on Debian; only used until there is an archive.
const RATIO = 0.29;

// zstd at level 9 in blocks of 128 KiB over the same; what is outside of the image takes a part of the archive, too.
const IMAGE_RATIO = 0.27;

/**
 * The forecast for a plan; `archiveSize` when the archive has been made. For a squashed archive the plan is what is outside: the image
 * counts as one of its files, and is unpacked as it is. What is read of it later can be thrown away again and so needs no memory of its own.
 */
export function forecast(plan: Pick<Plan, 'tree' | 'segmentOf' | 'microcode'>, archiveSize?: number, image?: ForecastImage): Forecast {
  const bySegment = new Map<SegmentName, { entryCount: number; contentSize: number }>();
  let contentSize = 0;
  let unpackedSize = 0;
  const count = (segment: SegmentName, size: number): void => {
    const held = bySegment.get(segment) ?? { entryCount: 0, contentSize: 0 };
    bySegment.set(segment, { entryCount: held.entryCount + 1, contentSize: held.contentSize + size });
  };
  for (const entry of plan.tree.entries) {
    const size = entry.kind === 'file' ? entry.content.size : 0;
    contentSize += size;
    unpackedSize += Math.ceil(size / PAGE_SIZE) * PAGE_SIZE;
    count(plan.segmentOf.get(entry.path) ?? 'base', size);
  }
  let microcodeSize = 0;
  for (const entry of plan.microcode?.entries ?? []) {
    if (entry.kind !== 'file') continue;
    microcodeSize += entry.content.size;
    count('microcode', entry.content.size);
  }
  const estimate = Math.round(contentSize * RATIO) + microcodeSize;
  let imageSize = 0;
  if (image !== undefined) {
    const size = image.inside.entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.content.size : 0), 0);
    imageSize = image.size ?? Math.round(size * IMAGE_RATIO);
    contentSize += imageSize;
    unpackedSize += Math.ceil(imageSize / PAGE_SIZE) * PAGE_SIZE;
    count('image', imageSize);
  }
  const blob = archiveSize ?? estimate + imageSize;
  const floor = image !== undefined || hasImage(plan.tree) ? SQUASH_FLOOR : KERNEL_FLOOR;
  const needed = floor + blob + unpackedSize;
  return {
    entryCount: plan.tree.entries.length + (image === undefined ? 0 : 1),
    contentSize: contentSize + microcodeSize,
    unpackedSize,
    archiveSize: blob,
    isEstimate: archiveSize === undefined,
    leastMemory: needed,
    leastMemoryTmpfs: Math.max(needed, blob + 2 * unpackedSize),
    bySegment,
  };
}

/** Whether an archive is squashed; the names are those of kindling and of dracut. */
function hasImage(tree: Tree): boolean {
  return ['squash-root.img', 'squashfs-root.img', 'erofs-root.img', 'squash/root.img'].some((path) => tree.get(path)?.kind === 'file');
}
