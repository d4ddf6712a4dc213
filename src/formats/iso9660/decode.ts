// Reads an ISO 9660 image as a tree: by Rock Ridge where it has that, else by Joliet, else with plain names. Contents when they are asked for.
import { type ByteSource, compareNames } from '../../bytes/index.ts';
import { KindlingError, located } from '../../errors.ts';
import { type Entry, type EntryKind, joinPath, makeTree, PATH_MAX, pathFault, type Tree } from '../../tree/index.ts';
import { type FoundBootEntry, readBootEntries } from './decode-boot.ts';
import { contentOf } from './decode-content.ts';
import { type DirectoryRecord, readDirectory, readSelf } from './decode-directory.ts';
import { type Rock, readRock, sharedSkip } from './decode-rock.ts';
import { openVolume, rootExtent, type Volume } from './decode-volume.ts';
import { fault } from './faults.ts';
import { readPlainName, readWideName } from './names.ts';
import type { Extent } from './options.ts';
import { MODE_TYPE_BITS, MODE_TYPES } from './structs.ts';

/** Where names and attributes come from. */
export type NameSource = 'rock-ridge' | 'joliet' | 'plain';

/** What `decode` takes besides the image. */
export interface DecodeOptions {
  readonly limits?: {
    /** Most entries of the tree; 1048576 unless told. */
    readonly entries?: number;
  };
  /** The best that there is unless told. BAD_VALUE when the image has not what is asked for. */
  readonly names?: NameSource;
}

/** A decoded image. The tree has a root entry; contents are read from the image when they are asked for. */
export interface IsoImage {
  readonly tree: Tree;
  readonly volumeId: string;
  /** When it was made, seconds since 1970; undefined when it does not say. */
  readonly time: number | undefined;
  /** Bytes that the image says it has. */
  readonly size: number;
  readonly blockSize: number;
  readonly names: NameSource;
  readonly hasJoliet: boolean;
  readonly bootEntries: readonly FoundBootEntry[];
}

/** Most entries of a tree unless told. */
export const ENTRIES_MAX = 1 << 20;
/** Without Rock Ridge nothing says what a file may be used for. */
const PLAIN_MODES = { directory: 0o555, file: 0o444 } as const;
const RELOCATION_NAMES = ['rr_moved', '.rr_moved'];

/**
 * The image as a tree. Throws TRUNCATED (an image or an extent that ends too late), BAD_MAGIC, BAD_VALUE, BAD_CHECKSUM (the boot catalog),
 * UNSUPPORTED, LIMIT, BAD_NAME, CONFLICT (a name twice) or LINK_LOOP (a directory that is its own ancestor or in two places).
 */
export function decode(source: ByteSource, options: DecodeOptions = {}): IsoImage {
  const volume = openVolume(source);
  const view = viewOf(volume, options.names);
  const entries: Entry[] = [];
  const paths = new Map<number, string>();
  walk(volume, view, options.limits?.entries ?? ENTRIES_MAX, ({ entry, record }) => {
    entries.push(entry);
    const first = record.sections[0];
    if (entry.kind === 'file' && first !== undefined && first.size > 0 && !paths.has(first.at)) paths.set(first.at, entry.path);
  });
  try {
    return {
      tree: makeTree(entries),
      ...{ volumeId: volume.volumeId, time: volume.time, blockSize: volume.blockSize, names: view.names },
      size: volume.primary.blockCount * volume.blockSize,
      hasJoliet: volume.joliet !== undefined,
      bootEntries: readBootEntries(volume, (at) => paths.get(at)),
    };
  } catch (error) {
    throw located(error, { structure: 'iso9660' });
  }
}

/** The hierarchy that is gone through, and how its records are understood. */
export interface View {
  readonly names: NameSource;
  readonly root: Extent;
  /** Bytes to pass over in system use areas, with Rock Ridge. */
  readonly skip: number | undefined;
}

