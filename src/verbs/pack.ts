// pack: a tree in another form. What the form cannot hold is known before a byte is made.
import { type ChunkOptions, concat, nameToBytes } from '../bytes/index.ts';
import { type CodecChoice, crc32 } from '../codecs/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import * as fat from '../formats/fat/index.ts';
import * as iso9660 from '../formats/iso9660/index.ts';
import * as newc from '../formats/newc/index.ts';
import * as odc from '../formats/odc/index.ts';
import * as squashfs from '../formats/squashfs/index.ts';
import * as tar from '../formats/tar/index.ts';
import { directory, type Entry, type Loses, lossesOf, makeTree, type Tree } from '../tree/index.ts';
import { treePath } from './select.ts';

/** The forms a tree can be packed in. */
export const PACK_FORMATS = ['squashfs', 'newc', 'odc', 'tar', 'iso9660', 'fat'] as const;
/** One of `PACK_FORMATS`. */
export type PackFormat = (typeof PACK_FORMATS)[number];

const LOSES: Readonly<Record<Exclude<PackFormat, 'fat'>, Loses>> = {
  squashfs: squashfs.loses,
  newc: newc.loses,
  odc: odc.loses,
  tar: tar.loses,
  iso9660: iso9660.loses,
};
const STREAMS: Readonly<
  Record<Exclude<PackFormat, 'squashfs'>, (tree: Tree, volume: VolumeWords, how: ChunkOptions) => Iterable<Uint8Array>>
> = {
  newc: (tree) => newc.encode(tree.entries),
  odc: (tree) => odc.encode(tree.entries),
  tar: (tree) => tar.encode(tree),
  iso9660: (tree, { volumeId = VOLUME_ID, time = newestTime(tree), joliet = false }, how) =>
    iso9660.encode(tree, { volumeId, time, joliet }).chunks(how),
  fat: fatChunks,
};
const VOLUME_ID = 'KINDLING';
const TIME_MOST = 2 ** 32 - 1;
const PRIORITY_MOST = 32767;
// A compressed archive is one frame, made in memory: a kernel reads no archive that is cut over several.
const FRAME_MOST = 2 ** 31 - 1;

/** What a disc says of itself. */
export interface VolumeWords {
  /** KINDLING unless told. */
  readonly volumeId?: string;
  /** Seconds since 1970; the newest file's unless told. */
  readonly time?: number;
  /** Names for Windows too. */
  readonly joliet?: boolean;
  /** Bytes of a FAT volume; as few as hold the tree unless told. */
  readonly size?: number;
  /** Which FAT it is; by its size unless told. */
  readonly fatType?: fat.FatType;
}

const FAT_UNIT = 4096;

/** A FAT volume. Its serial number is made of its name and of the tree, as far as FAT keeps it. */
function fatChunks(
  tree: Tree,
  { volumeId: label = VOLUME_ID, time = newestTime(tree), size, fatType }: VolumeWords,
  how: ChunkOptions,
): Iterable<Uint8Array> {
  const type = fatType === undefined ? {} : { type: fatType };
  const bytes = size ?? fat.leastSize(tree, { label, unit: FAT_UNIT, ...type });
  const rows = tree.entries.map((entry) => `${entry.path} ${entry.mtime} ${entry.kind === 'file' ? entry.content.size : entry.kind}\n`);
  const serial = crc32(nameToBytes(`${label} ${bytes} ${time}\n${rows.join('')}`));
  return fat.encode(tree, { size: bytes, label, serial, time, ...type }).chunks(how);
}

/** What is changed of a tree before it is packed. */
export interface Adjustments {
  /** Everything belongs to user and group 0. */
  readonly allRoot: boolean;
  readonly xattrs: boolean;
  /** No modification time is later than this, in seconds since 1970. */
  readonly timeMost: number | undefined;
}

/** The tree with adjustments, and with an entry for its top directory. */
export function adjusted(tree: Tree, { allRoot, xattrs, timeMost }: Adjustments): Tree {
  const adjust = (entry: Entry): Entry => {
    const owner = allRoot ? { uid: 0, gid: 0 } : {};
    const time = timeMost !== undefined && entry.mtime > timeMost ? { mtime: timeMost } : {};
    const { xattrs: held, ...rest } = entry;
    return { ...(xattrs || held === undefined ? entry : (rest as Entry)), ...owner, ...time };
  };
  const changes = allRoot || timeMost !== undefined || !xattrs;
  const hasTop = tree.get('') !== undefined;
  if (!changes && hasTop) return tree;
  const top = hasTop ? [] : [{ ...directory(''), mtime: Math.min(newestTime(tree), timeMost ?? TIME_MOST) }];
  return makeTree([...top, ...(changes ? tree.entries.map(adjust) : tree.entries)]);
}

