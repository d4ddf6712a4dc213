// The inodes of an image: how many there may be, and which file's data comes first.
import { KindlingError } from '../../errors.ts';
import { type Entry, type FileEntry, type Nodes, nodesOf as numbered, type Tree } from '../../tree/index.ts';

const INODES_MOST = 0xfffffffe; // one more is the root's parent

/** Numbers the inodes of a tree. Throws NOT_EXPRESSIBLE for more than squashfs has numbers. */
export function nodesOf(tree: Tree): Nodes {
  const nodes = numbered(tree);
  if (nodes.all.length <= INODES_MOST) return nodes;
  throw new KindlingError('NOT_EXPRESSIBLE', `${nodes.all.length} inodes, squashfs holds ${INODES_MOST}`, { structure: 'squashfs' });
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
