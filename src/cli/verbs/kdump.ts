// kindling kdump: parses, builds the archive of a capture kernel, says what must be reserved for it, and proves it (docs/kdump.md).
import { resolve } from 'node:path';
import { KindlingError } from '../../errors.ts';
import { DISK_BUSES, GRID_MIB } from '../../machine/index.ts';
import { nodeEncoders } from '../../node/codecs.ts';
import { sha256 } from '../../node/digest.ts';
import { fileSource } from '../../node/source.ts';
import { writeAtomically } from '../../node/write.ts';
import { findFile, forecast, type KdumpTarget, kernelImageOf } from '../../plan/index.ts';
import { build as buildArchive, codecChoice } from '../../verbs/build.ts';
import { type KdumpPlanned, type KdumpUse, kdumpPlan, kdumpUse, type Reservation, reservation } from '../../verbs/kdump.ts';
import type { CrashProof, CrashRequest, LeastCrash } from '../../verbs/kdump-prove.ts';
import type { PlanOutside } from '../../verbs/plan.ts';
import { diskBus, diskFrom } from '../disk-words.ts';
import { DRY_RUN_OPTION, OUTPUT_OPTION } from '../options.ts';
import { PLAN_OPTIONS, planOutside, planWords } from '../plan-words.ts';
import { printable } from '../report.ts';
import { type Parsed, usageError, type Verb } from '../verb.ts';
import type { World } from '../world.ts';
import { mib } from './plan.ts';

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
  for (const name of ['min-memory', 'crashkernel', 'disk', 'memory'] as const) {
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
  if (parsed.flag('dry-run')) {
    if (parsed.flag('prove')) throw usageError('kdump: --dry-run writes no archive, which --prove needs');
    const reserve = reservation(plan, forecast(plan).archiveSize);
    await report({ parsed, world, planned, reserve, path, size: undefined, proof: undefined, least: undefined });
    return 0;
  }
  world.progress.step('compressing', forecast(plan).contentSize);
  const chunks = buildArchive(plan, {
    codec,
    sha256,
    onMember: ({ segment, unpackedSize }) => world.progress.advance(unpackedSize, segment),
  });
  const size = await writeAtomically(path, interruptible(chunks, world.signal));
  world.progress.clear();
  const reserve = reservation(plan, size);
  const request = parsed.flag('prove') ? crashRequest(parsed, outside, planned, reserve, path) : undefined;
  const { proof, least } = request === undefined ? { proof: undefined, least: undefined } : await proved(request, parsed, reserve, world);
  await report({ parsed, world, planned, reserve, path, size, proof, least });
  return proof === undefined || (proof.reached && (least === undefined || least.found !== undefined)) ? 0 : 1;
}

function words(parsed: Parsed) {
  const [target, format, level, final, failure] = ['target', 'format', 'level', 'final', 'failure'].map((name) => parsed.value(name));
  return { ...planWords(parsed), target, format, level, final, failure };
}

async function* interruptible(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (signal.aborted) throw new KindlingError('INTERRUPTED', 'a signal came while the archive was being written');
    yield chunk;
  }
}

