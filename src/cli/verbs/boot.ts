// kindling boot: parses, prints the timeline as it happens, and the proof (docs/boot.md).
import { resolve } from 'node:path';
import { asciiFrom } from '../../bytes/index.ts';
import { DISK_BUSES, type Disk, describeGoal, GRID_MIB, type PhaseMark, type Proof, qemu } from '../../machine/index.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { bootOutside, consoleTail, fileSource, isQcow2 } from '../../node/index.ts';
import { type BootRequest, type BootWatch, boot as bootOnce, leastMemory, machine } from '../../verbs/boot.ts';
import { memoryForecast } from '../../verbs/boot-forecast.ts';
import { diskBus, diskFrom } from '../disk-words.ts';
import { printable } from '../report.ts';
import { type Parsed, usageError, type Verb } from '../verb.ts';
import type { World } from '../world.ts';

const MEMORY = 512;
const TIMEOUT = 120;

/** The `boot` verb. */
export const boot: Verb = {
  name: 'boot',
  summary: 'start a kernel with archives in QEMU and prove how far it gets',
  description: [
    'Starts QEMU, follows the phases that early userspace reports on a serial port of its own, and prints them with seconds and memory. The proof says what was reached, when, with how much memory, and how to repeat it. Disks are never written to unless --write is given.',
    'Exit code 1 means that the boot did not get to the point of --until; 4 that QEMU is not installed.',
  ],
  positionals: [{ name: 'IMAGE', summary: 'an ISO or disk image that firmware starts; then there is no --kernel', required: false }],
  options: {
    kernel: { short: 'k', value: 'FILE', summary: 'kernel image', completes: 'file' },
    archive: { short: 'a', value: 'FILE', multiple: true, summary: 'archive; several are loaded one after the other', completes: 'file' },
    firmware: { value: 'FIRMWARE', choices: ['bios', 'uefi'], default: 'bios', summary: 'what starts IMAGE' },
    'secure-boot': { summary: "with IMAGE: UEFI with Secure Boot on and Microsoft's keys, as computers are sold (machine q35)" },
    as: {
      value: 'MEDIUM',
      choices: ['cd', 'usb', 'disk'],
      summary: 'what IMAGE is: a disc (an ISO image, unless told), a USB stick, or a disk',
    },
    disk: {
      value: 'FILE',
      multiple: true,
      summary: 'disk image, or file=FILE,bus=BUS,format=raw|qcow2,ro,write',
      completes: 'file',
    },
    'disk-bus': { value: 'BUS', choices: DISK_BUSES, default: 'virtio', summary: 'how disks are attached' },
    write: { summary: 'let the guest write to the disk images' },
    append: { value: 'WORDS', multiple: true, summary: 'words for the kernel command line' },
    memory: { short: 'm', value: 'MIB', default: String(MEMORY), summary: 'memory of the machine in MiB' },
    'min-memory': { summary: 'search the least memory that boots, to 8 MiB' },
    until: { value: 'PHASE|fact:KEY|TEXT', default: 'released', summary: 'wait for a phase, a fact, or a text on the console' },
    timeout: { value: 'SECONDS', default: String(TIMEOUT), summary: 'give up after this time' },
    accel: { value: 'ACCEL', choices: ['tcg', 'kvm'], default: 'tcg', summary: 'emulate, or use the processor of this computer' },
    machine: { value: 'TYPE', choices: ['pc', 'q35', 'virt'], summary: 'kind of machine; what suits the kernel unless told' },
    processors: { value: 'COUNT', default: '1', summary: 'processors of the machine' },
    'as-is': { summary: 'start a compressed kernel through its own decompressor' },
    console: { value: 'FILE', summary: 'keep the console in this file', completes: 'file' },
    'show-console': { summary: 'show the console on standard error as it comes' },
    'dry-run': { short: 'n', summary: 'print the QEMU command and start nothing' },
  },
  examples: [
    { command: 'kindling boot -k vmlinuz -a archive.img --disk root.img --append root=LABEL=root', does: 'boots until the root runs' },
    { command: 'kindling boot -k vmlinuz -a archive.img --until "login:" --timeout 300', does: 'boots until a login prompt' },
    { command: 'kindling boot live.iso --firmware uefi --as usb --until "login:"', does: 'boots an ISO image from a stick, by UEFI' },
  ],
  run,
};

async function run(parsed: Parsed, world: World): Promise<number> {
  const request = requestFrom(parsed);
  const outside = bootOutside();
  if (parsed.flag('dry-run')) {
    const files = outside.files(request.archives, request.consoleFile);
    const command = qemu.commandLine(await machine(request, files, outside));
    files.keep();
    if (world.json) await world.document({ qemu: command });
    else await world.out.line(qemu.quoted(command));
    return 0;
  }
  const watch = timeline(parsed, world);
  world.note(`${request.memory} MiB, until ${describeGoal(request.until)}`);
  if (parsed.flag('min-memory')) return await searched(request, watch, world);
  const proof = await bootOnce(request, outside, watch);
  if (world.json) await world.document(proof);
  await conclude(proof, world);
  return proof.reached ? 0 : 1;
}

