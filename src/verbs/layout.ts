// The layouts of archives: plain, or squashed with everything in one image. Chooses, says why, and makes the two halves of a squashed one.
import type { Decoder } from '../codecs/index.ts';
import { KindlingError } from '../errors.ts';
import {
  type Forecast,
  forecast,
  type ImageCodec,
  type LoaderScripts,
  type Plan,
  planLoader,
  type Root,
  SQUASH_LAYOUTS,
  type SquashLayout,
  type SquashMode,
  split,
  squashFaults,
  usrTrees,
} from '../plan/index.ts';
import type { Tree } from '../tree/index.ts';

/** Layouts a person can ask for. */
export const LAYOUTS = ['plain', 'squash', 'squash-usr', 'auto'] as const;
/** One of them. */
export type LayoutWord = (typeof LAYOUTS)[number];

/** How an image is compressed unless a person says otherwise. */
export const IMAGE_DEFAULTS = { codec: 'zstd:9', blockSize: 131072 } as const;

/** Bytes of least memory that `auto` wants to save before it squashes. */
export const AUTO_SAVES = 16 << 20;

/** A plan in two halves: what is outside the image, as a plan of its own, and what is in it. */
export interface SquashedPlan {
  readonly layout: SquashLayout['name'];
  readonly outside: Plan;
  readonly inside: Tree;
  /** Path of the image outside. */
  readonly image: string;
}

/** What squashing a plan needs beside the plan. */
export interface SquashRequest {
  readonly layout: SquashLayout['name'];
  readonly mode: SquashMode;
  /** Where the loader's programs may come from, the preferred one first. */
  readonly roots: readonly Root[];
  /** Where the kernel's modules are. */
  readonly moduleRoot: Root;
  readonly scripts: LoaderScripts;
  readonly decoders: readonly Decoder[];
  readonly codec: ImageCodec;
}

/** Splits a plan. Throws UNSUPPORTED with the reasons when the kernel cannot mount the image; NO_PROGRAM when there is nothing to mount it with. */
export function squashPlan(plan: Plan, request: SquashRequest): SquashedPlan {
  const { roots, moduleRoot, scripts, decoders, codec, mode } = request;
  const faults = squashFaults(plan.kernel, moduleRoot, decoders, codec);
  if (faults.length > 0) throw new KindlingError('UNSUPPORTED', `a squashed archive cannot be booted: ${faults.join('; ')}`);
  const layout = SQUASH_LAYOUTS[request.layout];
  const trees = layout.name === 'squash-usr' ? usrTrees(plan.tree) : [];
  const loader = planLoader({ ...scripts, layout, mode, roots, moduleRoot, kernel: plan.kernel, decoders, trees });
  const { outside, inside, image, reasons } = split(plan.tree, plan.reasons, loader, layout);
  const segmentOf = new Map(outside.entries.map(({ path }) => [path, plan.segmentOf.get(path) ?? ('base' as const)]));
  return { layout: layout.name, outside: { ...plan, tree: outside, reasons, segmentOf }, inside, image };
}

function occupied({ archiveSize, unpackedSize }: Forecast): number {
  return archiveSize + unpackedSize;
}

/** Bytes of least memory that squashing saves; negative when it costs some. What the kernel needs by itself is the same for both. */
export function savedMemory(plain: Forecast, squashed: Forecast): number {
  return occupied(plain) - occupied(squashed);
}

/** What `auto` picks: squashed when that saves enough memory and can be done. `why` is one clause. */
export function pickLayout(
  plan: Plan,
  request: Omit<SquashRequest, 'layout'>,
): { readonly squashed: SquashedPlan | undefined; readonly why: string } {
  let squashed: SquashedPlan;
  try {
    squashed = squashPlan(plan, { ...request, layout: 'squash' });
  } catch (error) {
    if (!(error instanceof KindlingError) || (error.code !== 'UNSUPPORTED' && error.code !== 'NO_PROGRAM')) throw error;
    return { squashed: undefined, why: error.message };
  }
  const [plain, cast] = [forecast(plan), squashedForecast(squashed)];
  const mib = (size: number): string => `${Math.round(size / 1048576)} MiB`;
  const saved = savedMemory(plain, cast);
  const takes = `archive and unpacked files take ${mib(occupied(cast))} instead of ${mib(occupied(plain))}`;
  const why =
    saved > 0
      ? `squashing saves about ${mib(saved)} of least memory (${takes}), ${mib(AUTO_SAVES)} are asked for`
      : `squashing saves no memory (${takes})`;
  return { squashed: saved >= AUTO_SAVES ? squashed : undefined, why };
}

/** Sizes in bytes of a squashed archive that was made. */
export interface MadeSizes {
  readonly archive: number;
  readonly image: number;
}

/** The forecast of a squashed plan; with the sizes when the archive has been made. */
export function squashedForecast({ outside, inside, image }: SquashedPlan, sizes?: MadeSizes): Forecast {
  return forecast(outside, sizes?.archive, { path: image, inside, size: sizes?.image });
}
