// verify: reads an archive and says everything that stands between it and a boot. Nothing is run, nothing is written.
import { checkAll, runningTree, versionsInside } from '../archive/checks/index.ts';
import { IMAGE_FORMATS } from '../archive/images/index.ts';
import { type Archive, inspect } from '../archive/index.ts';
import { type ByteSource, nameFromBytes, readAll, type Sha256 } from '../bytes/index.ts';
import type { Decoder } from '../codecs/index.ts';
import { type Finding, KindlingError, located } from '../errors.ts';
import { identify } from '../formats/superblock/index.ts';
import { type Forecast, forecast, type KernelFacts, kernelFacts, parseFacts, type Root, treeRoot } from '../plan/index.ts';
import { kernelFor } from './plan.ts';

/** What a person said. */
export interface VerifyWords {
  /** A kernel release of the root, or an image file. */
  readonly kernel?: string | undefined;
  /** The block device or image that holds the root. */
  readonly device?: string | undefined;
  /** A facts file of the machine it is for. */
  readonly facts?: string | undefined;
}

/** What verifying needs of the outside. */
export interface VerifyOutside {
  readonly archive: ByteSource;
  readonly decoders: readonly Decoder[];
  readonly sha256: Sha256;
  readonly root: Root | undefined;
  /** Opens a file; undefined when there is none. */
  file(path: string): ByteSource | undefined;
}

/** The answer. `recognised` is false when no piece of the file is an archive at all. */
export interface Verification {
  readonly recognised: boolean;
  readonly findings: readonly Finding[];
  readonly forecast: Forecast;
  /** Release the archive was checked against, or undefined when none is known. */
  readonly kernel: string | undefined;
  readonly memberCount: number;
}

function opened(outside: VerifyOutside, path: string): ByteSource {
  const source = outside.file(path);
  if (source === undefined) throw new KindlingError('NO_ENTRY', 'there is no such file', { file: path });
  return source;
}

/** The kernel to check against: the one that was named, else the root's that the archive holds modules for. */
function kernelOf(archive: Archive, words: VerifyWords, outside: VerifyOutside): KernelFacts | undefined {
  const { root, decoders } = outside;
  const inside = treeRoot(runningTree(archive), 'the archive');
  if (words.kernel !== undefined) {
    const choice = kernelFor(words, { root: root ?? inside, decoders, file: outside.file });
    return kernelFacts(root ?? inside, choice);
  }
  const version = versionsInside(inside)[0];
  if (version === undefined) return undefined;
  try {
    return kernelFacts(root ?? inside, { version });
  } catch (error) {
    if (error instanceof KindlingError && error.code === 'NO_KERNEL')
      return { version, moduleTree: undefined, config: undefined, machine: undefined };
    throw error;
  }
}

function missingKernel(kernel: KernelFacts | undefined, root: Root | undefined): Finding[] {
  if (kernel === undefined || root === undefined || kernel.moduleTree !== undefined) return [];
  const message = `${root.label} has no modules for kernel ${kernel.version}: nothing can be loaded after the switch`;
  return [{ code: 'root-without-modules', severity: 'warning', where: {}, message }];
}

/** Checks an archive. Throws for what the person named and is not there; never for what the archive's bytes hold. */
export function verify(words: VerifyWords, outside: VerifyOutside): Verification {
  const { archive: source, decoders, root } = outside;
  const archive = inspect(source, { decoders, images: IMAGE_FORMATS });
  const kernel = kernelOf(archive, words, outside);
  const device = words.device === undefined ? undefined : { label: words.device, superblock: superblockOf(outside, words.device) };
  const host = words.facts === undefined ? undefined : parseFacts(nameFromBytes(readAll(opened(outside, words.facts))), words.facts);
  const findings = [
    ...checkAll(archive, { size: source.size, decoders, kernel, root, device, host }, outside.sha256),
    ...missingKernel(kernel, root),
  ];
  return {
    recognised: archive.members.length > 0,
    findings,
    forecast: forecast({ tree: archive.outer, segmentOf: new Map(), microcode: undefined }, source.size),
    kernel: kernel?.version,
    memberCount: archive.members.length,
  };
}

function superblockOf(outside: VerifyOutside, path: string) {
  try {
    return identify(opened(outside, path));
  } catch (error) {
    throw located(error, { file: path });
  }
}

/** Whether the answer is yes: no error, and with `strict` no warning either. */
export function passes(findings: readonly Finding[], strict: boolean): boolean {
  return !findings.some(({ severity }) => severity === 'error' || (strict && severity === 'warning'));
}
