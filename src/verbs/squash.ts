// squash: the last step over any finished initramfs: its tree becomes one image, with a loader in front (docs/squash.md).
import { type ArchiveImage, decode, earlySize, ID_PATH, imageEntry, REASONS_PATH, reasonsOf } from '../archive/index.ts';
import { type ByteSource, bytesSource, nameFromBytes, nameToBytes, readAll, type Sha256, sliceSource } from '../bytes/index.ts';
import type { CodecChoice, Decoder } from '../codecs/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import {
  type ImageCodec,
  type InitKind,
  initKind,
  type KernelChoice,
  type KernelFacts,
  kernelConfigOf,
  kernelFacts,
  kernelVersions,
  LOADER_PART,
  type LoaderScripts,
  moduleTreeOf,
  type Plan,
  type Reason,
  type Root,
  squashFaults,
  treeRoot,
} from '../plan/index.ts';
import { baseName, file, makeTree, type Tree } from '../tree/index.ts';
import { build } from './build.ts';
import { type SquashedPlan, squashPlan } from './layout.ts';
import { kernelFor } from './plan.ts';

/** What a person said. */
export interface SquashWords {
  readonly layout: 'squash' | 'squash-usr';
  /** A version, or a kernel image file; undefined: the one the initramfs has modules for. */
  readonly kernel?: string | undefined;
}

/** What squashing needs of the outside. */
export interface SquashOutside {
  readonly archive: ByteSource;
  readonly decoders: readonly Decoder[];
  /** Where tools and modules come from that the initramfs lacks. */
  readonly root: Root | undefined;
  readonly scripts: LoaderScripts;
  readonly codec: ImageCodec;
  /** Opens a file; undefined when there is none. */
  file(path: string): ByteSource | undefined;
}

/** A squashed initramfs, not yet written. */
export interface Squashing {
  readonly squashed: SquashedPlan;
  /** What the kernel reads first (microcode), as it was. */
  readonly early: ByteSource;
  /** The bootconfig at the end, as it was. */
  readonly bootconfig: ByteSource | undefined;
  readonly init: InitKind;
  readonly findings: readonly Finding[];
  /** The tree as it was, for comparisons. */
  readonly plain: Plan;
}

/**
 * Takes an initramfs apart and plans the squashed one. Throws UNSUPPORTED when it is squashed already or the kernel cannot mount an image,
 * NO_KERNEL when no kernel can be told, NO_ENTRY when it has no /init, NO_PROGRAM, NO_LIBRARY, and what its reader throws.
 */
export function squash(words: SquashWords, outside: SquashOutside): Squashing {
  const { archive: source, decoders, root } = outside;
  const whole = decode(source, { decoders });
  const at = earlySize(whole);
  const { tree: given } = at === 0 ? whole : decode(sliceSource(source, at), { decoders });
  refuseSquashed(given);
  const init = initKind(given);
  if (init.kind === 'none') throw new KindlingError('NO_ENTRY', 'the initramfs has no /init that a kernel could start', { path: 'init' });
  const inside = treeRoot(given, 'the initramfs');
  const roots = root === undefined ? [inside] : [inside, root];
  const found = kernelOf(words, roots, outside);
  const plain = planOf(given, found.kernel, wrapped(given, init, outside.scripts.squash));
  const squashed = squashPlan(plain, {
    layout: words.layout,
    mode: init.kind === 'script' ? 'return' : 'drop',
    roots,
    moduleRoot: found.root,
    scripts: outside.scripts,
    decoders,
    codec: outside.codec,
  });
  const { bootconfig } = whole;
  return {
    squashed,
    early: sliceSource(source, 0, at),
    bootconfig: bootconfig === undefined ? undefined : sliceSource(source, bootconfig.at, bootconfig.size),
    init,
    findings: findingsOf(init),
    plain,
  };
}

function refuseSquashed(tree: Tree): void {
  const image = imageEntry(tree)?.path;
  if (image === undefined) return;
  throw new KindlingError('UNSUPPORTED', `it is squashed already: its files are in the image "${image}"`, { path: image });
}

function findingsOf(init: InitKind): Finding[] {
  if (init.kind !== 'other') return [];
  const message = `/${init.path} is neither systemd nor a script that ends in switch_root or run-init: whether it gives the memory of the image back is not known`;
  return [{ code: 'squash-init-unknown', severity: 'warning', where: { path: init.path }, message }];
}

interface FoundKernel {
  readonly kernel: KernelFacts;
  /** Where its modules are. */
  readonly root: Root;
}