/** Chooses the hierarchy. */
export function viewOf(volume: Volume, asked: NameSource | undefined): View {
  const root = rootExtent(volume, volume.primary);
  const skip = sharedSkip(readSelf(volume, root.at));
  const names = asked ?? (skip !== undefined ? 'rock-ridge' : volume.joliet !== undefined ? 'joliet' : 'plain');
  if (names === 'rock-ridge' && skip === undefined) throw new KindlingError('BAD_VALUE', 'iso9660: the image has no Rock Ridge');
  if (names !== 'joliet') return { names, root, skip: names === 'plain' ? undefined : skip };
  if (volume.joliet === undefined) throw new KindlingError('BAD_VALUE', 'iso9660: the image has no Joliet');
  return { names, root: rootExtent(volume, volume.joliet), skip: undefined };
}

/** One entry met on the way, and the record behind it. */
export interface Visit {
  readonly entry: Entry;
  readonly record: DirectoryRecord;
}

/** A name that was met. Of a directory stored elsewhere `record` is its own. */
interface Pending {
  readonly path: string;
  readonly record: DirectoryRecord;
  readonly rock: Rock | undefined;
  /** Undefined for what is no directory. */
  readonly extent: Extent | undefined;
}

/** Goes through the whole image, each directory before what it holds, names in byte order. */
export function walk(volume: Volume, view: View, entriesMax: number, visit: (found: Visit) => void): void {
  const self = readSelf(volume, view.root.at);
  const rock = view.skip === undefined ? undefined : readRock(volume, self, view.skip);
  const pending: Pending[] = [{ path: '', record: self, rock, extent: view.root }];
  const pathOf = new Map<number, string>();
  const firstPaths = new Map<string, string>();
  let directoryBytes = 0;
  let count = 0;
  while (pending.length > 0) {
    const one = pending.pop()!;
    const { path, record, extent } = one;
    if (++count > entriesMax) throw fault('LIMIT', 'directory record', record.at, `more than ${entriesMax} entries`);
    if (extent === undefined) {
      visit({ entry: leafOf(volume, one, firstPaths), record });
      continue;
    }
    const there = pathOf.get(extent.at);
    if (there !== undefined) throw fault('LINK_LOOP', 'directory', extent.at, `"${there}" is also at "${path}"`, path);
    pathOf.set(extent.at, path);
    // directories do not share blocks, so together they are no larger than the image
    directoryBytes += extent.size;
    if (directoryBytes > volume.source.size)
      throw fault('LIMIT', 'directory', extent.at, 'directories that together are larger than the image', path);
    const { children, relocatedCount } = childrenOf(volume, view, path, extent);
    if (children.length === 0 && relocatedCount > 0 && RELOCATION_NAMES.includes(path)) continue; // no directory of anybody's
    visit({ entry: { kind: 'directory', path, ...attributes('directory', record, one.rock) }, record });
    pending.push(...children);
  }
}

/** What is in a directory, last name first; those that belong elsewhere are only counted. */
function childrenOf(volume: Volume, view: View, path: string, extent: Extent): { children: Pending[]; relocatedCount: number } {
  const children: Pending[] = [];
  let relocatedCount = 0;
  for (const record of readDirectory(volume, extent, path)) {
    if (record.isAssociated) continue;
    const rock = view.skip === undefined ? undefined : readRock(volume, record, view.skip);
    if (rock?.isRelocated) relocatedCount++;
    else children.push({ path: childPathOf(view, path, record, rock), ...placeOf(volume, record, rock, view) });
  }
  return { children: children.sort((a, b) => compareNames(b.path, a.path)), relocatedCount };
}

/** Where what a record names is, with the record that has its attributes. */
function placeOf(volume: Volume, record: DirectoryRecord, rock: Rock | undefined, { skip = 0 }: View): Omit<Pending, 'path'> {
  if (rock?.childBlock !== undefined) {
    const at = rock.childBlock * volume.blockSize;
    const self = readSelf(volume, at);
    return { record: self, rock: readRock(volume, self, skip), extent: { at, size: self.sections[0]!.size } };
  }
  if (!record.isDirectory) return { record, rock, extent: undefined };
  const [extent, ...more] = record.sections;
  if (more.length > 0) throw fault('UNSUPPORTED', 'directory record', record.at, 'a directory in several sections');
  return { record, rock, extent };
}

