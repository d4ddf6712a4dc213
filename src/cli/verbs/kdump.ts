// kindling kdump: parses, builds the archive of a capture kernel, says what must be reserved for it, and proves it (docs/kdump.md).
import { resolve } from 'node:path';
import type { MemberProgress } from '../../archive/index.ts';
import { KindlingError } from '../../errors.ts';
import { DISK_BUSES } from '../../machine/index.ts';
import { nodeEncoders } from '../../node/codecs.ts';
import { sha256 } from '../../node/digest.ts';
import { squashScripts } from '../../node/early-tree.ts';
import { fileSource } from '../../node/source.ts';
import { writeAtomically } from '../../node/write.ts';
import { findFile, forecast, kernelImageOf } from '../../plan/index.ts';
import { build as buildArchive, codecChoice } from '../../verbs/build.ts';
import { type KdumpPlanned, type KdumpUse, kdumpPlan, kdumpUse, type Reservation, reservation } from '../../verbs/kdump.ts';
import type { CrashProof, CrashRequest, LeastCrash } from '../../verbs/kdump-prove.ts';
import { type MadeSizes, type SquashedPlan, squashPlan } from '../../verbs/layout.ts';
import type { PlanOutside } from '../../verbs/plan.ts';
import { diskBus, diskFrom } from '../disk-words.ts';
import { type KdumpResult, printKdump } from '../kdump-lines.ts';
import { IMAGE_OPTIONS, type ImageWords, imageWords, insideSize, withImage } from '../layout-words.ts';
import { DRY_RUN_OPTION, OUTPUT_OPTION } from '../options.ts';
import { interruptible, PLAN_OPTIONS, planOutside, planWords } from '../plan-words.ts';
import { printable } from '../report.ts';
import { type Parsed, usageError, type Verb } from '../verb.ts';
import type { World } from '../world.ts';

const MIB = 1 << 20;
const TIMEOUT = 180;
const ACTIONS = ['reboot', 'poweroff', 'halt', 'shell'];

