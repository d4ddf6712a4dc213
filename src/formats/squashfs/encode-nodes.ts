// What of a tree becomes an inode: numbers, link counts, and which file's data comes first.
import { KindlingError } from '../../errors.ts';
import { directory, type Entry, type FileEntry, type HardlinkEntry, type Tree } from '../../tree/index.ts';

/** An entry that is no mere name of another one. */
export type NodeEntry = Exclude<Entry, HardlinkEntry>;

/** One inode about to be written. */
export interface Node {
  readonly entry: NodeEntry;
  /** From 1. */
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

const INODES_MOST = 0xfffffffe; // one more is the root's parent

/** Numbers the inodes of a tree; a root is added where there is none. */
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
  if (all.length > INODES_MOST)
    throw new KindlingError('NOT_EXPRESSIBLE', `${all.length} inodes, squashfs holds ${INODES_MOST}`, { structure: 'squashfs' });
  for (const node of all) {
    if (node.entry.kind !== 'directory') continue;
    for (const child of tree.children(node.entry.path)) if (child.kind === 'directory') node.linkCount += 1;
  }
  const of = (entry: Entry): Node => nodes.get(named(entry))!;
  return { all, root: all[0]!, of };
}

/** The files in the order their data is stored: by the highest priority of their names, then as in the tree. */
export function dataOrder(nodes: Nodes, tree: Tree, order: ReadonlyMap<string, number> | undefined): FileEntry[] {
  const files = nodes.all.flatMap(({ entry }) => (entry.kind === 'file' ? [entry] : []));
  if (order === undefined || order.size === 0) return files;
  const priorities = new Map<Entry, number>();
  for (const entry of tree.entries) {
    const priority = order.get(entry.path);
    if (priority === undefined || (entry.kind !== 'file' && entry.kind !== 'hardlink')) continue;
    const target = nodes.of(entry).entry;
    priorities.set(target, Math.max(priority, priorities.get(target) ?? priority));
  }
  return files.sort((a, b) => (priorities.get(b) ?? 0) - (priorities.get(a) ?? 0));
}
