// Where each file of a bundle goes in a root: the root's own links are followed inside it, its module tree may lie elsewhere, and what is
// for a kernel that it does not have is left out.
import { KindlingError } from '../../errors.ts';
import { moduleTreeOf, type Root, resolve } from '../../plan/index.ts';
import { baseName, type FileEntry, joinPath, parentOf, type SymlinkEntry } from '../../tree/index.ts';
import { type Bundle, isClosed, releaseOf } from './bundle.ts';
import { ITU_DIRECTORY } from './manifest.ts';

/** A file or link of a bundle, and its path in the root. */
export interface Placement {
  readonly entry: FileEntry | SymlinkEntry;
  readonly path: string;
}

/** Where everything goes. */
export interface Placing {
  readonly placements: readonly Placement[];
  /** Paths of the bundle for kernels that the root does not have. */
  readonly left: readonly string[];
}

/** The path of the root that a path of the bundle stands for, before links are followed. */
function homeOf(root: Root, path: string): string {
  const release = releaseOf(path);
  const tree = release === undefined ? undefined : moduleTreeOf(root, release);
  if (tree !== undefined) return `${tree}${path.slice(`usr/lib/modules/${release}`.length)}`;
  // A root of before the merge of /usr: its kernel looks for firmware in /lib alone.
  const unmerged = root.entry('lib')?.kind === 'directory' && root.entry('usr/lib/firmware') === undefined;
  return unmerged && path.startsWith('usr/lib/firmware/') ? path.slice('usr/'.length) : path;
}

function placeOf(root: Root, entry: Placement['entry']): string {
  const home = homeOf(root, entry.path);
  const parent = resolve(root, parentOf(home));
  if (parent.entry !== undefined && parent.entry.kind !== 'directory') {
    throw new KindlingError('CONFLICT', `/${parent.path} is a ${parent.entry.kind} where a directory must be`, {
      file: root.label,
      path: home,
    });
  }
  const path = joinPath(parent.path, baseName(home));
  if (isClosed(path) && !path.startsWith(`${ITU_DIRECTORY}/`)) {
    throw new KindlingError('UNSAFE_PATH', `a link of the root leads to /${path}, where no bundle writes`, {
      file: root.label,
      path: home,
    });
  }
  const there = root.entry(path);
  if (there !== undefined && there.kind !== 'file' && there.kind !== 'symlink') {
    throw new KindlingError('CONFLICT', `a ${there.kind} is where a ${entry.kind} must be`, { file: root.label, path });
  }
  return path;
}

/**
 * Where a bundle goes in a root. `kernels` are those of its kernels that the root has. Throws CONFLICT where a directory or a special file
 * is in the way or two paths come to the same place, UNSAFE_PATH where a link of the root leads to where no bundle writes.
 */
export function placing(bundle: Bundle, root: Root, kernels: readonly string[]): Placing {
  const placements = new Map<string, Placement>();
  const left: string[] = [];
  for (const entry of bundle.tree.entries) {
    if (entry.kind !== 'file' && entry.kind !== 'symlink') continue;
    const release = releaseOf(entry.path);
    if (release !== undefined && !kernels.includes(release)) {
      left.push(entry.path);
      continue;
    }
    const path = placeOf(root, entry);
    const other = placements.get(path);
    if (other !== undefined) {
      throw new KindlingError('CONFLICT', `${other.entry.path} and ${entry.path} are one path in ${root.label}`, { path });
    }
    placements.set(path, { entry, path });
  }
  return { placements: [...placements.values()], left };
}
