// The proof of a capture archive: a first kernel reserves exactly what was advised, loads the capture kernel and the archive as a person
// would, and crashes; the capture kernel saves to a copy of the disk; what lies on that copy then is read back and judged.
import { linux } from '../boot/index.ts';
import { type ByteSource, bytesSource, type Sha256, sliceSource, utf8 } from '../bytes/index.ts';
import type { CodecChoice } from '../codecs/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import { encodeWhole } from '../formats/newc/index.ts';
import { decode, type Vmcore } from '../formats/vmcore/index.ts';
import type { Disk, LeastMemory, Proof } from '../machine/index.ts';
import { prove, search } from '../machine/index.ts';
import { DEFAULT_SETTINGS, type KdumpTarget, PARTS, plan, type Root } from '../plan/index.ts';
import { directory, file, makeTree, type Tree } from '../tree/index.ts';
import type { BootFiles, BootOutside, BootWatch } from './boot.ts';
import { build } from './build.ts';
import { kexecOf } from './kdump.ts';

/** What to prove. Memory in MiB, time in seconds. */
export interface CrashRequest {
  readonly root: Root;
  readonly early: Tree;
  readonly kernel: { readonly version: string; readonly image: ByteSource };
  readonly archive: ByteSource;
  readonly target: KdumpTarget;
  /** Command line of the capture kernel, without what only a machine of ours needs. */
  readonly captureLine: string;
  /** What the first kernel reserves. */
  readonly crashkernel: number;
  /** What the machine has. */
  readonly memory: number;
  /** Disks of the machine; when empty, one is made that is what the target names. */
  readonly disks: readonly Disk[];
  readonly bus: Disk['bus'];
  readonly timeout: number;
  readonly processors: number;
  readonly codec: CodecChoice;
  readonly sha256: Sha256;
  /** Gets what was saved, before it is gone with the proof's disks. */
  readonly keep?: (dump: ByteSource) => Promise<void>;
}

/** Where on the machine's disks the dump is, as the capture kernel said. */
export interface SavedPlace {
  /** Index of the disk. */
  readonly disk: number;
  /** First byte and size of the partition, or of the whole disk. */
  readonly at: number;
  readonly size: number;
  /** Path in its file system; undefined for a raw partition. */
  readonly path: string | undefined;
}

/** The outside world of a crash proof. */
export interface CrashOutside extends BootOutside {
  /** A folder of the proof's own. */
  scratch(): CrashScratch;
}

