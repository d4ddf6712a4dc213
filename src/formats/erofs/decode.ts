// Reads an EROFS image as a tree: superblock, inodes, directories, xattrs and link targets now, content when it is asked for.
import type { ByteSource } from '../../bytes/index.ts';
import { compareNames, nameFromBytes } from '../../bytes/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { type Entry, joinPath, makeTree, PATH_MAX, pathFault, type Tree } from '../../tree/index.ts';
import { contentOf } from './content.ts';
import { type DirectoryRecord, readDirectory } from './directory.ts';
import { fault } from './faults.ts';
import { type Inode, isCompressed, readInode } from './inode.ts';
import { dirent } from './structs.ts';
import type { ErofsFacts } from './superblock.ts';
import { openVolume, type Volume, type VolumeOptions } from './volume.ts';
import { readPrefixes, readXattrs } from './xattrs.ts';

/** What `decode` takes besides the image. */
export interface DecodeOptions extends VolumeOptions {
  readonly limits?: {
    /** Most entries of the tree; 4 million unless told. */
    readonly entries?: number;
  };
}

/** A decoded image. The tree has a root entry; contents are read from the image when they are asked for. */
export interface ErofsImage {
  readonly facts: ErofsFacts;
  readonly tree: Tree;
}

/** Most entries of a tree unless told. */
export const ENTRIES_MAX = 4_000_000;

/**
 * The image as a tree. Throws TRUNCATED, BAD_MAGIC, BAD_VALUE, UNSUPPORTED, LIMIT, BAD_NAME, CONFLICT (a name twice) or LINK_LOOP
 * (a directory that is its own ancestor or in two places), with structure and offset. A wrong checksum of the superblock is for `check`.
 */
export function decode(source: ByteSource, options: DecodeOptions): ErofsImage {
  const volume = openVolume(source, options);
  const entries: Entry[] = [];
  walk(volume, options.limits?.entries ?? ENTRIES_MAX, ({ entry }) => entries.push(entry));
  try {
    return { facts: volume.layout.facts, tree: makeTree(entries) };
  } catch (error) {
    throw located(error, { structure: 'erofs' });
  }
}

/** One entry met on the way through the image, with the inode behind it; of a directory also its records as they are stored. */
export interface Visit {
  readonly entry: Entry;
  readonly inode: Inode;
  readonly parentNid: bigint;
  readonly records: readonly DirectoryRecord[];
}

/** Goes through the whole image, each directory before what it holds, names in byte order. */
export function walk(volume: Volume, entriesMax: number, visit: (found: Visit) => void): void {
  const prefixes = readPrefixes(volume);
  const root = readInode(volume, volume.layout.rootNid);
  if (root.kind !== 'directory') throw fault('BAD_VALUE', root.place, `the root is a ${root.kind}, not a directory`);
  const firstPaths = new Map<bigint, string>();
  const pending = [{ path: '', inode: root, parentNid: root.nid }];
  let direntBytes = 0;
  let count = 0;
  while (pending.length > 0) {
    const { path, inode, parentNid } = pending.pop()!;
    if (++count > entriesMax) throw fault('LIMIT', inode.place, `more than ${entriesMax} entries`);
    const entry = entryOf(volume, prefixes, path, inode, firstPaths);
    const records = inode.kind === 'directory' ? readDirectory(volume, inode) : [];
    visit({ entry, inode, parentNid, records });
    // directories do not share blocks, so their records cannot take more than the image has, unless they are compressed
    if (inode.area === volume.source && !isCompressed(inode)) direntBytes += records.length * dirent.size;
    if (direntBytes > volume.source.size) throw fault('LIMIT', inode.place, 'directories that together are larger than the image');
    for (const { name, nid } of [...records].sort((a, b) => compareNames(b.name, a.name))) {
      if (name === '.' || name === '..') continue;
      const child = joinPath(path, name);
      const wrong = name.includes('/') ? 'holds a slash' : pathFault(child);
      if (name === '' || wrong !== undefined) {
        throw new KindlingError('BAD_NAME', `${inode.place.structure}: the name ${JSON.stringify(name)} ${wrong ?? 'is empty'}`, {
          ...inode.place,
          path,
        });
      }
      pending.push({ path: child, inode: readInode(volume, nid), parentNid: inode.nid });
    }
  }
}

function entryOf(volume: Volume, prefixes: readonly string[], path: string, inode: Inode, firstPaths: Map<bigint, string>): Entry {
  const { kind, mode, uid, gid, mtime, place } = inode;
  const first = firstPaths.get(inode.nid);
  if (first !== undefined) {
    if (kind === 'directory') {
      throw new KindlingError('LINK_LOOP', `${place.structure}: the directory "${first}" is also at "${path}"`, { ...place, path });
    }
    return { kind: 'hardlink', path, to: first, mode: kind === 'symlink' ? 0o777 : mode, uid, gid, mtime };
  }
  firstPaths.set(inode.nid, path);
  const xattrs = readXattrs(volume, inode, prefixes);
  const common = { path, mode, uid, gid, mtime, ...(xattrs.size === 0 ? {} : { xattrs }) };
  switch (kind) {
    case 'file':
      return { kind, ...common, content: contentOf(volume, inode) };
    case 'symlink':
      return { kind, ...common, mode: 0o777, target: targetOf(volume, inode) };
    case 'char':
    case 'block':
      return { kind, ...common, ...inode.device };
    default:
      return { kind, ...common };
  }
}

function targetOf(volume: Volume, inode: Inode): string {
  const { size, place } = inode;
  if (size === 0 || size >= PATH_MAX) throw fault('BAD_VALUE', place, `a symbolic link of ${size} bytes, expected 1 to ${PATH_MAX - 1}`);
  const target = nameFromBytes(contentOf(volume, inode).read(0, size));
  if (target.includes('\0')) throw fault('BAD_VALUE', place, 'the target of a symbolic link holds a NUL');
  return target;
}
