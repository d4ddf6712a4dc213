// The inode and directory tables: what a directory holds comes before it, so that its listing can say where that is.
import { KindlingError } from '../../errors.ts';
import type { Entry, Node, NodeEntry, Nodes, Tree } from '../../tree/index.ts';
import type { BlockCompressor } from './compressor.ts';
import type { DataPart } from './encode-data.ts';
import { indexBytes, type Listed, listing } from './encode-directory.ts';
import { type InodeFacts, putDirectory, putFile, putOther } from './encode-inodes.ts';
import type { XattrPart } from './encode-xattrs.ts';
import { metadataTable, type Position } from './tables.ts';

/** The finished tables. */
export interface Metadata {
  readonly inodeTable: Uint8Array;
  readonly directoryTable: Uint8Array;
  /** User and group numbers by index. */
  readonly ids: readonly number[];
  /** Where each inode is, by number, the first of them at 0. */
  readonly positions: readonly Position[];
  readonly root: Position;
}

const IDS_MOST = 65535;

/** Gives each user and group number its index, in the order they are asked for. Throws NOT_EXPRESSIBLE when there are too many. */
function idTable(): { readonly ids: number[]; indexOf(id: number, entry: Entry): number } {
  const ids: number[] = [];
  const indexes = new Map<number, number>();
  return {
    ids,
    indexOf(id, entry) {
      const there = indexes.get(id);
      if (there !== undefined) return there;
      if (ids.length === IDS_MOST) {
        throw new KindlingError('NOT_EXPRESSIBLE', `more than ${IDS_MOST} different users and groups, squashfs holds no more`, {
          path: entry.path,
          structure: 'squashfs',
        });
      }
      indexes.set(id, ids.length);
      return ids.push(id) - 1;
    },
  };
}

/** Throws NOT_EXPRESSIBLE when there are more users and groups than an image holds. */
export function checkIds(nodes: Nodes): void {
  const table = idTable();
  for (const { entry } of nodes.all) {
    table.indexOf(entry.uid, entry);
    table.indexOf(entry.gid, entry);
  }
}

/** Writes all inodes and listings. The data must be complete. */
export async function metadataOf(
  tree: Tree,
  nodes: Nodes,
  data: DataPart,
  xattrs: XattrPart | undefined,
  compressor: BlockCompressor,
): Promise<Metadata> {
  const inodes = metadataTable(compressor);
  const directories = metadataTable(compressor);
  const table = idTable();
  const positions: Position[] = [];

  const factsOf = (node: Node): InodeFacts => ({
    node,
    uidIndex: table.indexOf(node.entry.uid, node.entry),
    gidIndex: table.indexOf(node.entry.gid, node.entry),
    xattrIndex: xattrs?.indexOf(node),
  });
  const write = (node: Node, put: () => void): Position => {
    const position = inodes.position();
    positions[node.number - 1] = position;
    put();
    return position;
  };
  const writePlain = (node: Node, entry: Exclude<NodeEntry, { kind: 'directory' }>): Position =>
    write(node, () => {
      if (entry.kind === 'file') putFile(inodes, factsOf(node), data.dataOf.get(entry)!, entry.content.size);
      else putOther(inodes, factsOf(node), entry);
    });

  async function writeDirectory(node: Node, parent: number): Promise<Position> {
    const listed: Listed[] = [];
    for (const child of tree.children(node.entry.path)) {
      const there = nodes.of(child);
      const { entry } = there;
      const inode =
        entry.kind === 'directory' ? await writeDirectory(there, node.number) : (positions[there.number - 1] ?? writePlain(there, entry));
      if (inodes.isFull) await inodes.settle();
      const name = child.path.slice(child.path.lastIndexOf('/') + 1);
      listed.push({ name, kind: entry.kind, inodeNumber: there.number, inode });
    }
    const { size, index, isLong, put } = listing(listed);
    // An empty listing is nowhere: at the end of the table there may be no block.
    const position = size === 0 ? { blockAt: 0, offset: 0 } : directories.position();
    put(directories);
    if (directories.isFull) await directories.settle();
    const points = indexBytes(index, position, directories.starts);
    const facts = { size, position, isLong, index: points, indexCount: index.length, parent };
    return write(node, () => putDirectory(inodes, factsOf(node), facts));
  }

  const root = await writeDirectory(nodes.root, nodes.all.length + 1);
  const inodeTable = await inodes.finish();
  const directoryTable = await directories.finish();
  return { inodeTable, directoryTable, ids: table.ids, positions, root };
}