/** The latest modification time in a tree, in seconds since 1970 within 32 bits: the time of an image when nobody gives one, so that equal trees give equal images. */
export function newestTime(tree: Tree): number {
  const newest = tree.entries.reduce((latest, { mtime }) => Math.max(latest, mtime), 0);
  return Math.min(newest, TIME_MOST);
}

/** What the format does not keep of the tree: errors make packing impossible, warnings are left out. */
export function losses(tree: Tree, format: PackFormat): Finding[] {
  return format === 'fat' ? fat.losses(tree) : lossesOf(tree.entries, LOSES[format]);
}

/** Bytes of all file contents, names of one file counted once. */
export function contentSize(tree: Tree): number {
  return tree.entries.reduce((size, entry) => size + (entry.kind === 'file' ? entry.content.size : 0), 0);
}

/**
 * The priorities of a sort file as mksquashfs takes it: lines of a path and a number from -32768 to 32767, higher ones first in the image;
 * what is below a named directory has its number unless it is named itself. Throws BAD_CONFIG with the line, NO_ENTRY for a path that is not there.
 */
export function sortOrder(text: string, tree: Tree, file: string): ReadonlyMap<string, number> {
  const named = new Map<string, number>();
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const parts = /^(.+?)\s+([+-]?\d{1,6})$/.exec(trimmed);
    const priority = Number(parts?.[2]);
    if (parts === null || priority > PRIORITY_MOST || priority < -PRIORITY_MOST - 1) {
      throw new KindlingError('BAD_CONFIG', `line ${index + 1} is "${trimmed}", expected a path and a number from -32768 to 32767`, {
        file,
      });
    }
    const path = treePath(parts[1]!);
    if (path !== '' && tree.get(path) === undefined) {
      throw new KindlingError('NO_ENTRY', `line ${index + 1}: there is no "${path}"`, { file, path });
    }
    named.set(path, priority);
  }
  const order = new Map<string, number>();
  const priorities = new Map<string, number>();
  for (const entry of tree.entries) {
    const { path, kind } = entry;
    const parent = path === '' ? 0 : (priorities.get(path.slice(0, Math.max(0, path.lastIndexOf('/')))) ?? named.get('') ?? 0);
    const priority = named.get(path) ?? parent;
    if (kind === 'directory') priorities.set(path, priority);
    // A file of several names has one place: that of a name which the sort file has, else of the first.
    const placed = kind === 'hardlink' ? entry.to : path;
    if (kind !== 'directory' && (named.has(path) || (priority !== 0 && !order.has(placed)))) order.set(placed, priority);
  }
  return order;
}

/** The image, in pieces that come in any order. Throws NOT_EXPRESSIBLE before the first one. */
export function packImage(tree: Tree, options: squashfs.EncodeOptions): AsyncGenerator<squashfs.Piece> {
  return squashfs.encode(tree, options);
}

/** An archive from front to back, the memory of a chunk used again for the next; compressed as one frame where a codec is given. Throws NOT_EXPRESSIBLE before the first chunk, LIMIT for more than 2 GiB in a frame. */
export async function* packArchive(
  tree: Tree,
  format: Exclude<PackFormat, 'squashfs'>,
  codec: CodecChoice | undefined,
  volume: VolumeWords = {},
): AsyncGenerator<Uint8Array> {
  const isPlain = codec === undefined || codec.encoder.name === 'none';
  // what goes into a frame is held until all of it is there
  const chunks = STREAMS[format](tree, volume, { reuse: isPlain });
  if (isPlain) {
    yield* chunks;
    return;
  }
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (const chunk of chunks) {
    size += chunk.length;
    if (size > FRAME_MOST)
      throw new KindlingError('LIMIT', `more than ${FRAME_MOST} bytes for one compressed frame; pack it without a codec`);
    pieces.push(chunk);
  }
  yield await codec.encoder.encode(concat(pieces), codec.level);
}