/** Files of one proof, all gone with `discard`. */
export interface CrashScratch {
  /** Writes a file and returns its path. */
  put(name: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string>;
  /** Disks that may be written to: copies of those given, or a new one with room for `size` bytes that is what the target names. */
  disks(given: readonly Disk[], target: KdumpTarget, size: number): Promise<readonly string[]>;
  /** The saved file. Throws NO_TOOL, UNSUPPORTED for a file system that is not read from outside, NO_ENTRY when it is not there. */
  saved(disk: string, place: SavedPlace): Promise<ByteSource>;
  discard(): void;
}

/** The result: the machine's proof, what the dump says, and what is wrong with it. */
export interface CrashProof {
  readonly reached: boolean;
  readonly proof: Proof;
  /** MiB reserved, bytes really reserved, and what the capture kernel had in all and left at its scarcest phase, in KiB. */
  readonly memory: {
    readonly crashkernel: number;
    readonly reserved: number | null;
    readonly total: number | null;
    readonly leastAvailable: number | null;
  };
  readonly dump: CrashDump | null;
  readonly findings: readonly Finding[];
}

/** What the saved dump is. */
export interface CrashDump {
  readonly place: string;
  /** Bytes; null where a raw partition does not tell. */
  readonly size: number | null;
  readonly form: Vmcore['form'];
  readonly release: string;
  readonly machine: string;
  readonly compression: string | null;
  readonly dumpLevel: number | null;
  readonly memorySize: number;
  readonly processors: number;
}

const MIB = 1 << 20;
const FIRST_INIT = 'usr/lib/kindling/early/kdump-first.sh';

/** The archive of the first kernel: early userspace's shell, kexec of the root, and what it is to load. Throws NO_TOOL without a kexec. */
export async function firstArchive(request: CrashRequest): Promise<AsyncIterable<Uint8Array>> {
  if (kexecOf(request.root) === undefined) {
    throw new KindlingError('NO_TOOL', `${request.root.label} has no kexec, which loads the capture kernel (Debian: package kexec-tools)`);
  }
  const init = request.early.get(FIRST_INIT);
  if (init?.kind !== 'file') throw new KindlingError('NO_ENTRY', 'early userspace lacks the init of crash proofs', { path: FIRST_INIT });
  const others = request.early.entries.filter(({ path }) => path !== 'init' && path !== FIRST_INIT);
  const first = plan({
    root: request.root,
    kernel: { version: request.kernel.version },
    scope: 'generic',
    settings: { ...DEFAULT_SETTINGS, omit: PARTS.filter(({ when }) => when === 'default').map(({ name }) => name), programs: ['kexec'] },
    early: makeTree([...others, { ...init, path: 'init', mode: 0o755 }]),
    decoders: [],
  });
  return build(first, { codec: request.codec, sha256: request.sha256 });
}

/** What the first kernel loads, as an archive behind the first. */
function loadArchive(request: CrashRequest, line: string): Uint8Array {
  const tree = makeTree([
    directory('capture'),
    file('capture/archive', request.archive),
    file('capture/kernel', request.kernel.image),
    file('capture/line', bytesSource(utf8(`${line}\n`))),
  ]);
  return encodeWhole(tree.entries);
}

/** Crashes a machine once. Throws what starting it throws; every other failure is in the proof. */
export async function proveCrash(request: CrashRequest, outside: CrashOutside, watch: BootWatch = {}): Promise<CrashProof> {
  const scratch = outside.scratch();
  try {
    return await crashOnce(request, await prepared(request, outside, scratch), outside, watch);
  } finally {
    scratch.discard();
  }
}

/** A search's result; `found` is undefined when not even the advised size worked. */
export interface LeastCrash {
  readonly first: CrashProof;
  readonly found: LeastMemory | undefined;
}

// below this no kernel of today starts at all
const LEAST_MIB = 48;

/** Searches the least crashkernel= with which the dump is saved: once as advised, then around `from` (MiB). */
export async function leastCrashkernel(
  request: CrashRequest,
  from: number,
  outside: CrashOutside,
  watch: BootWatch & { readonly onTrial?: (memory: number) => void } = {},
): Promise<LeastCrash> {
  const scratch = outside.scratch();
  try {
    const ready = await prepared(request, outside, scratch);
    const first = await crashOnce(request, ready, outside, watch);
    if (!first.reached) return { first, found: undefined };
    const { keep: _, ...once } = request;
    const timeout = Math.min(request.timeout, Math.max(30, first.proof.seconds * 2.5));
    const found = await search({ from, floor: LEAST_MIB, ceiling: request.crashkernel }, async (crashkernel) => {
      watch.onTrial?.(crashkernel);
      const quiet = watch.signal === undefined ? {} : { signal: watch.signal };
      const trial = await crashOnce({ ...once, crashkernel, timeout }, ready, outside, quiet, false);
      return { ...trial.proof, reached: trial.reached };
    });
    return { first, found };
  } finally {
    scratch.discard();
  }
}

interface Prepared {
  readonly scratch: CrashScratch;
  readonly kernel: { readonly path: string; readonly architecture: 'x86_64' | 'aarch64' };
  readonly archives: readonly string[];
}

async function prepared(request: CrashRequest, outside: CrashOutside, scratch: CrashScratch): Promise<Prepared> {
  const { target } = request;
  if (target.kind === 'directory' && target.type !== undefined && !/^ext[234]$/.test(target.type)) {
    const message = `the target is ${target.type}: a proof reads a saved dump back from ext2, ext3, ext4 and raw partitions`;
    throw new KindlingError('UNSUPPORTED', message, { structure: 'dump target' });
  }
  const image = await scratch.put('kernel', pieces(request.kernel.image));
  const kernel = await outside.kernel(image, false);
  const words = linux.commandLine({ architecture: kernel.architecture, emulated: true, append: 'panic=-1' });
  const theirs = new Set(linux.words(words).map(({ name }) => name));
  const kept = request.captureLine.split(' ').filter((word) => !theirs.has(word.split('=')[0]!));
  const archives = [
    await scratch.put('first', await firstArchive(request)),
    await scratch.put('load', [loadArchive(request, [...kept, words].join(' '))]),
  ];
  return { scratch, kernel, archives };
}

/** A source in pieces, for writing it. */
export function* pieces(source: ByteSource): Generator<Uint8Array> {
  for (let at = 0; at < source.size; at += MIB) yield source.read(at, Math.min(MIB, source.size - at));
}

async function crashOnce(
  request: CrashRequest,
  ready: Prepared,
  outside: CrashOutside,
  watch: BootWatch,
  keepsConsole = true,
): Promise<CrashProof> {
  const { scratch, kernel, archives } = ready;
  const room = request.memory * MIB + 128 * MIB;
  const paths = await scratch.disks(request.disks, request.target, room);
  const disks = paths.map(
    (path, index): Disk => ({ file: path, bus: request.disks[index]?.bus ?? request.bus, format: 'raw', readOnly: false, writes: true }),
  );
  const files = outside.files(archives, undefined);
  let proof: Proof | undefined;
  try {
    proof = await prove({ ...watch, ...goal(request, kernel, files, disks, outside) }, outside);
  } finally {
    // without its disks a boot cannot be repeated from its files, but the console tells what happened
    files.discard(proof === undefined || !keepsConsole);
  }
  const place = placeOf(proof);
  const { dump, findings } = proof.reached ? await judged(request, proof, place, paths, scratch) : { dump: null, findings: [] };
  return {
    reached: proof.reached && findings.every(({ severity }) => severity !== 'error'),
    proof,
    memory: memoryOf(request, proof),
    dump,
    findings,
  };
}

function goal(request: CrashRequest, kernel: Prepared['kernel'], files: BootFiles, disks: readonly Disk[], outside: CrashOutside) {
  const append = `crashkernel=${request.crashkernel}M rootfstype=ramfs`;
  return {
    spec: {
      architecture: kernel.architecture,
      type: kernel.architecture === 'aarch64' ? ('virt' as const) : ('pc' as const),
      accelerator: 'tcg' as const,
      memory: request.memory,
      processors: request.processors,
      kernel: kernel.path,
      initrd: files.initrd,
      commandLine: linux.commandLine({ architecture: kernel.architecture, emulated: true, append }),
      disks,
      memoryDirectory: outside.backingDirectory(request.memory),
      reportFile: files.report,
      monitorSocket: files.monitor,
    },
    until: 'saved',
    crashes: true,
    timeout: request.timeout,
    consoleFile: files.console,
  };
}

function memoryOf({ crashkernel }: CrashRequest, { facts, phases }: Proof): CrashProof['memory'] {
  const number = (text: string | undefined): number | null => (text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null);
  const crash = phases.findIndex(({ name }) => name === 'crash');
  const capture = crash < 0 ? [] : phases.slice(crash + 1).flatMap(({ memory }) => memory ?? []);
  return {
    crashkernel,
    reserved: number(facts.reserved),
    total: number(facts['capture-memory']),
    leastAvailable: capture.length === 0 ? null : Math.min(...capture),
  };
}

/** Where the capture kernel says it saved; the guest is not trusted with more than numbers and plain names. */
function placeOf({ facts }: Proof): SavedPlace | undefined {
  const target = /^\/dev\/([a-z0-9]{1,32}) (\d{1,12}) (\d{1,12})$/.exec(facts.target ?? '');
  const saved = /^(?:\d{1,15}|-) (\/[A-Za-z0-9_./-]{1,255})$/.exec(facts.vmcore ?? '');
  if (target === null || saved === null || saved[1]!.includes('..')) return undefined;
  const letter = /^[a-z]*d([a-z])\d*$/.exec(target[1]!)?.[1];
  const number = /^(?:nvme|mmcblk)(\d+)/.exec(target[1]!)?.[1];
  const disk = letter === undefined ? Number(number ?? 0) : letter.charCodeAt(0) - 'a'.charCodeAt(0);
  const path = saved[1]!.startsWith('/dev/') ? undefined : saved[1]!;
  return { disk, at: Number(target[2]) * 512, size: Number(target[3]) * 512, path };
}

function error(code: string, message: string, path: string): Finding {
  return { code, severity: 'error', where: { path }, message };
}

async function judged(
  request: CrashRequest,
  proof: Proof,
  place: SavedPlace | undefined,
  disks: readonly string[],
  scratch: CrashScratch,
): Promise<{ dump: CrashDump | null; findings: readonly Finding[] }> {
  const disk = place === undefined ? undefined : disks[place.disk];
  if (place === undefined || disk === undefined) {
    return {
      dump: null,
      findings: [error('kdump-place', `the capture kernel did not say where it saved: "${proof.facts.vmcore ?? ''}"`, '')],
    };
  }
  const shown = place.path ?? proof.facts.vmcore!.split(' ')[1]!;
  let source: ByteSource;
  let dump: Vmcore;
  try {
    source = await scratch.saved(disk, place);
    dump = decode(source);
  } catch (thrown) {
    if (!(thrown instanceof KindlingError) || ['NO_TOOL', 'UNSUPPORTED', 'INTERNAL'].includes(thrown.code)) throw thrown;
    return { dump: null, findings: [error('kdump-damaged', `what lies on the disk is no crash dump: ${thrown.message}`, shown)] };
  }
  const { endAt } = dump;
  await request.keep?.(place.path === undefined && endAt !== undefined && endAt < source.size ? sliceSource(source, 0, endAt) : source);
  const said = /^\d+/.exec(proof.facts.vmcore!)?.[0];
  const size = place.path === undefined ? (said === undefined ? null : Number(said)) : source.size;
  const found: CrashDump = {
    place: shown,
    size,
    form: dump.form,
    release: dump.release,
    machine: dump.machine,
    compression: dump.compression ?? null,
    dumpLevel: dump.dumpLevel ?? null,
    memorySize: dump.memorySize,
    processors: dump.processorCount,
  };
  return { dump: found, findings: faults(request, dump, source, said, place, shown) };
}

function faults(
  request: CrashRequest,
  dump: Vmcore,
  source: ByteSource,
  said: string | undefined,
  place: SavedPlace,
  at: string,
): Finding[] {
  const findings: Finding[] = [];
  const { version } = request.kernel;
  if (dump.release !== version) findings.push(error('kdump-release', `the dump is of kernel ${dump.release}, expected ${version}`, at));
  if (dump.incomplete) findings.push(error('kdump-incomplete', 'the dump says itself that it is incomplete', at));
  if (dump.endAt !== undefined && dump.endAt > source.size) {
    findings.push(error('kdump-truncated', `the dump reaches to byte ${dump.endAt}, the file ends at ${source.size}`, at));
  }
  if (place.path !== undefined && said !== undefined && Number(said) !== source.size) {
    findings.push(error('kdump-size', `the capture kernel saved ${said} bytes, ${source.size} lie on the disk`, at));
  }
  if (dump.processorCount < 1) findings.push(error('kdump-registers', 'the dump holds the registers of no processor', at));
  // what the reservation takes is left out of an ELF core; firmware keeps a little more
  const most = request.memory * MIB;
  const least = most - request.crashkernel * MIB - 64 * MIB;
  if (dump.memorySize < least || dump.memorySize > most + 64 * MIB) {
    const mib = (size: number): string => `${Math.round(size / MIB)} MiB`;
    findings.push(
      error('kdump-memory', `the dump speaks for ${mib(dump.memorySize)} of memory, expected ${mib(least)} to ${mib(most)}`, at),
    );
  }
  return findings;
}