function childPathOf(view: View, path: string, { id, at, isDirectory }: DirectoryRecord, rock: Rock | undefined): string {
  const name = rock?.name ?? (view.names === 'joliet' ? readWideName(id) : readPlainName(id, isDirectory));
  const child = joinPath(path, name);
  // short paths are as good as their last name
  const wrong = name === '' ? 'is empty' : name.includes('/') ? 'holds a slash' : pathFault(child.length * 3 < PATH_MAX ? name : child);
  if (wrong !== undefined) throw fault('BAD_NAME', 'directory record', at, `the name ${JSON.stringify(name)} ${wrong}`, path);
  return child;
}

function attributes(kind: EntryKind, { mtime }: DirectoryRecord, rock: Rock | undefined) {
  const { mode = kind === 'directory' ? PLAIN_MODES.directory : PLAIN_MODES.file, uid = 0, gid = 0 } = rock?.posix ?? {};
  return { mode: kind === 'symlink' ? 0o777 : mode & 0o7777, uid, gid, mtime: rock?.mtime ?? mtime };
}

function kindOf({ at }: DirectoryRecord, rock: Rock | undefined, path: string): Exclude<EntryKind, 'directory' | 'hardlink'> {
  const type = (rock?.posix?.mode ?? 0) & MODE_TYPE_BITS;
  if (type === 0) return rock?.target === undefined ? 'file' : 'symlink';
  const kind = (Object.keys(MODE_TYPES) as (keyof typeof MODE_TYPES)[]).find((one) => MODE_TYPES[one] === type);
  if (kind !== undefined && kind !== 'directory') return kind;
  throw fault('BAD_VALUE', 'PX entry', at, `the type ${type.toString(8)} of what is stored as a file`, path);
}

function leafOf(volume: Volume, { path, record, rock }: Pending, firstPaths: Map<string, string>): Entry {
  const kind = kindOf(record, rock, path);
  const common = { path, ...attributes(kind, record, rock) };
  const entry = leafEntry(volume, kind, common, record, rock);
  if (rock?.posix === undefined || rock.posix.linkCount < 2) return entry;
  // Before RRIP 1.12 there are no inode numbers: names of one file are those with one place.
  const place = record.sections[0]!;
  if (rock.serial === undefined && (kind !== 'file' || place.size === 0)) return entry;
  const identity = [kind, rock.serial ?? '', kind === 'file' ? `${place.at} ${place.size}` : '', rock.target ?? '', deviceText(rock)].join(
    ' ',
  );
  const first = firstPaths.get(identity);
  if (first !== undefined) return { kind: 'hardlink', to: first, ...common };
  firstPaths.set(identity, path);
  return entry;
}

function deviceText({ device }: Rock): string {
  return device === undefined ? '' : `${device.major}:${device.minor}`;
}

function leafEntry(
  volume: Volume,
  kind: Exclude<EntryKind, 'directory' | 'hardlink'>,
  common: Omit<Entry, 'kind' | 'content' | 'target' | 'major' | 'minor' | 'to'>,
  record: DirectoryRecord,
  rock: Rock | undefined,
): Entry {
  switch (kind) {
    case 'file':
      return { kind, ...common, content: contentOf(volume, record, rock?.transformed, common.path) };
    case 'symlink': {
      const target = rock?.target ?? '';
      if (target.includes('\0')) throw fault('BAD_VALUE', 'SL entry', record.at, 'the target of a symbolic link holds a NUL', common.path);
      return { kind, ...common, target };
    }
    case 'char':
    case 'block':
      return { kind, ...common, ...(rock?.device ?? { major: 0, minor: 0 }) };
    default:
      return { kind, ...common };
  }
}
