// Watches a plan being made: everything it looks at in the root is an input of the archive, what it did not find included. So the list
// of inputs is never somebody's guess: a part that reads one more file makes it an input by reading it.
import { type ByteSource, readInto } from '../bytes/index.ts';
import type { Entry } from '../tree/index.ts';
import type { FileFacts, FileStat, Root } from './root.ts';

/** One path that was looked at. */
export interface Seen {
  readonly path: string;
  /** What was there; undefined when nothing was, which is an input like any other. */
  readonly entry: Entry | undefined;
  /** The names in it, when its listing was asked for. */
  readonly names: readonly string[] | undefined;
  /** Whether its content was read (so far). */
  readonly read: boolean;
  /** What the disk said when it was looked at first; undefined for roots that cannot change. */
  readonly stat: FileStat | undefined;
}

/** A root that remembers what was asked of it. */
export interface WatchedRoot {
  readonly root: Root;
  /** Everything looked at so far, sorted by path. */
  seen(): Seen[];
}

/** Watches a root. Entries and answers are those of `root`; reading through the entries is noticed as well. */
export function watchRoot(root: Root): WatchedRoot {
  const entries = new Map<string, Entry | undefined>();
  const listings = new Map<string, readonly string[]>();
  const read = new Set<string>();
  const entry = (path: string): Entry | undefined => {
    const known = entries.get(path);
    if (known !== undefined || entries.has(path)) return known;
    const found = root.entry(path);
    // Once for each path: who compares two entries by their content's identity has to find it equal.
    const watched = found?.kind === 'file' ? { ...found, content: watchedSource(found.content, () => read.add(path)) } : found;
    entries.set(path, watched);
    return watched;
  };
  return {
    root: {
      label: root.label,
      entry,
      names(path) {
        entry(path);
        const names = root.names(path);
        listings.set(path, names);
        return names;
      },
      stat: (path) => root.stat?.(path),
      ...(root.facts === undefined ? {} : { facts: watchedFacts(root.facts, (path) => read.add(path)) }),
    },
    seen: () =>
      [...entries.keys()].sort().map((path) => ({
        path,
        entry: entries.get(path),
        names: listings.get(path),
        read: read.has(path),
        stat: root.stat?.(path),
      })),
  };
}

/** What is recalled of a file's content depends on it as if it had been read. */
function watchedFacts(facts: FileFacts, onRead: (path: string) => void): FileFacts {
  return {
    recall(kind, path) {
      const text = facts.recall(kind, path);
      if (text !== undefined) onRead(path);
      return text;
    },
    note: (kind, path, text) => facts.note(kind, path, text),
    unpacked: (content, path) => facts.unpacked(content, path),
  };
}

function watchedSource(content: ByteSource, onRead: () => void): ByteSource {
  return {
    size: content.size,
    read(at, size) {
      onRead();
      return content.read(at, size);
    },
    readInto(at, target) {
      onRead();
      readInto(content, at, target);
    },
  };
}
