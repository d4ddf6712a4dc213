// What of a tree becomes an inode: numbers and link counts, by which hard links are known again.
import { KindlingError } from '../errors.ts';
import { directory, type Entry, type HardlinkEntry } from './entry.ts';
import type { Tree } from './tree.ts';

/** An entry that is no mere name of another one. */
export type NodeEntry = Exclude<Entry, HardlinkEntry>;

/** One inode about to be written. */
export interface Node {
  readonly entry: NodeEntry;
  /** From 1, in tree order. */
  readonly number: number;
  /** Names it has; for a directory 2 and one for each directory in it. */
  linkCount: number;
}

/** All inodes of an image, in tree order; the root is the first. */
export interface Nodes {
  readonly all: readonly Node[];
  readonly root: Node;
  /** The inode behind any entry of the tree. */
  of(entry: Entry): Node;
}

/** Numbers the inodes of a tree; a root is added where there is none. Throws NO_ENTRY for a hard link to nothing. */
export function nodesOf(tree: Tree): Nodes {
  const all: Node[] = [];
  const nodes = new Map<NodeEntry, Node>();
  const named = (entry: Entry): NodeEntry => {
    const target = entry.kind === 'hardlink' ? tree.get(entry.to) : entry;
    if (target !== undefined && target.kind !== 'hardlink') return target;
    throw new KindlingError('NO_ENTRY', `the hard link "${entry.path}" names nothing in the tree`, { path: entry.path });
  };
  const add = (entry: NodeEntry): void => {
    const there = nodes.get(entry);
    if (there !== undefined) {
      there.linkCount += 1;
      return;
    }
    const node: Node = { entry, number: all.length + 1, linkCount: entry.kind === 'directory' ? 2 : 1 };
    nodes.set(entry, node);
    all.push(node);
  };
  const first = tree.entries[0];
  add(first?.path === '' && first.kind === 'directory' ? first : directory(''));
  for (const entry of tree.entries) if (entry.path !== '') add(named(entry));
  for (const node of all) {
    if (node.entry.kind !== 'directory') continue;
    for (const child of tree.children(node.entry.path)) if (child.kind === 'directory') node.linkCount += 1;
  }
  return { all, root: all[0]!, of: (entry) => (entry.path === '' ? all[0]! : nodes.get(named(entry))!) };
}
