// What the checks of `verify` look at: an archive that was read, and whatever is known about the kernel and the root it is for.
import type { Decoder } from '../../codecs/index.ts';
import type { Finding, Severity } from '../../errors.ts';
import type { Superblock } from '../../formats/superblock/index.ts';
import { type HostFacts, type KernelFacts, type ModuleSet, moduleTreeOf, openModules, type Root, treeRoot } from '../../plan/index.ts';
import type { Tree } from '../../tree/index.ts';
import type { Archive } from '../decode.ts';
import { USR_IMAGE_PATH } from '../inner.ts';

/** The subject of all checks. Everything but the archive may be unknown. */
export interface Subject {
  readonly archive: Archive;
  /** What the early userspace to be checked sees: the unpacked archive, or of a squashed one what the image makes of it. */
  readonly tree: Tree;
  /** The same as a root. */
  readonly inside: Root;
  /** Size of the archive file in bytes. */
  readonly size: number;
  readonly decoders: readonly Decoder[];
  readonly kernel: KernelFacts | undefined;
  readonly root: Root | undefined;
  /** What a given root device holds; `undefined` inside when nothing known is on it. */
  readonly device: { readonly label: string; readonly superblock: Superblock | undefined } | undefined;
  readonly host: HostFacts | undefined;
  /** The modules in the archive for its kernel, or undefined when it holds none. */
  readonly modules: ModuleSet | undefined;
}

/** What is known besides the archive. */
export type Known = Pick<Subject, 'size' | 'decoders' | 'kernel' | 'root' | 'device' | 'host'>;

/** Kernel releases that the archive holds modules for. */
export function versionsInside(inside: Root): string[] {
  const versions = ['lib/modules', 'usr/lib/modules'].flatMap((home) => inside.names(home));
  return [...new Set(versions)].filter((version) => moduleTreeOf(inside, version) !== undefined);
}

/** The tree that is there when the archive's own first process starts: with an image that takes the place of all else, only that. */
export function runningTree({ inner, tree }: Pick<Archive, 'inner' | 'tree'>): Tree {
  return inner === undefined || inner.path === USR_IMAGE_PATH ? tree : inner.tree;
}

/** Puts an archive and what is known together. Throws where the indexes of its modules cannot be read. */
export function subjectOf(archive: Archive, known: Known): Subject {
  const running = runningTree(archive);
  const inside = treeRoot(running, 'the archive');
  const version = known.kernel?.version ?? versionsInside(inside)[0];
  const tree = version === undefined ? undefined : moduleTreeOf(inside, version);
  return { ...known, archive, tree: running, inside, modules: tree === undefined ? undefined : openModules(inside, tree, known.decoders) };
}

/** The same without a look at its modules. */
export function plainSubject(archive: Archive, known: Known): Subject {
  const tree = runningTree(archive);
  return { ...known, archive, tree, inside: treeRoot(tree, 'the archive'), modules: undefined };
}

/** A finding about a path of the archive. */
export function finding(code: string, severity: Severity, message: string, path?: string): Finding {
  return { code, severity, where: path === undefined ? {} : { path }, message };
}
