// A bundle as several, for file systems that hold no file so large: pieces of its tree that overlayfs joins to the same root again.
import { type Entry, makeTree, type Tree } from '../../tree/index.ts';
import { unmarked } from './marks.ts';
import { pick } from './pick.ts';

/**
 * The tree in at most `count` pieces of about equal content, in tree order. A file and its hard links stay together. Each piece has the
 * directories above what it holds; marks that hide what is below stay in the lowest one alone, since they would hide the other pieces.
 */
export function cutTree(tree: Tree, count: number): readonly Tree[] {
  const total = tree.entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  const pieceOf = new Map<string, number>();
  let behind = 0;
  let piece = count - 1;
  for (const entry of tree.entries.toReversed()) {
    const size = sizeOf(entry);
    // by its middle: a large file does not draw what is beside it into its own piece. What has no size goes with what follows.
    if (size > 0) piece = Math.floor(((total - behind - size / 2) * count) / total);
    behind += size;
    if (entry.kind !== 'hardlink') pieceOf.set(entry.path, piece);
  }
  for (const entry of tree.entries) if (entry.kind === 'hardlink') pieceOf.set(entry.path, pieceOf.get(entry.to) ?? 0);
  const seen = new Set<string>();
  const pieces: Tree[] = [];
  for (let index = 0; index < count; index++) {
    const { entries } = pick(tree, tree.entries, ({ path }) => pieceOf.get(path) === index);
    if (entries.every(({ path }) => seen.has(path))) continue;
    pieces.push(makeTree(entries.map((entry) => lowered(entry, seen))));
    for (const { path, kind } of entries) if (kind === 'directory') seen.add(path);
  }
  return pieces;
}

const sizeOf = (entry: Entry): number => (entry.kind === 'file' ? entry.content.size : 0);

function lowered(entry: Entry, seen: ReadonlySet<string>): Entry {
  return seen.has(entry.path) ? unmarked(unmarked(entry, 'trusted'), 'user') : entry;
}
