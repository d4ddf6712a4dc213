// Layers made for aufs (Slax before overlayfs, OCI images): whiteouts are files `.wh.NAME`, `.wh..wh..opq` makes its directory opaque, all
// other `.wh..wh.*` are aufs's own. overlayfs would show them as files, so they are turned into its marks. So are whiteouts that only
// Linux 6.7 and later know, and marks of mounts with userxattr. What overlayfs notes in its upper directory for itself is taken away.
import { KindlingError } from '../../errors.ts';
import { baseName, type DirectoryEntry, directory, type Entry, joinPath, parentOf, type Tree } from '../../tree/index.ts';
import { isMetacopy, isOpaque, isWhiteout, type MarkSpace, opaque, redirectOf, unmarked, whiteout } from './marks.ts';
import { pick } from './pick.ts';

const PREFIX = '.wh.';
const OPAQUE = '.wh..wh..opq';
const SPACES: readonly MarkSpace[] = ['trusted', 'user'];

/** A layer in overlayfs's form, and what was changed to get there. */
export interface Converted {
  readonly tree: Tree;
  readonly whiteoutCount: number;
  readonly opaqueCount: number;
  /** aufs's own files, left out. */
  readonly ownCount: number;
  /** Whiteouts in a form that older kernels do not know, now devices. */
  readonly newerCount: number;
  /** Directories that were renamed: overlayfs follows them only where it is mounted with redirect_dir. */
  readonly redirectCount: number;
}

/** The entry with only those of overlayfs's attributes that a lower layer needs, in one space. */
function withMarks(entry: Entry, marks: MarkSpace): Entry {
  const plain = SPACES.reduce(unmarked, entry);
  if (plain === entry || entry.kind !== 'directory' || plain.kind !== 'directory') return plain;
  const redirect = SPACES.map((space) => redirectOf(entry, space)).find((value) => value !== undefined);
  const marked = SPACES.some((space) => isOpaque(entry, space)) ? opaque(plain, marks) : plain;
  if (redirect === undefined) return marked;
  return { ...marked, xattrs: new Map([...(marked.xattrs ?? []), [`${marks}.overlay.redirect`, redirect]]) };
}

/**
 * A layer in the form that overlayfs reads. Throws NOT_EXPRESSIBLE when the whole layer is opaque, for which overlayfs has no form,
 * UNSUPPORTED for a file whose content is in another layer.
 */
export function overlayForm(tree: Tree, marks: MarkSpace = 'trusted'): Converted {
  const counts = { whiteoutCount: 0, opaqueCount: 0, ownCount: 0, newerCount: 0, redirectCount: 0 };
  const hidden: string[] = [];
  const opaques = new Set<string>();
  const own = new Set<string>();
  const kept = new Map<string, Entry>();
  for (const entry of tree.entries) {
    const name = baseName(entry.path);
    const parent = parentOf(entry.path);
    if (own.has(parent) && entry.path !== '') own.add(entry.path);
    else if (name === OPAQUE) opaques.add(parent);
    else if (name.startsWith(`${PREFIX}${PREFIX}`)) {
      own.add(entry.path);
      counts.ownCount += 1;
    } else if (name.startsWith(PREFIX) && name.length > PREFIX.length && entry.kind !== 'directory') {
      hidden.push(joinPath(parent, name.slice(PREFIX.length)));
      counts.whiteoutCount += 1;
    } else if (entry.kind === 'file' && SPACES.some((space) => isWhiteout(entry, space))) {
      kept.set(entry.path, whiteout(entry.path, entry.mtime));
      counts.newerCount += 1;
    } else {
      if (SPACES.some((space) => isMetacopy(entry, space))) {
        const message = 'the file has its metadata here and its content in another layer (metacopy), so that this layer alone is no bundle';
        throw new KindlingError('UNSUPPORTED', message, { path: entry.path });
      }
      if (SPACES.some((space) => redirectOf(entry, space) !== undefined)) counts.redirectCount += 1;
      kept.set(entry.path, withMarks(entry, marks));
    }
  }
  for (const path of hidden) {
    const there = kept.get(path);
    if (there === undefined) kept.set(path, whiteout(path, tree.get(parentOf(path))?.mtime ?? 0));
    else if (there.kind === 'directory') opaques.add(path); // gone below, and here anew
  }
  for (const path of opaques) {
    if (path === '') {
      const message = 'the layer hides everything below it (an opaque mark at the top), for which overlayfs has no form';
      throw new KindlingError('NOT_EXPRESSIBLE', message, { path: OPAQUE });
    }
    kept.set(path, opaque((kept.get(path) ?? directory(path)) as DirectoryEntry, marks));
    counts.opaqueCount += 1;
  }
  return { tree: pick(tree, [...kept.values()], () => true), ...counts };
}