function crashRequest(parsed: Parsed, outside: PlanOutside, planned: KdumpPlanned, reserve: Reservation, path: string): CrashRequest {
  const { plan, target } = planned;
  const crashkernel = parsed.number('crashkernel', { least: 16, most: 1 << 16 }) ?? reserve.advised / MIB;
  const bus = diskBus(parsed.value('disk-bus') ?? 'virtio');
  return {
    root: outside.root,
    early: outside.earlyTree(),
    kernel: { version: plan.kernel.version, image: kernelImage(parsed, outside, plan.kernel.version) },
    archive: fileSource(path),
    target,
    captureLine: kdumpUse(plan, reserve, path, parsed.values('append').join(' ')).commandLine,
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

async function proved(request: CrashRequest, parsed: Parsed, reserve: Reservation, world: World): Promise<Proved> {
  const { leastCrashkernel, proveCrash } = await import('../../verbs/kdump-prove.ts');
  const { crashOutside } = await import('../../node/crash-outside.ts');
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

interface Result {
  readonly parsed: Parsed;
  readonly world: World;
  readonly planned: KdumpPlanned;
  readonly reserve: Reservation;
  readonly path: string;
  /** Undefined when nothing was written. */
  readonly size: number | undefined;
  readonly proof: CrashProof | undefined;
  readonly least: LeastCrash | undefined;
}

function targetText(target: KdumpTarget): string {
  return target.kind === 'raw'
    ? `the partition ${target.device}`
    : `/${target.path} on ${target.device}${target.type === undefined ? '' : ` (${target.type})`}`;
}

async function report({ parsed, world, planned, reserve, path, size, proof, least }: Result): Promise<void> {
  const { plan, target } = planned;
  const use = kdumpUse(plan, reserve, resolve(path), parsed.values('append').join(' '));
  if (world.json) {
    const minMemory = least?.found === undefined ? undefined : { measured: least.found.least, grid: GRID_MIB, trials: least.found.trials };
    await world.document({
      output: path,
      written: size !== undefined,
      size: size ?? null,
      target,
      reserve,
      use,
      findings: plan.findings,
      proof: proof ?? null,
      ...(minMemory === undefined ? {} : { minMemory }),
    });
    return;
  }
  for (const line of useLines(planned, reserve, use, path, size)) await world.out.line(printable(line));
  if (proof !== undefined) await proofLines(proof, world);
  if (least?.found !== undefined)
    await world.out.line(`least crashkernel=: ${least.found.least}M measured, ${reserve.advised / MIB}M advised`);
}

function useLines({ plan, target }: KdumpPlanned, reserve: Reservation, use: KdumpUse, path: string, size: number | undefined): string[] {
  const about = size === undefined ? 'about ' : '';
  return [
    `${size === undefined ? 'would write ' : ''}${path}: ${about}${mib(reserve.archive)}, ${plan.packed.length} modules, saves to ${targetText(target)}`,
    '',
    `reserve ${use.crashkernel}:`,
    ...(['kernel', 'archive', 'unpacked', 'working', 'margin'] as const).map(
      (name) => `  ${name.padEnd(9)}${mib(reserve[name]).padStart(11)}`,
    ),
    '',
    'load it with:',
    `  ${use.kexec}`,
    ...Object.entries(use.files).flatMap(([file, lines]) => ['', `${file}:`, ...lines.map((line) => `  ${line}`)]),
  ];
}

async function proofLines({ reached, proof, memory, dump, findings }: CrashProof, world: World): Promise<void> {
  await world.out.line();
  if (proof.reached && memory.total !== null && memory.leastAvailable !== null) {
    const [total, left] = [memory.total, memory.leastAvailable].map((kib) => Math.round(kib / 1024));
    await world.out.line(`capture kernel: ${total} MiB of ${memory.crashkernel} MiB usable, ${left} MiB available at the least`);
  }
  if (dump !== null) {
    const form = dump.form === 'elf' ? 'ELF core' : `makedumpfile, ${dump.compression}, level ${dump.dumpLevel}`;
    const size = dump.size === null ? '' : `${mib(dump.size)} `;
    await world.out.line(`dump: ${size}at ${dump.place} (${form}) of kernel ${dump.release}, ${mib(dump.memorySize)} of memory`);
  }
  for (const { message } of findings) world.warn(printable(message));
  await world.out.line(reached ? `proven in ${proof.seconds.toFixed(2)} s` : 'not proven');
  if (proof.reached) return;
  const { consoleTail } = await import('../../node/boot-files.ts');
  world.warn(`no dump was saved: ${printable(proof.reason?.text ?? 'unknown')}`);
  for (const line of consoleTail(proof.console)) world.note(`  | ${printable(line)}`);
  world.note(`console: ${proof.console}`);
}
