// What has to be laid over one tree so that another is seen: the changed and added entries, whiteouts for what is gone, opaque directories
// where everything below is gone. An offline "savechanges".
import { compareBytes } from '../../bytes/index.ts';
import { directory, type Entry, type HardlinkEntry, parentOf, type SameBytes, sameContent, type Tree } from '../../tree/index.ts';
import { type MarkSpace, opaque, whiteout } from './marks.ts';
import { type LeftOut, matcher } from './patterns.ts';
import { pick } from './pick.ts';

/** How trees are compared. */
export interface DifferenceOptions {
  /** What is left out: neither taken from the new tree nor hidden in the old one. */
  readonly exclude?: readonly LeftOut[];
  /** Whether a modification time alone makes an entry changed. True unless told. */
  readonly times?: boolean;
  /** `trusted` unless told. */
  readonly marks?: MarkSpace;
  readonly sameBytes?: SameBytes;
}

/** The layer, and what it does. */
export interface LayerDifference {
  readonly tree: Tree;
  readonly addedCount: number;
  readonly changedCount: number;
  /** Highest paths that are gone. */
  readonly removedCount: number;
  /** The highest paths that differ and are left out. */
  readonly leftOut: readonly LeftOut[];
}

/** The layer that turns `lower` into `upper` when overlayfs lays it over `lower`; hard links included. */
export function differenceLayer(lower: Tree, upper: Tree, options: DifferenceOptions = {}): LayerDifference {
  const reasonFor = matcher(options.exclude ?? []);
  const changed = changedPaths(lower, upper, options);
  const layer = new Map<string, Entry>();
  const leftOut: LeftOut[] = [];
  let [addedCount, changedCount, removedCount] = [0, 0, 0];
  const put = (entry: Entry): void => {
    layer.set(entry.path, entry);
    for (let path = parentOf(entry.path); !layer.has(path); path = parentOf(path)) layer.set(path, upper.get(path) ?? directory(path));
  };
  layer.set('', upper.get('') ?? directory(''));
  const pending = [''];
  while (pending.length > 0) {
    const parent = pending.pop()!;
    const left = new Map(lower.children(parent).map((entry) => [entry.path, entry]));
    let inheritedCount = 0;
    for (const entry of upper.children(parent)) {
      const before = left.get(entry.path);
      left.delete(entry.path);
      const differs = changed.has(entry.path);
      const reason = reasonFor(entry.path);
      if (reason !== undefined) {
        if (differs) leftOut.push({ path: entry.path, reason });
        if (before !== undefined) inheritedCount += 1;
        continue;
      }
      if (differs) {
        put(entry);
        if (before === undefined) addedCount += 1;
        else changedCount += 1;
      }
      // what is in a directory of both trees may come from below even where the directory itself changed
      if (before !== undefined && (!differs || (entry.kind === 'directory' && before.kind === 'directory'))) inheritedCount += 1;
      if (entry.kind === 'directory') pending.push(entry.path);
    }
    const gone: string[] = [];
    for (const { path } of left.values()) {
      // a directory with something in it that is left alone stays as well
      const reason =
        reasonFor(path) ??
        lower
          .children(path)
          .map((child) => reasonFor(child.path))
          .find((one) => one !== undefined);
      if (reason === undefined) gone.push(path);
      else leftOut.push({ path, reason });
    }
    inheritedCount += left.size - gone.length;
    removedCount += gone.length;
    const here = upper.get(parent) ?? directory(parent);
    if (gone.length > 0 && inheritedCount === 0 && parent !== '' && here.kind === 'directory') put(opaque(here, options.marks));
    else for (const path of gone) put(whiteout(path, here.mtime));
  }
  return { tree: pick(upper, [...layer.values()], () => true), addedCount, changedCount, removedCount, leftOut };
}

type Plain = Exclude<Entry, HardlinkEntry>;

function plainOf(tree: Tree, entry: Entry): Plain {
  if (entry.kind !== 'hardlink') return entry;
  return tree.get(entry.to) as Plain; // a tree has no hard link to a hard link
}

/** Paths of `upper` that overlayfs cannot show out of `lower` as they are. */
function changedPaths(lower: Tree, upper: Tree, options: DifferenceOptions): ReadonlySet<string> {
  const changed = new Set<string>();
  for (const entry of upper.entries) {
    const before = lower.get(entry.path);
    if (before === undefined || !same(plainOf(lower, before), plainOf(upper, entry), options)) changed.add(entry.path);
  }
  // Names that are one file have to come from one layer: all of them are in the new one unless the old tree links exactly these.
  const [oldGroups, newGroups] = [linkGroups(lower), linkGroups(upper)];
  for (const entry of upper.entries) {
    if (entry.kind === 'directory') continue;
    const members = newGroups.get(entry.path) ?? [entry.path];
    const old = (oldGroups.get(entry.path) ?? [entry.path]).filter((path) => !changed.has(path) && upper.get(path) !== undefined);
    const isKept = old.length === members.length && old.every((path, index) => path === members[index]);
    if (!isKept) for (const path of members) changed.add(path);
  }
  return changed;
}

/** All names of each file that has several, by each of them. */
function linkGroups(tree: Tree): Map<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const entry of tree.entries) {
    if (entry.kind !== 'hardlink') continue;
    const group = groups.get(entry.to) ?? [entry.to];
    group.push(entry.path);
    groups.set(entry.to, group);
  }
  for (const group of [...groups.values()]) {
    group.sort();
    for (const path of group) groups.set(path, group);
  }
  return groups;
}

function same(a: Plain, b: Plain, { times, sameBytes }: DifferenceOptions): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || a.uid !== b.uid || a.gid !== b.gid) return false;
  if ((times ?? true) && a.mtime !== b.mtime) return false;
  if (a.kind !== 'symlink' && a.mode !== b.mode) return false;
  if (!sameXattrs(a.xattrs, b.xattrs)) return false;
  if (a.kind === 'symlink') return b.kind === 'symlink' && a.target === b.target;
  if (a.kind === 'char' || a.kind === 'block') return 'major' in b && a.major === b.major && a.minor === b.minor;
  return a.kind !== 'file' || (b.kind === 'file' && sameContent(a.content, b.content, sameBytes));
}

function sameXattrs(a: Entry['xattrs'], b: Entry['xattrs']): boolean {
  if ((a?.size ?? 0) !== (b?.size ?? 0)) return false;
  for (const [name, value] of a ?? []) {
    const other = b?.get(name);
    if (other === undefined || compareBytes(value, other) !== 0) return false;
  }
  return true;
}
