// kindling squash: parses, takes an initramfs apart, and writes it again as a loader with one image (docs/squash.md).

import { located } from '../../errors.ts';
import { nodeDecoders, nodeEncoders } from '../../node/codecs.ts';
import { sha256 } from '../../node/digest.ts';
import { earlyTree, squashScripts } from '../../node/early-tree.ts';
import { openRoot } from '../../node/open-root.ts';
import { fileSource } from '../../node/source.ts';
import { writeAtomically } from '../../node/write.ts';
import type { Forecast, Root } from '../../plan/index.ts';
import { forecast } from '../../plan/index.ts';
import { codecChoice } from '../../verbs/build.ts';
import { type MadeSizes, squashedForecast } from '../../verbs/layout.ts';
import { type Squashing, squash as squashArchive, squashedBytes } from '../../verbs/squash.ts';
import { IMAGE_OPTIONS, type ImageWords, imageWords, insideSize, withImage } from '../layout-words.ts';
import { DRY_RUN_OPTION, KERNEL_OPTION, OUTPUT_OPTION, ROOT_OPTION } from '../options.ts';
import { existing, interruptible } from '../plan-words.ts';
import { printable } from '../report.ts';
import { type Parsed, usageError, type Verb } from '../verb.ts';
import type { World } from '../world.ts';
import { mib } from './plan.ts';

/** The `squash` verb. */
export const squash: Verb = {
  name: 'squash',
  summary: 'put the files of a finished initramfs into one compressed image',
  description: [
    "The last step over an initramfs of any program: kindling's own, initramfs-tools', dracut's with systemd inside. Its files go into a squashfs image, with a loader in front that mounts the image and becomes the init that was there. The image needs less memory than unpacked files do, and is given back at the switch to the root.",
    'The loader takes its programs and modules from the initramfs itself, and from --root where it lacks them. Microcode in front stays as it is. An initramfs that is squashed already, and a kernel that cannot mount the image, are refused with the reason.',
  ],
  positionals: [{ name: 'IMAGE', summary: 'an initramfs', required: true }],
  options: {
    output: OUTPUT_OPTION,
    layout: {
      value: 'LAYOUT',
      choices: ['squash', 'squash-usr'],
      default: 'squash',
      summary: 'all in the image, or only /usr and /etc of it',
    },
    root: { ...ROOT_OPTION, summary: 'a root to take tools and modules from that the initramfs lacks' },
    kernel: { ...KERNEL_OPTION, summary: 'the kernel it is for: a version, or a kernel image file, where its modules do not tell' },
    codec: { value: 'CODEC[:LEVEL]', default: 'zstd:3', summary: 'compression of what is outside the image: zstd, gzip, xz, lz4 or none' },
    ...IMAGE_OPTIONS,
    'dry-run': DRY_RUN_OPTION,
  },
  examples: [
    { command: 'kindling squash /boot/initrd.img-6.1.0 -o squashed.img', does: "squashes the system's own initramfs" },
    { command: 'kindling squash initramfs.img -R /srv/root -o squashed.img', does: 'the same for an initramfs of another root' },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const startedAt = world.now();
  const [path = ''] = parsed.positionals;
  const output = parsed.value('output');
  const dryRun = parsed.flag('dry-run');
  if (output === undefined && !dryRun) throw usageError('squash: -o FILE is missing: where to write');
  const words = imageWords(parsed);
  const codec = codecChoice(parsed.value('codec') ?? 'zstd:3', nodeEncoders());
  world.progress.step('reading the initramfs');
  const made = await squashing(parsed, path, words);
  const { squashed, init, findings } = made;
  world.progress.clear();
  for (const { message } of findings) world.warn(printable(message));
  const facts = { input: path, output: output ?? null, layout: squashed.layout, init: init.kind, kernel: squashed.outside.kernel.version };
  if (dryRun) {
    const cast = squashedForecast(squashed);
    if (world.json) await world.document({ ...facts, written: false, forecast: sizesOf(cast), findings });
    else for (const line of [`would write ${printable(output ?? 'it')}`, ...lines(made)]) await world.out.line(line);
    return 0;
  }
  world.progress.step('compressing', insideSize(squashed));
  const { result: archive, imageSize } = await withImage(squashed, words, sha256, world, async (image, onImage) =>
    writeAtomically(output!, interruptible(squashedBytes(made, { codec, sha256, image, onImage }), world.signal)),
  );
  const sizes = { archive, image: imageSize };
  world.progress.clear();
  if (world.json) {
    const cast = sizesOf(squashedForecast(squashed, sizes));
    await world.document({ ...facts, written: true, size: archive, imageSize, forecast: cast, findings });
  } else {
    for (const line of lines(made, sizes)) world.detail(line);
    const seconds = ((world.now() - startedAt) / 1000).toFixed(2);
    world.note(`${printable(output!)}: ${mib(archive)}, ${INITS[init.kind]}, ${seconds} s`);
  }
  return 0;
}

const INITS: Readonly<Record<Squashing['init']['kind'], string>> = {
  systemd: 'systemd inside',
  script: 'a script inside',
  other: 'an unknown init inside',
  none: 'no init',
};

async function squashing(parsed: Parsed, path: string, words: ImageWords): Promise<Squashing> {
  const decoders = nodeDecoders();
  const layout = parsed.value('layout') === 'squash-usr' ? 'squash-usr' : 'squash';
  const root: Root = await openRoot([parsed.value('root') ?? '/'], decoders);
  const scripts = { squash: squashScripts(), early: earlyTree() };
  try {
    const archive = fileSource(path);
    return squashArchive(
      { layout, kernel: parsed.value('kernel') },
      { archive, decoders, root, scripts, codec: words.name, file: existing },
    );
  } catch (error) {
    throw located(error, { file: path });
  }
}

function sizesOf({ bySegment: _, ...cast }: Forecast): Omit<Forecast, 'bySegment'> {
  return cast;
}

function lines({ squashed, plain }: Squashing, sizes?: MadeSizes): string[] {
  const [before, after] = [forecast(plain), squashedForecast(squashed, sizes)];
  const mebibytes = (size: number): number => Math.ceil(size / 1048576);
  return [
    `archive: ${sizes === undefined ? 'about ' : ''}${mib(after.archiveSize)}, ${mib(after.unpackedSize)} unpacked instead of ${mib(before.unpackedSize)}`,
    `least memory: about ${mebibytes(after.leastMemory)} MiB with root= on the command line instead of ${mebibytes(before.leastMemory)} MiB`,
  ];
}
