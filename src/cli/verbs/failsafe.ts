// kindling failsafe: parses, plans, and writes the failsafe archive and the kernel it is for (docs/failsafe.md).

import { type ByteSource, readAll } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { nodeDecoders, nodeEncoders } from '../../node/codecs.ts';
import { sha256 } from '../../node/digest.ts';
import { earlyTree } from '../../node/early-tree.ts';
import { IS_BUNDLED } from '../../node/home.ts';
import { openRoot } from '../../node/open-root.ts';
import { ownProgram } from '../../node/own-program.ts';
import { writeAtomically } from '../../node/write.ts';
import { findFile, kernelImageOf } from '../../plan/index.ts';
import { build as buildArchive, codecChoice } from '../../verbs/build.ts';
import { type FailsafeMemory, type FailsafeOutside, failsafeMemory, failsafePlan } from '../../verbs/failsafe.ts';
import { type MadeSizes, squashedForecast, squashPlan } from '../../verbs/layout.ts';
import { IMAGE_OPTIONS, imageWords, insideSize, squashRequest, withImage } from '../layout-words.ts';
import { DRY_RUN_OPTION, KERNEL_OPTION, OUTPUT_OPTION } from '../options.ts';
import { existing, interruptible } from '../plan-words.ts';
import { printable } from '../report.ts';
import type { Parsed, Verb } from '../verb.ts';
import type { World } from '../world.ts';
import { mib } from './plan.ts';

const NAME = 'boot/kindling-failsafe';

/** The `failsafe` verb. */
export const failsafe: Verb = {
  name: 'failsafe',
  summary: 'make the archive that repairs a machine which does not boot',
  description: [
    'Makes a self-sufficient archive: drivers for any machine this kernel supports, a shell, checkers of file systems, editors, and kindling itself. Booted from the menu it finds the installed systems, offers to mount one on /a, says what is out of step there, and makes its archives anew. It depends on nothing that was detected and has no record: it is made once.',
    'Beside the archive, /boot/kindling-failsafe.img, a copy of its kernel is kept, /boot/kindling-failsafe.vmlinuz, so that the removal of a kernel leaves it usable. The word kindling.failsafe=repair on the kernel command line repairs without asking where there is exactly one installed system.',
  ],
  positionals: [],
  options: {
    root: { short: 'R', value: 'ROOT', default: '/', summary: 'the root to make it from and for: a directory', completes: 'directory' },
    kernel: KERNEL_OPTION,
    output: { ...OUTPUT_OPTION, default: 'ROOT/boot/kindling-failsafe.img' },
    ...IMAGE_OPTIONS,
    'dry-run': DRY_RUN_OPTION,
  },
  examples: [
    { command: 'kindling failsafe', does: 'makes /boot/kindling-failsafe.img for the newest kernel' },
    { command: 'kindling failsafe -R /srv/root -o rescue.img', does: 'makes one for another root' },
  ],
  run,
};

async function outsideOf(base: string): Promise<FailsafeOutside> {
  const decoders = nodeDecoders();
  const root = await openRoot([base], decoders);
  // A clone has no private Node of its own: where the root has kindling, that one is taken.
  const program = !IS_BUNDLED && root.entry('usr/lib/kindling/node') !== undefined ? undefined : ownProgram(decoders);
  return { root, decoders, file: existing, hostFacts: noFacts, earlyTree, program };
}

function noFacts(): never {
  throw new KindlingError('INTERNAL', 'a failsafe archive depends on no machine');
}

/** The image of the kernel: the file that was named, else that of the root. */
function kernelSource(named: string | undefined, version: string, { root, file }: FailsafeOutside): ByteSource | undefined {
  if (named?.includes('/') === true) return file(named);
  const path = kernelImageOf(root, version);
  return path === undefined ? undefined : findFile(root, path)?.content;
}

function needs({ start, repair }: FailsafeMemory): string {
  return `needs ${mib(start)} of RAM, ${mib(repair)} to repair`;
}

async function run(parsed: Parsed, world: World): Promise<number> {
  const startedAt = world.now();
  world.progress.step('planning');
  const base = parsed.value('root') ?? '/';
  const outside = await outsideOf(base);
  const { plan } = failsafePlan(parsed.value('kernel'), outside);
  const words = imageWords(parsed);
  // nothing returns to the loader: no root is entered after this
  const squashed = squashPlan(plan, { ...squashRequest(outside, words.name), layout: 'squash', mode: 'drop' });
  const kernel = kernelSource(parsed.value('kernel'), plan.kernel.version, outside);
  world.progress.clear();
  if (kernel === undefined)
    world.warn(`${printable(outside.root.label)} holds no image of kernel ${plan.kernel.version}: none is kept beside the archive`);
  for (const { severity, message } of plan.findings) {
    if (severity === 'error') world.warn(printable(message));
    else world.detail(printable(message));
  }
  const below = (path: string): string => `${base.replace(/\/+$/, '')}/${path}`;
  const archive = parsed.value('output') ?? below(`${NAME}.img`);
  const image = `${archive.replace(/\.img$/, '')}.vmlinuz`;
  const facts = { kernel: plan.kernel.version, archive, image: kernel === undefined ? null : image };
  if (parsed.flag('dry-run')) {
    const memory = failsafeMemory(squashedForecast(squashed));
    if (world.json) await world.document({ ...facts, written: false, memory: memory.start, repairMemory: memory.repair });
    else await world.out.line(`would write ${printable(archive)} for kernel ${plan.kernel.version}, ${needs(memory)}`);
    return 0;
  }
  world.progress.step('compressing', insideSize(squashed));
  const codec = codecChoice('zstd:9', nodeEncoders());
  const { result, imageSize } = await withImage(squashed, words, sha256, world, async (made, onImage) =>
    writeAtomically(archive, interruptible(buildArchive(squashed.outside, { codec, sha256, image: made, onImage }), world.signal), {
      mode: 0o600,
    }),
  );
  if (kernel !== undefined) await writeAtomically(image, [readAll(kernel)], { mode: 0o600 });
  const sizes: MadeSizes = { archive: result, image: imageSize };
  const memory = failsafeMemory(squashedForecast(squashed, sizes));
  world.progress.clear();
  if (world.json) await world.document({ ...facts, written: true, size: sizes.archive, memory: memory.start, repairMemory: memory.repair });
  else {
    const seconds = ((world.now() - startedAt) / 1000).toFixed(2);
    world.note(`${printable(archive)}: ${mib(sizes.archive)}, kernel ${plan.kernel.version}, ${needs(memory)}, ${seconds} s`);
  }
  return 0;
}
