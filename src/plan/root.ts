// Root: a file system to boot into, as the planner sees it. A directory on disk, a tree from any image, packages: all look like this.
// Reading never executes anything in it and never leaves it: symbolic links are resolved inside.

import type { ByteSource } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import type { Entry, EntryKind, FileEntry } from '../tree/index.ts';
import { baseName, joinPath, parentOf, type Tree } from '../tree/index.ts';

/** What lstat tells of a path: size in bytes, times in milliseconds since 1970 (with fractions), inode number. */
export interface FileStat {
  readonly size: number;
  readonly mtime: number;
  readonly ctime: number;
  readonly inode: number;
}

/** What was found out about files before. Nothing is recalled of a file that may be another now, so that recalling is as good as reading. */
export interface FileFacts {
  /** The text that was noted of the file at exactly this path. */
  recall(kind: string, path: string): string | undefined;
  /** Keeps a text without line ends for the next time. */
  note(kind: string, path: string, text: string): void;
  /** Tells that this content is what unpacking the file at this path gives. */
  unpacked(content: ByteSource, path: string): void;
}

/** A root. Paths are relative to it, as in a tree ("usr/bin/sh"). Answers are about the path itself; links are not followed. */
export interface Root {
  /** What to call it in messages. */
  readonly label: string;
  /** The entry at exactly this path whose parents are all real directories, or undefined. Hard links come as the file they name. */
  entry(path: string): Entry | undefined;
  /** Names in a directory, sorted byte-wise; empty when it is no directory. */
  names(path: string): readonly string[];
  /** What the disk said of the path when `entry` looked at it first; absent where a root cannot change (an image, packages). */
  stat?(path: string): FileStat | undefined;
  /** What kind of entry is there, where that is known without making one. */
  kind?(path: string): EntryKind | undefined;
  /** What is known of its files from an earlier look. */
  readonly facts?: FileFacts;
}

/** A tree as a root. */
export function treeRoot(tree: Tree, label: string): Root {
  return {
    label,
    entry(path) {
      const found = tree.get(path);
      if (found?.kind !== 'hardlink') return found;
      const named = tree.get(found.to);
      return named === undefined ? undefined : { ...named, path };
    },
    names: (path) => tree.children(path).map((child) => baseName(child.path)),
  };
}

/** Where a path leads: the final entry (undefined when dangling) at `path`, and every symbolic link that was crossed, in order. */
export interface Resolved {
  readonly path: string;
  readonly entry: Entry | undefined;
  readonly links: readonly Entry[];
}

const LINKS_MOST = 40; // as the kernel's MAXSYMLINKS

/** Follows a path inside the root, links in every component included; absolute targets start at the root, ".." stops there. Throws LINK_LOOP. */
export function resolve(root: Root, path: string): Resolved {
  const links: Entry[] = [];
  let rest = path.split('/').filter((name) => name !== '' && name !== '.');
  let at = '';
  while (rest.length > 0) {
    const name = rest[0]!;
    rest = rest.slice(1);
    if (name === '.' || name === '') continue;
    if (name === '..') {
      at = parentOf(at);
      continue;
    }
    const here = joinPath(at, name);
    const entry = root.entry(here);
    if (entry === undefined) return { path: [here, ...rest].join('/'), entry: undefined, links };
    if (entry.kind === 'symlink') {
      links.push(entry);
      if (links.length > LINKS_MOST) throw new KindlingError('LINK_LOOP', `more than ${LINKS_MOST} symbolic links on the way`, { path });
      if (entry.target.startsWith('/')) at = '';
      rest = [...entry.target.split('/').filter((part) => part !== ''), ...rest];
      continue;
    }
    at = here;
    if (rest.length > 0 && entry.kind !== 'directory') return { path: [here, ...rest].join('/'), entry: undefined, links };
  }
  return { path: at, entry: root.entry(at), links };
}

/** The regular file a path leads to, or undefined. */
export function findFile(root: Root, path: string): FileEntry | undefined {
  const { entry } = resolve(root, path);
  return entry?.kind === 'file' ? entry : undefined;
}
