// kindling build: parses, plans, and writes the archive (docs/build.md).
import { KindlingError } from '../../errors.ts';
import { nodeEncoders } from '../../node/codecs.ts';
import { sha256 } from '../../node/digest.ts';
import { writeAtomically } from '../../node/write.ts';
import { forecast } from '../../plan/index.ts';
import { build as buildArchive, codecChoice } from '../../verbs/build.ts';
import { planFor } from '../../verbs/plan.ts';
import { OUTPUT_OPTION } from '../options.ts';
import { PLAN_OPTIONS, planOutside, planWords } from '../plan-words.ts';
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
    'single-frame': {
      summary: 'one cpio in one compressed frame: slower to make, but lsinitrd, unmkinitramfs and cpio see all of it',
    },
    'dry-run': { short: 'n', summary: 'plan, print what would be written, and write nothing' },
    strict: { summary: 'write nothing when the plan has an error finding' },
  },
  examples: [
    { command: 'kindling build --root /srv/root -o boot.img', does: "makes an archive for the root's newest kernel" },
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
  const path = parsed.value('output') ?? `kindling-${plan.kernel.version}.img`;
  world.progress.clear();
  for (const { severity, message } of plan.findings) {
    if (severity === 'note') world.detail(printable(message));
    else world.warn(printable(message));
  }
  const errors = plan.findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0 && parsed.flag('strict')) {
    world.note(`nothing is written: ${errors.length} error finding${errors.length === 1 ? '' : 's'}`);
    return 1;
  }
  if (parsed.flag('dry-run')) {
    if (world.json) await world.document({ output: path, written: false, ...planDocument(plan) });
    else for (const line of [`would write ${printable(path)}`, ...forecastLines(plan)]) await world.out.line(line);
    return 0;
  }
  const { contentSize } = forecast(plan);
  world.progress.step('compressing', contentSize);
  const chunks = buildArchive(plan, {
    codec,
    sha256,
    singleFrame: parsed.flag('single-frame'),
    onMember: ({ segment, unpackedSize }) => world.progress.advance(unpackedSize, segment),
  });
  const size = await writeAtomically(path, interruptible(chunks, world.signal));
  world.progress.clear();
  if (world.json) await world.document({ output: path, written: true, size, ...planDocument(plan, size) });
  else {
    for (const line of forecastLines(plan, size)) world.detail(line);
    world.note(`${printable(path)}: ${mib(size)}, ${plan.packed.length} modules, ${((world.now() - startedAt) / 1000).toFixed(2)} s`);
  }
  return errors.length > 0 ? 1 : 0;
}

async function* interruptible(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (signal.aborted) throw new KindlingError('INTERRUPTED', 'a signal came while the archive was being written');
    yield chunk;
  }
}
