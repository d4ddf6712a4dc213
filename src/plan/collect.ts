// The resolver's collection: wanted entries of all parts in one map. Identical ones merge their reasons, different ones are an error,
// links of the root on the way to a path are kept as links, and missing parents are added, each with a reason of its own.
import { readAll } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { baseName, directory, type Entry, joinPath, makeTree, parentOf, type Tree } from '../tree/index.ts';
import type { Reason, SegmentName, Wanted } from './plan.ts';
import { type Root, resolve } from './root.ts';

interface Held {
  readonly entry: Entry;
  readonly segment: SegmentName;
  readonly reasons: Reason[];
}

/** What was collected. */
export interface Collected {
  readonly tree: Tree;
  readonly reasons: ReadonlyMap<string, readonly Reason[]>;
  readonly segmentOf: ReadonlyMap<string, SegmentName>;
}

/** Takes wanted entries one by one. */
export interface Collection {
  /** Adds an entry; throws CONFLICT when another part wants something else there. Returns the path it really has. */
  add(wanted: Wanted): string;
  has(path: string): boolean;
  finish(): Collected;
}

/** The entry with owner root, no time, no attributes, and a mode that depends on neither who unpacked the root nor the umask then. */
export function normal(entry: Entry, keepsClosed = false): Entry {
  const { xattrs: _, ...rest } = entry;
  return { ...rest, mode: plainMode(entry, keepsClosed), uid: 0, gid: 0, mtime: 0 };
}

function plainMode(entry: Entry, keepsClosed: boolean): number {
  if (entry.kind === 'symlink') return 0o777;
  if (entry.kind !== 'file') return entry.mode & 0o7777;
  const plain = (entry.mode & 0o111) === 0 ? 0o644 : 0o755;
  return keepsClosed && (entry.mode & 0o077) === 0 ? plain & 0o700 : plain;
}

function difference(a: Entry, b: Entry): string | undefined {
  if (a.kind !== b.kind) return `a ${a.kind} and a ${b.kind}`;
  if (a.mode !== b.mode) return `modes 0${a.mode.toString(8)} and 0${b.mode.toString(8)}`;
  if (a.kind === 'symlink' && b.kind === 'symlink') return a.target === b.target ? undefined : `links to ${a.target} and ${b.target}`;
  if ((a.kind === 'char' || a.kind === 'block') && (b.kind === 'char' || b.kind === 'block')) {
    return a.major === b.major && a.minor === b.minor ? undefined : `devices ${a.major}:${a.minor} and ${b.major}:${b.minor}`;
  }
  if (a.kind !== 'file' || b.kind !== 'file' || a.content === b.content) return undefined;
  if (a.content.size !== b.content.size) return `files of ${a.content.size} and ${b.content.size} bytes`;
  const x = readAll(a.content);
  const y = readAll(b.content);
  const at = x.findIndex((byte, index) => byte !== y[index]);
  return at < 0 ? undefined : `files that differ at byte ${at}`;
}

/** Starts an empty collection for a root. */
export function collection(root: Root): Collection {
  const held = new Map<string, Held>();
  const homes = new Map<string, { path: string; links: readonly Entry[] }>();

  const homeOf = (path: string): { path: string; links: readonly Entry[] } => {
    const parent = parentOf(path);
    let home = homes.get(parent);
    if (home === undefined) {
      home = parent === '' ? { path: '', links: [] } : resolve(root, parent);
      homes.set(parent, home);
    }
    return home;
  };

  const put = (entry: Entry, segment: SegmentName, reason: Reason): void => {
    const before = held.get(entry.path);
    if (before === undefined) {
      held.set(entry.path, { entry, segment, reasons: [reason] });
      return;
    }
    const found = difference(before.entry, entry);
    if (found !== undefined) {
      const first = before.reasons[0]!;
      throw new KindlingError(
        'CONFLICT',
        `"${entry.path}" is wanted by ${first.part} (${first.text}) and by ${reason.part} (${reason.text}), but they differ: ${found}`,
        { path: entry.path },
      );
    }
    const known = before.reasons.some((one) => one.part === reason.part && one.text === reason.text && one.because === reason.because);
    if (!known) before.reasons.push(reason);
  };

  return {
    add({ entry, segment, reason }) {
      const home = homeOf(entry.path);
      const path = joinPath(home.path, baseName(entry.path));
      // One reason is enough for a link that half the archive goes through.
      for (const link of home.links)
        if (!held.has(link.path)) put(normal(link), 'base', { part: reason.part, text: 'link on the way', because: path });
      // A file that a person named may hold a secret: then it stays closed.
      put(normal({ ...entry, path }, segment === 'configuration'), segment, reason);
      return path;
    },
    has: (path) => held.has(joinPath(homeOf(path).path, baseName(path))),
    finish() {
      for (const [path, { segment, reasons }] of [...held]) {
        const part = reasons[0]!.part;
        let child = path;
        for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) {
          const there = held.get(parent);
          if (there !== undefined) break;
          held.set(parent, { entry: directory(parent), segment, reasons: [{ part, text: 'directory of it', because: child }] });
          child = parent;
        }
      }
      const tree = makeTree([...held.values()].map(({ entry }) => entry));
      return {
        tree,
        reasons: new Map(tree.entries.map(({ path }) => [path, held.get(path)!.reasons])),
        segmentOf: new Map(tree.entries.map(({ path }) => [path, held.get(path)!.segment])),
      };
    },
  };
}
