// Layers made for aufs (Slax before overlayfs, OCI images): whiteouts are files `.wh.NAME`, `.wh..wh..opq` makes its directory opaque, all
// other `.wh..wh.*` are aufs's own. overlayfs would show them as files, so they are turned into its marks. So are whiteouts that only
// Linux 6.7 and later know.
import { KindlingError } from '../../errors.ts';
import { baseName, type DirectoryEntry, directory, type Entry, joinPath, parentOf, type Tree } from '../../tree/index.ts';
import { isWhiteout, type MarkSpace, opaque, whiteout } from './marks.ts';
import { pick } from './pick.ts';

const PREFIX = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** A layer in overlayfs's form, and what was changed to get there. */
export interface Converted {
  readonly tree: Tree;
  readonly whiteoutCount: number;
  readonly opaqueCount: number;
  /** aufs's own files, left out. */
  readonly ownCount: number;
  /** Whiteouts in a form that older kernels do not know, now devices. */
  readonly newerCount: number;
}

/** Turns aufs's marks into overlayfs's. Throws NOT_EXPRESSIBLE when the whole layer is opaque: overlayfs has no form for that. */
export function overlayForm(tree: Tree, marks: MarkSpace = 'trusted'): Converted {
  const counts = { whiteoutCount: 0, opaqueCount: 0, ownCount: 0, newerCount: 0 };
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
    } else if (entry.kind === 'file' && isWhiteout(entry, marks)) {
      kept.set(entry.path, whiteout(entry.path, entry.mtime));
      counts.newerCount += 1;
    } else kept.set(entry.path, entry);
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
  const changed = counts.whiteoutCount + counts.opaqueCount + counts.ownCount + counts.newerCount > 0;
  return { tree: changed ? pick(tree, [...kept.values()], () => true) : tree, ...counts };
}