/** The kernel, with its modules from the first root that has those that mount an image. */
function kernelOf({ kernel: word }: SquashWords, roots: readonly Root[], outside: SquashOutside): FoundKernel {
  const { decoders, codec } = outside;
  const inside = roots[0]!;
  const said = word === undefined ? undefined : kernelFor({ kernel: word }, { root: inside, decoders, file: outside.file });
  const versions = kernelVersions(inside);
  if (said === undefined && versions.length > 1) {
    throw new KindlingError('USAGE', `the initramfs has modules of ${versions.join(' and ')}: --kernel must say which is booted`);
  }
  const version = said?.version ?? versions[0];
  if (version === undefined) {
    throw new KindlingError('NO_KERNEL', 'the initramfs has no modules that would tell its kernel: --kernel must name one');
  }
  const config = said?.config ?? roots.map((root) => kernelConfigOf(root, version)).find((one) => one !== undefined);
  const choice: KernelChoice = { version, config, machine: said?.machine };
  const candidates = roots
    .filter((root) => moduleTreeOf(root, version) !== undefined)
    .map((root): FoundKernel => ({ kernel: kernelFacts(root, choice), root }));
  const able = candidates.find(({ kernel, root }) => squashFaults(kernel, root, decoders, codec).length === 0);
  const kernel = { version, moduleTree: undefined, config, machine: said?.machine };
  return able ?? candidates.at(-1) ?? { kernel, root: inside };
}

/** The programs that enter the root, with the way back in their place, and the init that calls them. */
function wrapped(tree: Tree, { kind, leaves, path }: InitKind, scripts: Tree): ReadonlyMap<string, ByteSource> {
  const script = scripts.get('switch-root');
  if (kind !== 'script' || script?.kind !== 'file') return new Map();
  const wraps = new Map(leaves.filter((leaf) => tree.get(leaf) !== undefined).map((leaf) => [leaf, script.content] as const));
  const init = tree.get(path);
  if (init?.kind === 'file') wraps.set(path, bytesSource(callingByPath(readAll(init.content), [...wraps.keys()])));
  return wraps;
}

// Some builds of busybox (Debian's static one) run what they have built in and never look for a file of that name, unless told its path.
function callingByPath(init: Uint8Array, leaves: readonly string[]): Uint8Array {
  const paths = new Map(leaves.map((leaf) => [baseName(leaf), `/${leaf}`]));
  const text = nameFromBytes(init).replace(/(?<=^|[\s;&|(])(?:run-init|switch_root)(?=\s)/g, (name) => paths.get(name) ?? name);
  return nameToBytes(text);
}

const TOLD: Reason = { part: 'initramfs', text: 'of the initramfs that was squashed' };

/** The tree as a plan. Reasons that it carries are kept. */
function planOf(tree: Tree, kernel: KernelFacts, wraps: ReadonlyMap<string, ByteSource>): Plan {
  const known = tree.get(REASONS_PATH) === undefined ? new Map<string, Reason[]>() : reasonsOf(tree);
  const named = new Map(tree.entries.flatMap((entry) => (entry.kind === 'hardlink' ? [[entry.path, entry.to] as const] : [])));
  if ([...wraps.keys()].some((path) => [...named.values()].includes(path))) {
    throw new KindlingError('UNSUPPORTED', 'a program that enters the root has hard links to it; only the first name may be one');
  }
  const entries = tree.entries
    .filter(({ path }) => path !== ID_PATH && path !== REASONS_PATH)
    .map((entry) => (wraps.has(entry.path) ? file(entry.path, wraps.get(entry.path)!, 0o755) : entry));
  const made = makeTree(entries);
  const reasons = new Map<string, readonly Reason[]>();
  for (const { path } of made.entries) {
    const wrap: Reason[] = wraps.has(path) ? [{ part: LOADER_PART, text: 'leaves the image by the way back to the loader' }] : [];
    reasons.set(path, [...wrap, ...(known.get(path) ?? [TOLD])]);
  }
  return {
    scope: 'generic',
    kernel,
    tree: made,
    reasons,
    segmentOf: new Map(),
    microcode: undefined,
    deferred: [],
    findings: [],
    parts: [],
    packed: [],
  };
}

/** The bytes of the squashed initramfs. */
export async function* squashedBytes(
  { squashed, early, bootconfig }: Squashing,
  options: {
    readonly codec: CodecChoice;
    readonly sha256: Sha256;
    readonly image: ArchiveImage;
    readonly onImage?: (size: number) => void;
  },
): AsyncGenerator<Uint8Array> {
  let size = early.size;
  if (early.size > 0) yield early.read(0, early.size);
  for await (const chunk of build(squashed.outside, options)) {
    size += chunk.length;
    yield chunk;
  }
  if (bootconfig === undefined) return;
  if (size % 4 !== 0) yield new Uint8Array(4 - (size % 4));
  yield bootconfig.read(0, bootconfig.size);
}
