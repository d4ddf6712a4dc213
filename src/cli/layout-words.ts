// The options of verbs that make squashed archives, and what they do with them: layout, codec and blocks of the image.
import type { Sha256 } from '../bytes/index.ts';
import { squashScripts } from '../node/early-tree.ts';
import type { ImageCodec, Plan } from '../plan/index.ts';
import { archiveImage } from '../verbs/image.ts';
import { IMAGE_DEFAULTS, pickLayout, type SquashedPlan, type SquashRequest } from '../verbs/layout.ts';
import type { PlanOutside } from '../verbs/plan.ts';
import { BLOCK_OPTIONS, type BlockWords, blockWords, withCompressor } from './block-words.ts';
import type { OptionTable, Parsed } from './verb.ts';
import type { World } from './world.ts';

/** Options that concern the image. */
export const IMAGE_OPTIONS: OptionTable = {
  'image-codec': {
    value: 'CODEC[:LEVEL]',
    default: IMAGE_DEFAULTS.codec,
    summary: 'compression of the image of a squashed archive: zstd, gzip, xz or lz4',
  },
  ...Object.fromEntries(Object.entries(BLOCK_OPTIONS).map(([name, spec]) => [name, { ...spec, summary: `of the image: ${spec.summary}` }])),
};

/** What was said of the image. */
export interface ImageWords extends BlockWords {
  readonly name: ImageCodec;
}

/** Reads the options. Throws USAGE before any work is done. */
export function imageWords(parsed: Parsed): ImageWords {
  const words = blockWords(parsed, parsed.value('image-codec') ?? IMAGE_DEFAULTS.codec);
  return { ...words, name: words.codec.split(':')[0] as ImageCodec };
}

/** What squashing a plan of a root needs. */
export function squashRequest({ root, decoders, earlyTree }: PlanOutside, codec: ImageCodec): Omit<SquashRequest, 'layout'> {
  const scripts = { squash: squashScripts(), early: earlyTree() };
  return { mode: 'return', roots: [root], moduleRoot: root, scripts, decoders, codec };
}

/** With -v: what squashing a plain archive would bring. */
export function sayOther(plan: Plan, outside: PlanOutside, world: World): void {
  if (world.verbosity <= 0) return;
  const { why } = pickLayout(plan, squashRequest(outside, 'zstd'));
  world.detail(`layout squash: ${why}`);
}

/** Bytes of all files in the image. */
export function insideSize({ inside }: SquashedPlan): number {
  return inside.entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.content.size : 0), 0);
}

/** Makes an archive with its image while the compressor is there. `made` gets the image and writes; the answer has the image's size. */
export async function withImage<T>(
  squashed: SquashedPlan,
  words: ImageWords,
  sha256: Sha256,
  world: World,
  made: (image: ReturnType<typeof archiveImage>, onImage: (size: number) => void) => Promise<T>,
): Promise<{ readonly result: T; readonly imageSize: number }> {
  let imageSize = 0;
  const contentSize = insideSize(squashed);
  const result = await withCompressor(words, contentSize, world, async (compressor) => {
    const image = archiveImage(squashed, {
      compressor,
      blockSize: words.blockSize,
      sha256,
      onProgress: (progress) => world.progress.advance(progress.contentSize, 'image'),
    });
    return await made(image, (size) => {
      imageSize = Math.max(imageSize, size);
    });
  });
  return { result, imageSize };
}
