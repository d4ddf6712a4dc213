// Looks up single paths of an image: reads the directories on the way and nothing else, so that one file is had without the whole tree.
import { type ByteSource, compareNames } from '../../bytes/index.ts';
import { baseName, type Entry, joinPath, parentOf } from '../../tree/index.ts';
import { type DecodeOptions, ENTRIES_MAX, entryOf, nameFault } from './decode.ts';
import { type DirectoryRecord, readDirectory } from './decode-directory.ts';
import { type Inode, readInode, TYPE_OF } from './decode-inode.ts';
import { openVolume } from './decode-volume.ts';
import { fault } from './faults.ts';

/** An image to ask for paths. Answers are about the path itself, links are not followed; a further name of a file is that file. */
export interface Lookup {
  /** Undefined when there is no such path. */
  entry(path: string): Entry | undefined;
  /** Names in a directory, sorted by bytes; empty when it is none. */
  names(path: string): readonly string[];
}

/** Opens an image. It and its answers throw what `decode` throws for what they read; the rest of the image may be damaged. */
export function lookup(source: ByteSource, options: DecodeOptions): Lookup {
  const volume = openVolume(source, options.decoders);
  const entriesMost = options.limits?.entries ?? ENTRIES_MAX;
  const inodes = new Map<string, Inode | undefined>();
  const listings = new Map<Inode, ReadonlyMap<string, DirectoryRecord>>();

  function listing(inode: Inode, path: string): ReadonlyMap<string, DirectoryRecord> {
    const known = listings.get(inode);
    if (known !== undefined) return known;
    const records = new Map<string, DirectoryRecord>();
    for (const record of inode.kind === 'directory' ? readDirectory(volume, inode, entriesMost) : []) {
      const { name } = record;
      const wrong = nameFault(name, joinPath(path, name));
      if (wrong !== undefined) throw fault('BAD_NAME', 'squashfs directory', inode.at, `the name ${JSON.stringify(name)} ${wrong}`, path);
      if (records.has(name)) throw fault('CONFLICT', 'squashfs directory', inode.at, `the name ${JSON.stringify(name)} twice`, path);
      records.set(name, record);
    }
    listings.set(inode, records);
    return records;
  }

  function inodeAt(path: string): Inode | undefined {
    if (inodes.has(path)) return inodes.get(path);
    const inode = path === '' ? readInode(volume, volume.layout.root) : below(path);
    inodes.set(path, inode);
    return inode;
  }

  function below(path: string): Inode | undefined {
    const parentPath = parentOf(path);
    const parent = inodeAt(parentPath);
    const record = parent?.kind === 'directory' ? listing(parent, parentPath).get(baseName(path)) : undefined;
    if (parent === undefined || record === undefined) return undefined;
    const inode = readInode(volume, record.reference);
    if (TYPE_OF[inode.kind] === record.type) return inode;
    const found = `"${record.name}" is listed with type ${record.type}, its inode is a ${inode.kind}`;
    throw fault('BAD_VALUE', 'squashfs directory', parent.at, found, parentPath);
  }

  return {
    entry(path) {
      const inode = inodeAt(path);
      return inode === undefined ? undefined : entryOf(volume, path, inode, new Map());
    },
    names(path) {
      const inode = inodeAt(path);
      return inode?.kind === 'directory' ? [...listing(inode, path).keys()].sort(compareNames) : [];
    },
  };
}
