// What there is to say of each bundle of a stack: how much it holds, what it adds, what it hides of those below, the kernels of its modules.
import type { Entry } from '../../tree/index.ts';
import { isOpaque, isWhiteout } from './marks.ts';
import type { Layer, Shadow, Union } from './union.ts';

/** A bundle in its stack. */
export interface BundleFacts {
  readonly name: string;
  /** Entries, directories and marks included. */
  readonly entryCount: number;
  /** Everything that is no directory and no mark. */
  readonly fileCount: number;
  /** Bytes of all file contents, names of one file counted once. */
  readonly unpackedSize: number;
  /** Files at paths that no lower bundle shows. */
  readonly addedCount: number;
  /** Files at paths where a lower bundle had something. */
  readonly replacedCount: number;
  /** Whiteouts and opaque directories. */
  readonly markCount: number;
  /** Entries of lower bundles that its marks hide. */
  readonly removedCount: number;
  /** Its own entries that are not seen because of higher bundles. */
  readonly hiddenCount: number;
  /** Marks that hide nothing. */
  readonly idleCount: number;
  /** Releases of the kernels that it has modules for, by name. */
  readonly kernels: readonly string[];
  /** What it hides of the bundles below. */
  readonly hides: readonly Shadow[];
}

const MODULE = /^(?:usr\/)?lib\/modules\/([^/]+)\/.+\.ko(?:\.(?:gz|xz|zst))?$/s;

/** The facts of each layer, in the order of the stack. */
export function bundleFacts(layers: readonly Layer[], union: Union): BundleFacts[] {
  return layers.map(({ name, tree }, index) => {
    const hides = union.shadows.filter(({ by }) => by === index);
    const replaced = new Set(hides.filter(({ how }) => how === 'replaced').map(({ path }) => path));
    const files = tree.entries.filter((entry) => entry.kind !== 'directory' && !isWhiteout(entry));
    const replacedCount = files.filter(({ path }) => replaced.has(path)).length;
    return {
      name,
      entryCount: tree.entries.length,
      fileCount: files.length,
      unpackedSize: files.reduce((size, entry) => size + (entry.kind === 'file' ? entry.content.size : 0), 0),
      addedCount: files.length - replacedCount,
      replacedCount,
      markCount: tree.entries.filter((entry) => isWhiteout(entry) || isOpaque(entry)).length,
      removedCount: hides.reduce((count, { how, entryCount }) => count + (how === 'removed' ? entryCount : 0), 0),
      hiddenCount: union.shadows.reduce((count, { of, entryCount }) => count + (of === index ? entryCount : 0), 0),
      idleCount: union.idle.filter(({ layer }) => layer === index).length,
      kernels: kernelsOf(files),
      hides,
    };
  });
}

function kernelsOf(files: readonly Entry[]): string[] {
  const found = new Set<string>();
  for (const { path } of files) {
    const release = MODULE.exec(path)?.[1];
    if (release !== undefined) found.add(release);
  }
  return [...found].sort();
}
