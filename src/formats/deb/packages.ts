// Several packages as one root. Packages put files below paths that are links in the finished root (/lib to usr/lib, /var/lock to
// /run/lock): dpkg follows such a link when it unpacks, and so does this.
import { KindlingError } from '../../errors.ts';
import {
  type Entry,
  joinPath,
  makeTree,
  parentOf,
  type SymlinkEntry,
  sameEntry,
  symlink,
  type Tree,
  withParents,
} from '../../tree/index.ts';
import { MERGED_DIRECTORIES } from './structs.ts';

/** One package to merge. */
export interface PackagePart {
  /** What to call it in messages, its file name for instance. */
  readonly label: string;
  readonly data: Tree;
}

/** How packages are merged. */
export interface MergeOptions {
  /** Whether bin, sbin and lib* are links into usr even where no package holds such a link (in Debian 12 no package does); true unless told. */
  readonly usrMerge?: boolean;
}

const LINKS_MOST = 40;

interface Placed {
  readonly entry: Entry;
  readonly label: string;
}

/**
 * The tree that unpacking all the packages gives. Order does not matter. Directories may repeat (the first package's owner and mode hold),
 * and so may equal entries; throws CONFLICT, naming both packages, for two different entries at a path, and LINK_LOOP.
 */
export function packagesTree(packages: readonly PackagePart[], options: MergeOptions = {}): Tree {
  const links = linksOf(packages, options.usrMerge ?? true);
  const placed = new Map<string, Placed>();
  for (const { label, data } of packages) {
    for (const entry of data.entries) place(placed, entry, label, links);
  }
  // A merged link is wanted only where something is behind it: an arm64 root has no lib64.
  for (const name of options.usrMerge === false ? [] : MERGED_DIRECTORIES) {
    if (!placed.has(name) && placed.has(`usr/${name}`)) placed.set(name, { entry: symlink(name, `usr/${name}`), label: '' });
  }
  return makeTree(withParents([...placed.values()].map(({ entry }) => entry)));
}

/** Every symbolic link of every package, and those of a merged /usr. */
function linksOf(packages: readonly PackagePart[], usrMerge: boolean): Map<string, SymlinkEntry> {
  const links = new Map<string, SymlinkEntry>();
  for (const { data } of packages) {
    for (const entry of data.entries) if (entry.kind === 'symlink') links.set(entry.path, entry);
  }
  if (usrMerge) for (const name of MERGED_DIRECTORIES) links.set(name, symlink(name, `usr/${name}`));
  return links;
}

function place(placed: Map<string, Placed>, entry: Entry, label: string, links: ReadonlyMap<string, SymlinkEntry>): void {
  // A directory that another package has as a link goes where the link leads; any other entry only its parents do.
  const path = entry.kind === 'directory' ? realPath(entry.path, links) : realParent(entry.path, links);
  const to = entry.kind === 'hardlink' ? { to: realParent(entry.to, links) } : {};
  const moved: Entry = path === entry.path && entry.kind !== 'hardlink' ? entry : { ...entry, path, ...to };
  const there = placed.get(path);
  if (there === undefined) placed.set(path, { entry: moved, label });
  else if (there.entry.kind !== 'directory' || moved.kind !== 'directory') {
    if (sameEntry(there.entry, moved)) return;
    throw new KindlingError('CONFLICT', `"${path}" is in ${there.label} and in ${label}, and differs`, { path });
  }
}

function realParent(path: string, links: ReadonlyMap<string, SymlinkEntry>): string {
  return joinPath(realPath(parentOf(path), links), path.slice(path.lastIndexOf('/') + 1));
}

/** Where a path leads when every component that is a link is followed, inside the root. */
function realPath(path: string, links: ReadonlyMap<string, SymlinkEntry>): string {
  let rest = path.split('/');
  let at = '';
  let crossedCount = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      at = parentOf(at);
      continue;
    }
    const here = joinPath(at, name);
    const link = links.get(here);
    if (link === undefined) {
      at = here;
      continue;
    }
    crossedCount += 1;
    if (crossedCount > LINKS_MOST) throw new KindlingError('LINK_LOOP', `more than ${LINKS_MOST} symbolic links on the way`, { path });
    if (link.target.startsWith('/')) at = '';
    rest = [...link.target.split('/'), ...rest];
  }
  return at;
}
