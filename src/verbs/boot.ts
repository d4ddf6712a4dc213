// boot: starts a kernel with archives in a machine and returns the proof. The outside world is handed in.
import { type Architecture, linux } from '../boot/index.ts';
import {
  type Accelerator,
  type Disk,
  type LeastMemory,
  type MachineHost,
  type MachineSpec,
  type MachineType,
  type Proof,
  type ProveRequest,
  prove,
  search,
  type UefiFirmware,
} from '../machine/index.ts';

/** What to boot, and how far. */
export interface BootRequest {
  /** Undefined: firmware starts the first disk. */
  readonly kernel: string | undefined;
  readonly archives: readonly string[];
  readonly disks: readonly Disk[];
  /** The person's words of the kernel command line. */
  readonly append: string;
  /** MiB. */
  readonly memory: number;
  readonly processors: number;
  /** A phase, or a text on the console. */
  readonly until: string;
  /** Seconds. */
  readonly timeout: number;
  readonly accelerator: Accelerator;
  /** Where there is no kernel: what starts the machine; a BIOS unless told. */
  readonly firmware?: 'bios' | 'uefi' | undefined;
  /** UEFI with Secure Boot on and Microsoft's keys, as computers are sold; of machine q35. */
  readonly secureBoot?: boolean | undefined;
  /** Undefined: what suits the kernel's architecture. */
  readonly type: MachineType | undefined;
  /** Start a bzImage as it is, its own decompressor included. */
  readonly asIs: boolean;
  /** Where the console is kept; undefined: a file of its own among the temporary ones. */
  readonly consoleFile?: string | undefined;
}

/** A kernel that a machine can start directly. */
export interface StartableKernel {
  readonly path: string;
  readonly architecture: Architecture;
}

/** The files of one boot. */
export interface BootFiles {
  readonly console: string;
  readonly report: string;
  readonly monitor: string;
  /** The archives as one file; undefined when there is none. */
  readonly initrd: string | undefined;
  /** UEFI's code, and a copy of its variables for this boot; with Secure Boot on where asked. Throws NO_TOOL when none is installed. */
  uefi(isSecure: boolean): UefiFirmware;
  /** Leaves all of them where they are, an interruption included. */
  keep(): void;
  /** Removes all but the console; with `everything`, that too. */
  discard(everything: boolean): void;
}

/** The outside world of a boot. */
export interface BootOutside extends MachineHost {
  /** The kernel in the form that starts soonest. Throws UNRECOGNISED for what is no kernel, UNSUPPORTED for another architecture's. */
  kernel(path: string, asIs: boolean): Promise<StartableKernel>;
  /** Files for one boot; archives are checked to be there and, when there are several, joined. */
  files(archives: readonly string[], consoleFile: string | undefined): BootFiles;
  /** A directory with room for this many MiB of guest memory, or undefined. */
  backingDirectory(memory: number): string | undefined;
}

/** Who wants to hear how it goes. */
export type BootWatch = Pick<ProveRequest, 'onPhase' | 'onFact' | 'onConsole' | 'signal'>;

/** The machine that a request asks for. */
export async function machine(request: BootRequest, files: BootFiles, outside: BootOutside): Promise<MachineSpec> {
  const kernel: { readonly path: string | undefined; readonly architecture: Architecture } =
    request.kernel === undefined ? { path: undefined, architecture: 'x86_64' } : await outside.kernel(request.kernel, request.asIs);
  return {
    architecture: kernel.architecture,
    type: request.type ?? (kernel.architecture === 'aarch64' ? 'virt' : request.secureBoot === true ? 'q35' : 'pc'),
    accelerator: request.accelerator,
    memory: request.memory,
    processors: request.processors,
    kernel: kernel.path,
    initrd: files.initrd,
    commandLine:
      kernel.path === undefined
        ? ''
        : linux.commandLine({
            architecture: kernel.architecture,
            emulated: request.accelerator === 'tcg',
            append: request.append,
          }),
    ...(request.firmware === 'uefi' && kernel.path === undefined ? { firmware: files.uefi(request.secureBoot === true) } : {}),
    disks: request.disks,
    memoryDirectory: outside.backingDirectory(request.memory),
    reportFile: files.report,
    monitorSocket: files.monitor,
  };
}

/**
 * Boots once. The proof says whether the awaited point was reached; the console stays. After a failure the files of the boot stay too,
 * so that the command line in the proof can be repeated.
 */
export async function boot(request: BootRequest, outside: BootOutside, watch: BootWatch = {}): Promise<Proof> {
  const { proof, files } = await bootWithFiles(request, outside, watch);
  if (proof.reached) files.discard(false);
  else files.keep();
  return proof;
}

/** A boot whose files are still to be kept or discarded. */
interface Kept {
  readonly proof: Proof;
  readonly files: BootFiles;
}

async function bootWithFiles(request: BootRequest, outside: BootOutside, watch: BootWatch): Promise<Kept> {
  const files = outside.files(request.archives, request.consoleFile);
  let proof: Proof | undefined;
  try {
    const spec = await machine(request, files, outside);
    proof = await prove({ ...watch, spec, until: request.until, timeout: request.timeout, consoleFile: files.console }, outside);
    return { proof, files };
  } finally {
    if (proof === undefined) files.discard(true);
  }
}

// below this no kernel of today unpacks even itself
const LEAST_MIB = 24;

/** A search's result, with the forecast it started from (MiB) and the first boot, which must succeed for the search to begin. */
export interface LeastBoot {
  readonly forecast: number;
  readonly first: Proof;
  /** Undefined when the first boot failed, or the search was interrupted. */
  readonly found: LeastMemory | undefined;
}

/**
 * Searches the least memory that boots: once with the memory asked for, then around `law` (MiB; undefined: around what the first boot
 * touched). `onTrial` is told each size before it is tried.
 */
export async function leastMemory(
  request: BootRequest,
  law: number | undefined,
  outside: BootOutside,
  watch: BootWatch & { readonly onTrial?: (memory: number) => void } = {},
): Promise<LeastBoot> {
  const signal = watch.signal === undefined ? {} : { signal: watch.signal };
  const first = await boot(request, outside, watch);
  const touched = first.memory.least === null ? undefined : first.memory.least / 1024;
  const forecast = Math.ceil(law ?? touched ?? request.memory);
  if (!first.reached) return { forecast, first, found: undefined };
  // a starved guest crawls: it gets thrice the time, not the whole time limit
  const timeout = Math.min(request.timeout, Math.max(20, first.seconds * 3));
  const bounds = { from: forecast, floor: LEAST_MIB, ceiling: request.memory };
  const trials: Kept[] = [];
  const found = await search(bounds, async (memory) => {
    watch.onTrial?.(memory);
    const trial = await bootWithFiles({ ...request, memory, timeout, consoleFile: undefined }, outside, signal);
    trials.push(trial);
    return trial.proof;
  });
  // the console of the smallest boot stays; the others' would only fill the disk
  for (const { proof, files } of trials) files.discard(proof !== found?.proof);
  return { forecast, first, found: watch.signal?.aborted === true ? undefined : found };
}
