// Reads a squashfs image as a tree: superblock, inodes, directories and attributes now, content when it is asked for.
import { type ByteSource, compareNames, u32le } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { type Entry, joinPath, makeTree, PATH_MAX, pathFault, type Tree } from '../../tree/index.ts';
import { contentOf } from './decode-content.ts';
import { type DirectoryRecord, readDirectory } from './decode-directory.ts';
import { type Inode, readInode, TYPE_OF } from './decode-inode.ts';
import type { SquashfsFacts } from './decode-superblock.ts';
import { openVolume, type Volume } from './decode-volume.ts';
import { fault } from './faults.ts';
import { METADATA_SIZE } from './structs.ts';

/** What `decode` takes besides the image. */
export interface DecodeOptions {
  /** One for each compressor that may be met, with `decodeBlock`. */
  readonly decoders: readonly Decoder[];
  readonly limits?: {
    /** Most entries of the tree; 1048576 unless told. */
    readonly entries?: number;
  };
}

/** A decoded image. The tree has a root entry; contents are read from the image when they are asked for. */
export interface SquashfsImage {
  readonly facts: SquashfsFacts;
  readonly tree: Tree;
}

/** Most entries of a tree unless told. */
export const ENTRIES_MAX = 1 << 20;

/** Fewer bytes than any codec takes to store a metadata block of 8192, its header included. */
const STORED_LEAST = 10;

/**
 * The image as a tree. Throws TRUNCATED, BAD_MAGIC, BAD_VALUE, UNSUPPORTED, LIMIT, BAD_NAME, CONFLICT (a name twice) or LINK_LOOP
 * (a directory that is its own ancestor or in two places), with structure and offset.
 */
export function decode(source: ByteSource, options: DecodeOptions): SquashfsImage {
  const volume = openVolume(source, options.decoders);
  const entries: Entry[] = [];
  walk(volume, options.limits?.entries ?? ENTRIES_MAX, ({ entry }) => entries.push(entry));
  try {
    return { facts: volume.layout.facts, tree: makeTree(entries) };
  } catch (error) {
    throw located(error, { structure: 'squashfs', offset: volume.layout.directoryTableAt });
  }
}

/** One entry met on the way through the image, with the inode behind it; of a directory also its records as they are stored. */
export interface Visit {
  readonly entry: Entry;
  readonly inode: Inode;
  /** Number of the inode of the directory it was met in; 0 for the root. */
  readonly parentNumber: number;
  readonly records: readonly DirectoryRecord[];
}

/** Goes through the whole image, each directory before what it holds, names in byte order. */
export function walk(volume: Volume, entriesMax: number, visit: (found: Visit) => void): void {
  const root = readInode(volume, volume.layout.root);
  if (root.kind !== 'directory') throw fault('BAD_VALUE', 'squashfs inode', root.at, `the root is a ${root.kind}, not a directory`);
  const firstPaths = new Map<number, string>();
  const pending: { path: string; inode: Inode; parentNumber: number }[] = [{ path: '', inode: root, parentNumber: 0 }];
  let count = 1;
  // Lists of blocks lie in the inode table one after the other: together they are never larger than it. Those that overlap are lies.
  const { inodeTableAt, directoryTableAt } = volume.layout;
  let listsLeft = ((directoryTableAt - inodeTableAt) / STORED_LEAST + 1) * METADATA_SIZE;
  while (pending.length > 0) {
    const { path, inode, parentNumber } = pending.pop()!;
    const entry = entryOf(volume, path, inode, firstPaths);
    if (inode.kind === 'file' && entry.kind === 'file') listsLeft -= inode.blockCount * u32le.size;
    if (listsLeft < 0) throw fault('LIMIT', 'squashfs inode', inode.at, 'lists of blocks that are larger than the inode table', path);
    const records = inode.kind === 'directory' ? readDirectory(volume, inode, entriesMax - count) : [];
    count += records.length;
    visit({ entry, inode, parentNumber, records });
    for (const { name, reference, type } of lastFirst(records)) {
      const child = joinPath(path, name);
      const wrong = nameFault(name, child);
      if (wrong !== undefined) throw fault('BAD_NAME', 'squashfs directory', inode.at, `the name ${JSON.stringify(name)} ${wrong}`, path);
      const found = readInode(volume, reference);
      if (TYPE_OF[found.kind] !== type) {
        throw fault(
          'BAD_VALUE',
          'squashfs directory',
          inode.at,
          `"${name}" is listed with type ${type}, its inode is a ${found.kind}`,
          path,
        );
      }
      pending.push({ path: child, inode: found, parentNumber: inode.number });
    }
  }
}

/** Records from the last name to the first. Images of good writers have them sorted. */
function lastFirst(records: readonly DirectoryRecord[]): readonly DirectoryRecord[] {
  const isSorted = records.every(({ name }, index) => index === 0 || compareNames(records[index - 1]!.name, name) < 0);
  return isSorted ? records.toReversed() : records.toSorted((a, b) => compareNames(b.name, a.name));
}

/** Why a name cannot be one, or its path no path. */
export function nameFault(name: string, path: string): string | undefined {
  if (name.includes('/')) return 'holds a slash';
  // short paths are as good as their last name
  return pathFault(path.length * 3 < PATH_MAX ? name : path);
}

/** The entry of an inode met at `path`; `firstPaths` says where each was met before. Throws LINK_LOOP for a directory met twice. */
export function entryOf(volume: Volume, path: string, inode: Inode, firstPaths: Map<number, string>): Entry {
  const { kind, uid, gid, mtime, reference } = inode;
  const mode = kind === 'symlink' ? 0o777 : inode.mode;
  const first = firstPaths.get(reference);
  if (first !== undefined) {
    if (kind !== 'directory') return { kind: 'hardlink', path, to: first, mode, uid, gid, mtime };
    const where = { structure: 'squashfs directory', offset: inode.at, path };
    throw new KindlingError('LINK_LOOP', `squashfs directory: "${first}" is also at "${path}"`, where);
  }
  firstPaths.set(reference, path);
  const xattrs = inode.xattrIndex === undefined ? undefined : volume.xattrs.set(inode.xattrIndex);
  const common = { path, mode, uid, gid, mtime, ...(xattrs === undefined || xattrs.size === 0 ? {} : { xattrs }) };
  switch (kind) {
    case 'file':
      return { kind, ...common, content: contentOf(volume, inode) };
    case 'symlink':
      return { kind, ...common, target: inode.target };
    case 'char':
    case 'block':
      return { kind, ...common, major: inode.major, minor: inode.minor };
    default:
      return { kind, ...common };
  }
}
