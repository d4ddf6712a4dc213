// Reads a tar archive as a tree: what unpacking it into an empty directory would leave.
import type { ByteSource } from '../../bytes/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { comparePaths, type Entry, type HardlinkEntry, makeTree, pathFault, type Tree, withParents } from '../../tree/index.ts';
import { type ReadOptions, records, type TarRecord } from './read.ts';
import { header } from './structs.ts';

type Inode = { readonly entry: Exclude<Entry, HardlinkEntry> };

/**
 * The archive as a tree. A later entry at a path replaces the earlier one; hard links share what they name even when that is replaced later.
 * Throws what `records` throws; BAD_NAME for absolute paths and "..", CONFLICT for an entry below something that is no directory,
 * NO_ENTRY for a hard link to nothing, UNSUPPORTED for types that are no file of Linux.
 */
export function decode(source: ByteSource, options: ReadOptions = {}): Tree {
  const inodes = new Map<string, Inode>();
  for (const record of records(source, options)) {
    const path = treePath(record.path, record);
    if (record.type === '1') {
      const to = treePath(record.linkTarget, record);
      const named = inodes.get(to);
      if (named === undefined)
        throw new KindlingError('NO_ENTRY', `a hard link to "${to}", which does not come before it`, at(record, path));
      if (named.entry.kind === 'directory') throw new KindlingError('CONFLICT', `a hard link to the directory "${to}"`, at(record, path));
      inodes.set(path, named);
    } else {
      inodes.set(path, { entry: entryFrom(record, path) });
    }
  }
  try {
    return makeTree(withParents(entriesOf(inodes)));
  } catch (error) {
    throw located(error, { structure: 'tar' });
  }
}

function at(record: TarRecord, path: string): { structure: string; offset: number; path: string } {
  return { structure: header.name, offset: record.headerAt, path };
}

/** A stored name as a path of a tree: "./usr//bin/" is "usr/bin". */
function treePath(stored: string, record: TarRecord): string {
  const path = stored
    .split('/')
    .filter((name, index) => name !== '.' && (name !== '' || index === 0))
    .join('/');
  const fault = stored === '' ? 'is empty' : pathFault(path);
  if (fault !== undefined)
    throw new KindlingError('BAD_NAME', `the path ${JSON.stringify(stored.slice(0, 200))} ${fault}`, at(record, stored));
  return path;
}

function entryFrom(record: TarRecord, path: string): Exclude<Entry, HardlinkEntry> {
  const { mode, uid, gid, mtime, content } = record;
  const common = { path, mode, uid, gid, mtime, ...(record.xattrs.size === 0 ? {} : { xattrs: record.xattrs }) };
  switch (record.type) {
    case '0':
    case '\0':
    case '7':
      // Before POSIX there was no type for directories: their names end with a slash.
      if (record.path.endsWith('/')) return { kind: 'directory', ...common };
      return { kind: 'file', ...common, content };
    case '2':
      if (record.linkTarget === '' || record.linkTarget.includes('\0')) {
        throw new KindlingError('BAD_VALUE', 'the target of a symbolic link is empty or holds a NUL', at(record, path));
      }
      return { kind: 'symlink', ...common, mode: 0o777, target: record.linkTarget };
    case '3':
    case '4':
      return { kind: record.type === '3' ? 'char' : 'block', ...common, major: record.major, minor: record.minor };
    case '5':
      return { kind: 'directory', ...common };
    case '6':
      return { kind: 'fifo', ...common };
    default:
      throw new KindlingError('UNSUPPORTED', `an entry of type ${JSON.stringify(record.type)}`, at(record, path));
  }
}

/** The first name of each inode in path order carries it, the others are links to it. */
function entriesOf(inodes: ReadonlyMap<string, Inode>): Entry[] {
  const first = new Map<Inode, string>();
  const entries: Entry[] = [];
  for (const path of [...inodes.keys()].sort(comparePaths)) {
    const inode = inodes.get(path)!;
    const { entry } = inode;
    const to = first.get(inode);
    if (to === undefined) {
      first.set(inode, path);
      entries.push(entry.path === path ? entry : { ...entry, path });
    } else {
      entries.push({ kind: 'hardlink', path, to, mode: entry.mode, uid: entry.uid, gid: entry.gid, mtime: entry.mtime });
    }
  }
  return entries;
}
