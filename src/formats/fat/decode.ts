// Reads a FAT volume as a tree: directories and chains now, contents when they are asked for.
import { type ByteSource, readAll } from '../../bytes/index.ts';
import { type Entry, joinPath, makeTree, pathFault, type Tree } from '../../tree/index.ts';
import { type Claims, chainPlace, claims, runsSource } from './chains.ts';
import { type Listing, readRecords } from './directory.ts';
import { fault, type Report } from './faults.ts';
import { ATTRIBUTE, DIRECTORY_SIZE_MOST, type FatType } from './structs.ts';
import { openVolume, type Volume } from './volume.ts';

/** Bounds of reading. */
export interface DecodeOptions {
  readonly limits?: {
    /** Most entries of the tree; 4 million unless told. */
    readonly entries?: number;
  };
}

/** A volume that was read. Files are 0644 (0444 with the read-only attribute), directories 0755, everything belongs to root. */
export interface FatImage {
  readonly tree: Tree;
  /** That of the root directory, else the boot sector's; "" for none. */
  readonly label: string;
  /** undefined when the boot sector has none. */
  readonly serial: number | undefined;
  readonly type: FatType;
  /** Bytes in a cluster. */
  readonly clusterSize: number;
}

const ENTRIES_MOST = 4_000_000;
const LABEL_NONE = 'NO NAME';

/**
 * The volume as a tree. Throws TRUNCATED, BAD_MAGIC, BAD_VALUE, UNSUPPORTED, LIMIT (a directory over 2 MiB, too many entries), BAD_NAME,
 * CONFLICT (a name twice) or LINK_LOOP (a cluster in two chains, or twice in one). A long name that does not belong to its alias is passed
 * over; `check` tells of it.
 */
export function decode(source: ByteSource, options: DecodeOptions = {}): FatImage {
  const volume = openVolume(source);
  const entries: Entry[] = [];
  const label = walk(volume, claims(volume), {
    entriesMost: options.limits?.entries ?? ENTRIES_MOST,
    report(error) {
      throw error;
    },
    note: () => undefined,
    visit: ({ entry }) => entries.push(entry),
  });
  const { serial, type, clusterSize } = volume.layout;
  return { tree: makeTree(entries), label, serial, type, clusterSize };
}

/** One entry met on the way, with the first cluster of its chain; of a directory also what it holds. */
export interface Visit {
  readonly entry: Entry;
  readonly cluster: number;
  readonly parentCluster: number;
  readonly listing: Listing | undefined;
}

/** How to go through a volume. */
export interface WalkOptions {
  readonly entriesMost: number;
  /** Takes what makes an entry unreadable. */
  readonly report: Report;
  /** Takes what is wrong without harm. */
  readonly note: Report;
  visit(found: Visit): void;
}

/** Goes through the whole volume, directories before what they hold; returns its label. */
export function walk(volume: Volume, taken: Claims, { entriesMost, report, note, visit }: WalkOptions): string {
  const { source, layout } = volume;
  const { rootCluster, clusterSize } = layout;
  const owner = { uid: 0, gid: 0 };
  const directoryClusters = Math.ceil(DIRECTORY_SIZE_MOST / clusterSize);
  const listingOf = (path: string, cluster: number): Listing => {
    const runs =
      path === '' && layout.type !== 32
        ? [{ at: layout.rootAt, size: layout.rootSize }]
        : taken.follow(cluster, undefined, directoryClusters, chainPlace(path, 'directory'), report);
    const size = runs.reduce((sum, run) => sum + run.size, 0);
    return readRecords(readAll(runsSource(source, runs, size)), { structure: `FAT directory "${path}"`, path }, report, note);
  };
  const pending: { path: string; cluster: number; parentCluster: number; mtime: number }[] = [
    { path: '', cluster: rootCluster, parentCluster: 0, mtime: 0 },
  ];
  let label: string | undefined;
  let count = 0;
  while (pending.length > 0) {
    const { path, cluster, parentCluster, mtime } = pending.pop()!;
    const listing = listingOf(path, cluster);
    if (path === '') label = listing.label;
    visit({ entry: { kind: 'directory', path, mode: 0o755, ...owner, mtime }, cluster, parentCluster, listing });
    // the root's number in the ".." of its directories is 0
    const own = path === '' ? 0 : cluster;
    for (const item of listing.items) {
      if (++count > entriesMost) throw fault('LIMIT', { structure: 'FAT volume' }, `more than ${entriesMost} entries`);
      const below = joinPath(path, item.name);
      const wrong = pathFault(below);
      if (wrong !== undefined) {
        report(fault('BAD_NAME', chainPlace(path, 'directory'), `the path of ${JSON.stringify(item.name)} ${wrong}`));
        continue;
      }
      if ((item.attributes & ATTRIBUTE.directory) !== 0) {
        pending.push({ path: below, cluster: item.cluster, parentCluster: own, mtime: item.mtime });
        continue;
      }
      const clusters = Math.ceil(item.size / clusterSize);
      const runs = clusters === 0 ? [] : taken.follow(item.cluster, clusters, clusters, chainPlace(below, 'file'), report);
      const mode = (item.attributes & ATTRIBUTE.readOnly) === 0 ? 0o644 : 0o444;
      const content = runsSource(source, runs, item.size);
      const entry: Entry = { kind: 'file', path: below, mode, ...owner, mtime: item.mtime, content };
      visit({ entry, cluster: item.cluster, parentCluster: own, listing: undefined });
    }
  }
  return label ?? (layout.label === LABEL_NONE ? '' : layout.label);
}