/** The `kdump` verb. */
export const kdump: Verb = {
  name: 'kdump',
  summary: 'make the archive that saves a crashed kernel, and prove it',
  description: [
    "Builds the archive of a capture kernel: it looks for the dump target instead of a root, saves the crashed kernel's memory and messages there, and restarts the machine. Says how much memory crashkernel= must reserve, and how to put the archive to use.",
    "The target is DEVICE[:DIRECTORY] for a file system (UUID=, LABEL=, PARTUUID=, PARTLABEL=, /dev/...), or raw:DEVICE for a partition that holds nothing else. Unless told it is the file system that holds /var/crash, as the root's fstab says.",
    'With --prove a machine in QEMU reserves what was advised, loads the archive with the kexec of the root, and crashes; what the capture kernel saved is read back from the disk and checked. Disk images are copied first, never written to. Exit code 1 means that no whole dump was saved.',
  ],
  positionals: [],
  options: {
    ...PLAN_OPTIONS,
    target: { short: 't', value: 'TARGET', summary: 'where dumps are saved: DEVICE[:DIRECTORY] or raw:DEVICE' },
    format: {
      value: 'FORMAT',
      choices: ['lzo', 'zlib', 'snappy', 'zstd', 'elf', 'copy'],
      default: 'lzo',
      summary: "makedumpfile's format, or a plain copy",
    },
    level: { value: 'LEVEL', default: '31', summary: "makedumpfile's level: which kinds of pages are left out" },
    final: { value: 'ACTION', choices: ACTIONS, default: 'reboot', summary: 'what follows a saved dump' },
    failure: { value: 'ACTION', choices: ACTIONS, default: 'reboot', summary: 'what follows when no dump could be saved' },
    output: { ...OUTPUT_OPTION, default: 'kindling-kdump-VERSION.img' },
    codec: { value: 'CODEC[:LEVEL]', default: 'zstd:3', summary: 'compression: zstd, gzip, xz, lz4 or none' },
    layout: {
      value: 'LAYOUT',
      choices: ['plain', 'squash'],
      default: 'squash where the kernel can mount one',
      summary: 'plain, or all but a loader in one squashfs image, which needs less memory',
    },
    ...IMAGE_OPTIONS,
    'dry-run': DRY_RUN_OPTION,
    prove: { summary: 'crash a machine in QEMU and read the dump back' },
    'min-memory': { summary: 'with --prove: search the least crashkernel= that works, to 8 MiB' },
    crashkernel: { value: 'MIB', summary: 'with --prove: reserve this instead of what is advised' },
    disk: {
      value: 'FILE',
      multiple: true,
      summary: 'with --prove: image of a disk of the machine; one is made unless told',
      completes: 'file',
    },
    'disk-bus': { value: 'BUS', choices: DISK_BUSES, default: 'virtio', summary: 'with --prove: how disks are attached' },
    dump: { value: 'FILE', summary: 'with --prove: keep what was saved in this file', completes: 'file' },
    memory: { short: 'm', value: 'MIB', summary: 'with --prove: memory of the machine' },
    append: { value: 'WORDS', multiple: true, summary: 'words for the command line of the capture kernel' },
    timeout: { value: 'SECONDS', default: String(TIMEOUT), summary: 'with --prove: give up after this time' },
  },
  examples: [
    { command: 'kindling kdump --root / -o /var/lib/kdump/capture.img', does: 'makes the archive for /var/crash and says what to reserve' },
    {
      command: 'kindling kdump --root /srv/root --target LABEL=data:/crash --prove',
      does: 'makes it, crashes a machine, and checks the dump',
    },
    {
      command: 'kindling kdump --root /srv/root --target raw:PARTUUID=9e1f4a86-01 -n',
      does: 'says what would be needed, and writes nothing',
    },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  for (const name of ['min-memory', 'crashkernel', 'disk', 'dump', 'memory'] as const) {
    if (parsed.values(name).length > 0 && !parsed.flag('prove')) throw usageError(`kdump: --${name} is for --prove`);
  }
  world.progress.step('planning');
  const outside = await planOutside(parsed);
  const planned = kdumpPlan(words(parsed), outside);
  const { plan, configuration } = planned;
  const codec = codecChoice(parsed.value('codec') ?? configuration.settings.codec[0]!, nodeEncoders());
  const path = parsed.value('output') ?? `kindling-kdump-${plan.kernel.version}.img`;
  world.progress.clear();
  for (const { severity, message } of plan.findings) {
    if (severity === 'note') world.detail(printable(message));
    else world.warn(printable(message));
  }
  const images = imageWords(parsed);
  const squashed = squashedFor(parsed, planned, images, outside, world);
  const append = parsed.values('append').join(' ');
  const result = (reserve: Reservation, size: number | undefined): Omit<KdumpResult, 'proof' | 'least'> => {
    const use = kdumpUse(plan, reserve, resolve(path), append);
    return { planned, layout: squashed === undefined ? 'plain' : 'squash', reserve, use, output: path, size };
  };
  if (parsed.flag('dry-run')) {
    if (parsed.flag('prove')) throw usageError('kdump: --dry-run writes no archive, which --prove needs');
    await printKdump({ ...result(reservation(plan, squashed, undefined), undefined), proof: undefined, least: undefined }, world);
    return 0;
  }
  const sizes = await written(path, planned, squashed, images, codec, world);
  const reserve = reservation(plan, squashed, sizes);
  const made = result(reserve, sizes.archive);
  const request = parsed.flag('prove') ? crashRequest(parsed, outside, planned, reserve, made.use, path) : undefined;
  const { proof, least } = request === undefined ? { proof: undefined, least: undefined } : await proved(request, parsed, reserve, world);
  await printKdump({ ...made, proof, least }, world);
  return proof === undefined || (proof.reached && (least === undefined || least.found !== undefined)) ? 0 : 1;
}

/** The squashed plan, unless a plain one is asked for or, where nothing is said, the kernel could not mount it. */
function squashedFor(parsed: Parsed, { plan }: KdumpPlanned, { name }: ImageWords, outside: PlanOutside, world: World) {
  const layout = parsed.value('layout');
  if (layout === 'plain') return undefined;
  const { root, decoders, earlyTree } = outside;
  const scripts = { squash: squashScripts(), early: earlyTree() };
  try {
    // nothing returns to the loader: no root is entered after this
    return squashPlan(plan, { mode: 'drop', layout: 'squash', roots: [root], moduleRoot: root, scripts, decoders, codec: name });
  } catch (error) {
    if (layout !== undefined || !(error instanceof KindlingError) || !['UNSUPPORTED', 'NO_PROGRAM'].includes(error.code)) throw error;
    world.note(`layout plain: ${printable(error.message)}`);
    return undefined;
  }
}

async function written(
  path: string,
  { plan }: KdumpPlanned,
  squashed: SquashedPlan | undefined,
  images: ImageWords,
  codec: ReturnType<typeof codecChoice>,
  world: World,
): Promise<MadeSizes> {
  world.progress.step('compressing', squashed === undefined ? forecast(plan).contentSize : insideSize(squashed));
  try {
    if (squashed === undefined) {
      const onMember = ({ segment, unpackedSize }: MemberProgress): void => world.progress.advance(unpackedSize, segment);
      return {
        archive: await writeAtomically(path, interruptible(buildArchive(plan, { codec, sha256, onMember }), world.signal)),
        image: 0,
      };
    }
    const { result, imageSize } = await withImage(squashed, images, sha256, world, async (image, onImage) =>
      writeAtomically(path, interruptible(buildArchive(squashed.outside, { codec, sha256, image, onImage }), world.signal)),
    );
    return { archive: result, image: imageSize };
  } finally {
    world.progress.clear();
  }
}

function words(parsed: Parsed) {
  const [target, format, level, final, failure] = ['target', 'format', 'level', 'final', 'failure'].map((name) => parsed.value(name));
  return { ...planWords(parsed), target, format, level, final, failure };
}

function crashRequest(
  parsed: Parsed,
  outside: PlanOutside,
  planned: KdumpPlanned,
  reserve: Reservation,
  use: KdumpUse,
  path: string,
): CrashRequest {
  const { plan, target } = planned;
  const crashkernel = parsed.number('crashkernel', { least: 16, most: 1 << 16 }) ?? reserve.advised / MIB;
  const bus = diskBus(parsed.value('disk-bus') ?? 'virtio');
  return {
    root: outside.root,
    early: outside.earlyTree(),
    kernel: { version: plan.kernel.version, image: kernelImage(parsed, outside, plan.kernel.version) },
    archive: fileSource(path),
    target,
    captureLine: use.commandLine,
    crashkernel,
    // loading holds the archive and the kernel several times over
    memory: parsed.number('memory', { least: 64, most: 1 << 20 }) ?? Math.max(768, Math.ceil((crashkernel + 512) / 256) * 256),
    disks: parsed
      .values('disk')
      .map((value) => diskFrom(value, { bus, writes: false }, () => false))
      .map((disk) => ({ ...disk, file: resolve(disk.file) })),
    bus,
    timeout: parsed.number('timeout', { least: 1, most: 86_400 }) ?? TIMEOUT,
    processors: 1,
    codec: codecChoice('zstd:1', nodeEncoders()),
    sha256,
  };
}

function kernelImage(parsed: Parsed, { root, file }: PlanOutside, version: string) {
  const given = parsed.value('kernel');
  const source = given?.includes('/') === true ? file(given) : undefined;
  if (source !== undefined) return source;
  const path = kernelImageOf(root, version);
  const found = path === undefined ? undefined : findFile(root, path);
  if (found !== undefined) return found.content;
  throw new KindlingError('NO_KERNEL', `${root.label} holds no image of kernel ${version}, which a proof starts; name one with -k FILE`);
}

interface Proved {
  readonly proof: CrashProof;
  readonly least: LeastCrash | undefined;
}

async function proved(asked: CrashRequest, parsed: Parsed, reserve: Reservation, world: World): Promise<Proved> {
  const { leastCrashkernel, pieces, proveCrash } = await import('../../verbs/kdump-prove.ts');
  const { crashOutside } = await import('../../node/crash-outside.ts');
  const keep = parsed.value('dump');
  const request: CrashRequest =
    keep === undefined ? asked : { ...asked, keep: async (dump) => void (await writeAtomically(keep, pieces(dump))) };
  world.note(`a machine with ${request.memory} MiB crashes; crashkernel=${request.crashkernel}M`);
  const seconds = (value: number): string => `${value.toFixed(2).padStart(7)} s`;
  const watch = {
    signal: world.signal,
    onPhase: ({ name, at, memory }: CrashProof['proof']['phases'][number]) =>
      world.note(
        `${seconds(at)}  ${name.padEnd(9)}${memory === null ? '' : ` ${String(Math.round(memory / 1024)).padStart(5)} MiB available`}`,
      ),
    onFact: (key: string, value: string, at: number) => world.detail(`${seconds(at)}  ${key} ${printable(value)}`),
  };
  if (!parsed.flag('min-memory')) return { proof: await proveCrash(request, crashOutside(), watch), least: undefined };
  const from = Math.round((reserve.kernel + reserve.archive + reserve.unpacked) / MIB);
  const onTrial = (size: number): void => world.note(`trying crashkernel=${size}M`);
  const least = await leastCrashkernel(request, from, crashOutside(), { ...watch, onTrial });
  return { proof: least.first, least };
}
