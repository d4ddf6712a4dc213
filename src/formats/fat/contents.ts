// A tree as FAT stores it: directories with the names of what they hold, files with their bytes, each with its run of clusters. Everything is
// stored in one piece, directories first, so that what a driver reads to list the volume lies together.
import type { ByteSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { baseName, type Entry, type Tree } from '../../tree/index.ts';
import { type FatName, nameAll, recordCount } from './names.ts';
import { DIRECTORY_SIZE_MOST, FIRST_CLUSTER, record } from './structs.ts';

/** Something with a name in a directory. */
export interface Child {
  readonly name: FatName;
  readonly entry: Entry;
  readonly node: DirectoryNode | FileNode;
}

/** A directory to be written. `cluster` is 0 for the root of FAT12 and FAT16, which is not among the clusters. */
export interface DirectoryNode {
  readonly kind: 'directory';
  readonly path: string;
  readonly parent: DirectoryNode | undefined;
  readonly children: readonly Child[];
  /** Bytes of its records. */
  readonly size: number;
}

/** A file to be written. */
export interface FileNode {
  readonly kind: 'file';
  readonly path: string;
  readonly content: ByteSource;
  readonly size: number;
}

/** All that is written, in the order in which it is stored. The first directory is the root. */
export interface Contents {
  readonly directories: readonly DirectoryNode[];
  readonly files: readonly FileNode[];
}

/** The file behind an entry, or undefined for one that FAT leaves out. */
function contentOf(tree: Tree, entry: Entry): ByteSource | undefined {
  const named = entry.kind === 'hardlink' ? tree.get(entry.to) : entry;
  return named?.kind === 'file' ? named.content : undefined;
}

/** Throws NOT_EXPRESSIBLE for a directory of more than 65536 records. */
export function contentsOf(tree: Tree, hasLabel: boolean): Contents {
  const directories: DirectoryNode[] = [];
  const files: FileNode[] = [];
  const add = (path: string, parent: DirectoryNode | undefined): DirectoryNode => {
    const kept = tree.children(path).filter((entry) => entry.kind === 'directory' || contentOf(tree, entry) !== undefined);
    const names = nameAll(kept.map((entry) => baseName(entry.path)));
    const own = parent === undefined ? (hasLabel ? 1 : 0) : 2;
    const size = names.reduce((count, name) => count + recordCount(name), own) * record.size;
    if (size > DIRECTORY_SIZE_MOST) {
      const message = `fat: the directory "${path}" takes ${size / record.size} records, FAT holds ${DIRECTORY_SIZE_MOST / record.size}`;
      throw new KindlingError('NOT_EXPRESSIBLE', message, { path, structure: 'fat' });
    }
    const children: Child[] = [];
    const node: DirectoryNode = { kind: 'directory', path, parent, children, size };
    directories.push(node);
    for (const [index, entry] of kept.entries()) {
      const name = names[index]!;
      if (entry.kind === 'directory') children.push({ name, entry, node: add(entry.path, node) });
      else {
        const content = contentOf(tree, entry)!;
        const file: FileNode = { kind: 'file', path: entry.path, content, size: content.size };
        files.push(file);
        children.push({ name, entry, node: file });
      }
    }
    return node;
  };
  add('', undefined);
  return { directories, files };
}

/** Where everything is: first clusters by node, the last cluster of every run in order, and the first cluster that is free. */
export interface Placement {
  readonly first: ReadonlyMap<DirectoryNode | FileNode, number>;
  readonly stored: readonly (DirectoryNode | FileNode)[];
  readonly lasts: readonly number[];
  readonly freeCluster: number;
}

/** Clusters one after the other. Of FAT12 and FAT16 the root is elsewhere. */
export function placementOf({ directories, files }: Contents, clusterSize: number, rootInClusters: boolean): Placement {
  const first = new Map<DirectoryNode | FileNode, number>();
  const stored: (DirectoryNode | FileNode)[] = [];
  const lasts: number[] = [];
  let cluster = FIRST_CLUSTER;
  for (const node of [...(rootInClusters ? directories : directories.slice(1)), ...files]) {
    // an empty file has no cluster, a directory always one
    const count = node.kind === 'file' ? Math.ceil(node.size / clusterSize) : Math.max(1, Math.ceil(node.size / clusterSize));
    if (count === 0) continue;
    first.set(node, cluster);
    stored.push(node);
    cluster += count;
    lasts.push(cluster - 1);
  }
  return { first, stored, lasts, freeCluster: cluster };
}

/** Clusters that everything takes together. */
export function clustersNeeded(contents: Contents, clusterSize: number, rootInClusters: boolean): number {
  const directories = rootInClusters ? contents.directories : contents.directories.slice(1);
  const ofDirectories = directories.reduce((count, { size }) => count + Math.max(1, Math.ceil(size / clusterSize)), 0);
  return contents.files.reduce((count, { size }) => count + Math.ceil(size / clusterSize), ofDirectories);
}
