// The two layouts of a squashed archive, and how a tree is split by them into what is outside the image and what is in it.
import { KindlingError } from '../../errors.ts';
import { directory, type Entry, makeTree, parentOf, sameEntry, type Tree } from '../../tree/index.ts';
import type { Reason } from '../plan.ts';
import { LOADER_PART, type Loader } from './loader.ts';

/** A layout by name, and the path its image has in the archive. */
export interface SquashLayout {
  readonly name: 'squash' | 'squash-usr';
  readonly image: string;
}

/** `squash`: all of the tree in one image. `squash-usr`: only /usr, /etc and what is merged into them in no root; the rest stays. */
export const SQUASH_LAYOUTS: Readonly<Record<SquashLayout['name'], SquashLayout>> = {
  squash: { name: 'squash', image: 'squash-root.img' },
  'squash-usr': { name: 'squash-usr', image: 'squash/root.img' },
};

/** Path of the tree's own first process in layout `squash-usr`, where the loader is in its place. */
export const STOCK_INIT = 'init.stock';

// What another program keeps in an archive to read it again: it stays where that program looks for it.
const SPECIFICATION = /^usr\/lib\/dracut(\/|$)/;
const USR_TREES = ['usr', 'etc', 'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];

/** The directories at the top of a tree that layout `squash-usr` has in its image. */
export function usrTrees(tree: Tree): string[] {
  return USR_TREES.filter((name) => tree.get(name)?.kind === 'directory');
}

/** A tree in two. */
export interface Split {
  /** All that the kernel unpacks, but for the image. */
  readonly outside: Tree;
  readonly inside: Tree;
  /** Path of the image, outside. */
  readonly image: string;
  /** Reasons of what is outside and of what is inside; a path that is on both sides has both. */
  readonly reasons: ReadonlyMap<string, readonly Reason[]>;
}

/** Splits. Throws CONFLICT where the loader and what stays outside want different things at one path. */
export function split(tree: Tree, because: ReadonlyMap<string, readonly Reason[]>, loader: Loader, layout: SquashLayout): Split {
  const trees = layout.name === 'squash' ? undefined : usrTrees(tree);
  const isInside = (path: string): boolean => trees === undefined || trees.some((name) => path === name || path.startsWith(`${name}/`));
  const inside = makeTree([directory(''), ...sideOf(tree, (path) => path !== '' && isInside(path))]);
  const stay = sideOf(tree, (path) => path !== '' && (!isInside(path) || SPECIFICATION.test(path)));
  const outside = new Map<string, Entry>();
  for (const entry of loader.tree.entries) if (entry.path !== '') outside.set(entry.path, entry);
  const reasons = new Map<string, Reason[]>();
  for (const [path, list] of because) reasons.set(path, [...list]);
  const say = (path: string, list: readonly Reason[]): void => void reasons.set(path, [...(reasons.get(path) ?? []), ...list]);
  for (const [path, list] of loader.reasons) if (path !== '') say(path, list);
  for (const entry of stay) {
    const path = entry.path === 'init' ? STOCK_INIT : entry.path;
    if (entry.path === 'init') say(path, [{ part: LOADER_PART, text: 'the first process of the tree, run by the loader' }]);
    put(outside, { ...entry, path });
  }
  for (const path of [...outside.keys()]) addParents(outside, path, tree, say);
  say(layout.image, [{ part: LOADER_PART, text: 'the image with all else in it, mounted by the loader' }]);
  return { outside: makeTree(outside.values()), inside, image: layout.image, reasons };
}

/** The entries of one side; a hard link to a file on the other side becomes a file. */
function sideOf(tree: Tree, isHere: (path: string) => boolean): Entry[] {
  const moved = new Map<string, string>();
  return tree.entries.flatMap((entry): Entry[] => {
    if (!isHere(entry.path)) return [];
    if (entry.kind !== 'hardlink' || isHere(entry.to)) return [entry];
    const first = moved.get(entry.to);
    if (first !== undefined) return [{ ...entry, to: first }];
    moved.set(entry.to, entry.path);
    const named = tree.get(entry.to);
    return named === undefined ? [] : [{ ...named, path: entry.path }];
  });
}

function put(outside: Map<string, Entry>, entry: Entry): void {
  const there = outside.get(entry.path);
  if (there === undefined) outside.set(entry.path, entry);
  else if (there.kind !== 'directory' || entry.kind !== 'directory') {
    if (sameEntry(there, entry) || sameDevice(there, entry)) return;
    throw new KindlingError('CONFLICT', `"${entry.path}" is a ${there.kind} of the loader and a ${entry.kind} of the tree`, {
      path: entry.path,
    });
  }
}

/** One device, whatever its mode: devtmpfs hides both. */
function sameDevice(a: Entry, b: Entry): boolean {
  return (a.kind === 'char' || a.kind === 'block') && a.kind === b.kind && a.major === b.major && a.minor === b.minor;
}

function addParents(outside: Map<string, Entry>, path: string, tree: Tree, say: (path: string, list: readonly Reason[]) => void): void {
  for (let parent = parentOf(path), child = path; parent !== '' && !outside.has(parent); child = parent, parent = parentOf(parent)) {
    const entry = tree.get(parent);
    outside.set(parent, entry?.kind === 'directory' ? entry : directory(parent));
    if (entry === undefined) say(parent, [{ part: LOADER_PART, text: 'directory of it', because: child }]);
  }
}
