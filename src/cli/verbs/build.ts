// kindling build: parses, plans, and writes the archive (docs/build.md).
import type { MemberProgress } from '../../archive/index.ts';
import { nodeEncoders } from '../../node/codecs.ts';
import { sha256 } from '../../node/digest.ts';
import { writeAtomically } from '../../node/write.ts';
import { forecast, type Plan } from '../../plan/index.ts';
import { build as buildArchive, codecChoice } from '../../verbs/build.ts';
import { LAYOUTS, type LayoutWord, type MadeSizes, pickLayout, type SquashedPlan, squashPlan } from '../../verbs/layout.ts';
import { type PlanOutside, planFor } from '../../verbs/plan.ts';
import { IMAGE_OPTIONS, type ImageWords, imageWords, insideSize, sayOther, squashRequest, withImage } from '../layout-words.ts';
import { OUTPUT_OPTION } from '../options.ts';
import { interruptible, PLAN_OPTIONS, planOutside, planWords } from '../plan-words.ts';
import { printable } from '../report.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';
import { forecastLines, mib, planDocument } from './plan.ts';

/** The `build` verb. */
export const build: Verb = {
  name: 'build',
  summary: 'make a boot archive for a root and its kernel',
  description: [
    'Plans as `kindling plan` does and writes the archive. The file appears whole or not at all: it is written beside its place, synced, and then given its name, so that what was there before is untouched when anything fails.',
    'Without -o the archive is kindling-VERSION.img in the current directory. Equal roots and options give equal bytes, on any machine and for any user.',
  ],
  positionals: [],
  options: {
    ...PLAN_OPTIONS,
    output: { ...OUTPUT_OPTION, default: 'kindling-VERSION.img' },
    codec: { value: 'CODEC[:LEVEL]', default: 'zstd:3', summary: 'compression: zstd, gzip, xz, lz4 or none' },
    layout: {
      value: 'LAYOUT',
      choices: LAYOUTS,
      default: 'plain',
      summary: 'plain, all in one squashfs image (squash), /usr and /etc in one (squash-usr), or what needs less memory (auto)',
    },
    ...IMAGE_OPTIONS,
    'single-frame': {
      summary: 'one cpio in one compressed frame: slower to make, but lsinitrd, unmkinitramfs and cpio see all of it',
    },
    'dry-run': { short: 'n', summary: 'plan, print what would be written, and write nothing' },
    strict: { summary: 'write nothing when the plan has an error finding' },
  },
  examples: [
    { command: 'kindling build --root /srv/root -o boot.img', does: "makes an archive for the root's newest kernel" },
    {
      command: 'kindling build --root /srv/root --layout squash -o boot.img',
      does: 'makes one that needs less memory: a loader, and all else in one compressed image',
    },
    {
      command: 'kindling build --root /srv/root -k 6.1.0-56-amd64 --codec xz:9 -o boot.img',
      does: 'the same for one kernel, as small as it gets',
    },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const startedAt = world.now();
  world.progress.step('planning');
  const outside = await planOutside(parsed);
  const { plan, configuration } = planFor(planWords(parsed), outside);
  const codec = codecChoice(parsed.value('codec') ?? configuration.settings.codec[0]!, nodeEncoders());
  const layout = (parsed.value('layout') ?? configuration.settings.layout[0]) as LayoutWord;
  const words = imageWords(parsed);
  const { squashed, why } = squashedFor(plan, layout, words, outside);
  const path = parsed.value('output') ?? `kindling-${plan.kernel.version}.img`;
  world.progress.clear();
  for (const { severity, message } of plan.findings) {
    if (severity === 'note') world.detail(printable(message));
    else world.warn(printable(message));
  }
  const chosen = squashed?.layout ?? 'plain';
  if (why !== undefined) world.note(`layout ${chosen}: ${printable(why)}`);
  const errors = plan.findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0 && parsed.flag('strict')) {
    world.note(`nothing is written: ${errors.length} error finding${errors.length === 1 ? '' : 's'}`);
    return 1;
  }
  const facts = { output: path, layout: chosen, ...(why === undefined ? {} : { why }) };
  if (parsed.flag('dry-run')) {
    if (world.json) await world.document({ ...facts, written: false, ...planDocument(plan, squashed) });
    else for (const line of [`would write ${printable(path)}`, ...forecastLines(plan, squashed)]) await world.out.line(line);
    return 0;
  }
  const options = {
    codec,
    sha256,
    singleFrame: parsed.flag('single-frame'),
    onMember: ({ segment, unpackedSize }: MemberProgress) => world.progress.advance(unpackedSize, segment),
  };
  let sizes: MadeSizes;
  if (squashed === undefined) {
    world.progress.step('compressing', forecast(plan).contentSize);
    const archive = await writeAtomically(path, interruptible(buildArchive(plan, options), world.signal));
    sizes = { archive, image: 0 };
  } else {
    world.progress.step('compressing', insideSize(squashed));
    const { result, imageSize } = await withImage(squashed, words, sha256, world, async (image, onImage) =>
      writeAtomically(path, interruptible(buildArchive(squashed.outside, { ...options, image, onImage }), world.signal)),
    );
    sizes = { archive: result, image: imageSize };
  }
  world.progress.clear();
  if (world.json) await world.document({ ...facts, written: true, size: sizes.archive, ...planDocument(plan, squashed, sizes) });
  else {
    for (const line of forecastLines(plan, squashed, sizes)) world.detail(line);
    if (layout === 'plain') sayOther(plan, outside, world);
    const modules = `${plan.packed.length} modules`;
    world.note(`${printable(path)}: ${mib(sizes.archive)}, ${modules}, ${((world.now() - startedAt) / 1000).toFixed(2)} s`);
  }
  return errors.length > 0 ? 1 : 0;
}

/** The squashed plan that the layout asks for, or undefined for a plain one; `why` when kindling chose. */
function squashedFor(
  plan: Plan,
  layout: LayoutWord,
  { name }: ImageWords,
  outside: PlanOutside,
): { readonly squashed: SquashedPlan | undefined; readonly why?: string } {
  if (layout === 'plain') return { squashed: undefined };
  const request = squashRequest(outside, name);
  return layout === 'auto' ? pickLayout(plan, request) : { squashed: squashPlan(plan, { ...request, layout }) };
}