function requestFrom(parsed: Parsed): BootRequest {
  const [image] = parsed.positionals;
  const kernel = parsed.value('kernel');
  if (kernel === undefined && image === undefined) throw usageError('boot: --kernel is missing, or an image that firmware starts');
  if (image !== undefined) refuseBeside(parsed);
  const started = image === undefined ? [] : [imageDisk(image, parsed)];
  const isSecure = parsed.flag('secure-boot');
  if (isSecure && image === undefined) throw usageError('boot: --secure-boot needs an image that firmware starts');
  const firmware = isSecure ? 'uefi' : parsed.value('firmware');
  const bus = diskBus(parsed.value('disk-bus') ?? 'virtio');
  const type = parsed.value('machine');
  return {
    kernel,
    archives: parsed.values('archive'),
    // an absolute name cannot be taken for one of QEMU's protocols ("nbd:...") and holds wherever the command is repeated
    disks: [...started, ...parsed.values('disk').map((value) => diskFrom(value, { bus, writes: parsed.flag('write') }, isQcow2))].map(
      (disk) => ({ ...disk, file: resolve(disk.file) }),
    ),
    ...(image === undefined ? {} : { firmware: firmware === 'uefi' ? ('uefi' as const) : ('bios' as const), secureBoot: isSecure }),
    append: parsed.values('append').join(' '),
    memory: parsed.number('memory', { least: 8, most: 1 << 20 }) ?? MEMORY,
    processors: parsed.number('processors', { least: 1, most: 64 }) ?? 1,
    until: parsed.value('until') ?? 'released',
    timeout: parsed.number('timeout', { least: 1, most: 86_400 }) ?? TIMEOUT,
    accelerator: parsed.value('accel') === 'kvm' ? 'kvm' : 'tcg',
    type: type === 'pc' || type === 'q35' || type === 'virt' ? type : undefined,
    asIs: parsed.flag('as-is'),
    consoleFile: parsed.value('console'),
  };
}

function refuseBeside(parsed: Parsed): void {
  for (const option of ['kernel', 'archive', 'append'] as const) {
    if (parsed.values(option).length > 0)
      throw usageError(`boot: --${option} does not go with an image: its own loader says what is started`);
  }
  for (const option of ['as-is', 'min-memory'] as const) {
    if (parsed.flag(option)) throw usageError(`boot: --${option} does not go with an image`);
  }
}

/** The image as the disk that firmware starts; its own drive by what it is. */
function imageDisk(image: string, parsed: Parsed): Disk {
  const as = parsed.value('as') ?? (isIso(image) ? 'cd' : 'disk');
  const cd = parsed.value('machine') === 'q35' || parsed.flag('secure-boot') ? 'scsi-cd' : 'ide-cd';
  const bus = as === 'cd' ? cd : as === 'usb' ? 'usb' : 'virtio';
  return diskFrom(image.startsWith('file=') ? `./${image}` : image, { bus, writes: parsed.flag('write') && as !== 'cd' }, isQcow2);
}

/** Whether the file begins as an ISO image does: the first volume descriptor at 32 KiB. */
function isIso(path: string): boolean {
  const source = fileSource(path);
  try {
    return source.size >= 32774 && asciiFrom(source.read(32769, 5)) === 'CD001';
  } finally {
    source.release();
  }
}

function timeline(parsed: Parsed, world: World): BootWatch {
  const show = (bytes: Uint8Array): void => {
    const text = new TextDecoder().decode(bytes).replace(/[^\P{Cc}\n\t]/gu, '');
    world.err.write(text).catch(() => {}); // a closed standard error must not end the boot
  };
  return {
    signal: world.signal,
    onPhase: (mark) => world.note(phaseLine(mark, world)),
    onFact: (key, value, at) => world.detail(`${seconds(at)}  ${key} ${value}`),
    ...(parsed.flag('show-console') ? { onConsole: show } : {}),
  };
}

function phaseLine(mark: PhaseMark, world: World): string {
  const kernel = mark.uptime === null ? '' : `  kernel ${mark.uptime.toFixed(2)} s`;
  const available = mark.memory === null ? '' : `  ${mib(mark.memory)} MiB available`;
  const touched = mark.touched === null ? '' : `  ${mib(mark.touched)} MiB touched`;
  return `${seconds(mark.at)}  ${world.err.style('bold', mark.name.padEnd(9))}${kernel}${available}${touched}`;
}

const seconds = (value: number): string => `${value.toFixed(2).padStart(7)} s`;
const mib = (kib: number): string => String(Math.round(kib / 1024)).padStart(5);

async function conclude(proof: Proof, world: World): Promise<void> {
  if (!proof.reached) {
    world.warn(`${proof.until} was not reached: ${proof.reason?.text ?? 'unknown'}`);
    for (const line of consoleTail(proof.console)) world.note(`  | ${printable(line)}`);
    world.note(`console: ${proof.console}`);
    world.note(`repeat with: ${qemu.quoted(proof.qemu)}`);
  }
  if (world.json || !proof.reached) return;
  const { least, total, afterSwitch } = proof.memory;
  await world.out.line(`reached ${proof.until} in ${proof.seconds.toFixed(2)} s`);
  if (least !== null) await world.out.line(`memory touched: ${mib(least).trim()} of ${mib(total).trim()} MiB`);
  if (afterSwitch !== null) await world.out.line(`available after the switch: ${mib(afterSwitch).trim()} MiB`);
  await world.out.line(`console: ${proof.console}`);
}

async function searched(request: BootRequest, watch: BootWatch, world: World): Promise<number> {
  const outside = bootOutside();
  const law = memoryForecast(request.archives.map(fileSource), nodeDecoders(), request.append);
  const onTrial = (memory: number): void => world.note(`trying ${memory} MiB`);
  const { forecast, first, found } = await leastMemory(request, law, outside, { ...watch, onTrial });
  if (found === undefined) {
    if (world.json) await world.document(first);
    await conclude(first, world);
    return 1;
  }
  const minMemory = { forecast, measured: found.least, grid: GRID_MIB, trials: found.trials };
  if (world.json) await world.document({ ...found.proof, minMemory });
  else await world.out.line(`least memory: ${found.least} MiB measured, ${forecast} MiB forecast`);
  return 0;
}
