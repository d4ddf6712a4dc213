// Writes an ISO 9660 image: system area, descriptors, path tables, directories of the primary and of Joliet's hierarchy, boot catalog,
// contents, padding, trailer. Everything is placed before a byte is made. Layout: docs/formats/iso9660.md.
import { alignUp, bytesSource, chunked } from '../../bytes/index.ts';
import { checkExpressible, file, makeTree, type Node, type Nodes, nodesOf, type Tree } from '../../tree/index.ts';
import { uuidOf } from './dates.ts';
import { type Boots, bootDescriptor, bootsOf, catalogBytes, catalogSize, changeBootImages } from './encode-boot.ts';
import { type Contents, contentsOf, placeContents, type Stored } from './encode-content.ts';
import { type Directory, directoryBytes, hierarchy, type Placed, pathTable, pathTableSize } from './encode-directory.ts';
import { continuationArea } from './encode-rock.ts';
import { descriptor, terminator, type VolumePart } from './encode-volume.ts';
import { refuse } from './faults.ts';
import { loses, plainLoses } from './loses.ts';
import { jolietName, plainBytes, plainName, wideBytes } from './names.ts';
import type { EncodeOptions, Extent, IsoLayout, IsoPlan } from './options.ts';
import { placedPieces, type Reserver, reserver } from './regions.ts';
import { SECTOR_SIZE, SYSTEM_AREA_SIZE } from './structs.ts';

const PADDING = 150 * SECTOR_SIZE;
const BLOCKS_MOST = 0xffffffff;
const LONG_DATES = { least: Date.UTC(1970, 0, 1) / 1000, most: Date.UTC(9999, 11, 31) / 1000 } as const;
/** Levels of directories, the root's included, that ISO 9660 allows; with Rock Ridge there may be more. */
const DEPTH_MOST = 8;

function checkOptions({
  volumeId,
  time,
  alignTo = SECTOR_SIZE,
  padding = PADDING,
  trailer,
  catalogPath,
  bootEntries,
}: EncodeOptions): void {
  if (!/^[\x20-\x7e]{1,32}$/.test(volumeId)) throw refuse(`the volume's name is "${volumeId}", expected 1 to 32 ASCII characters`);
  if (!Number.isInteger(time) || time < LONG_DATES.least || time > LONG_DATES.most)
    throw refuse(`the time is ${time}, expected whole seconds of the years 1970 to 9999`);
  if (!Number.isSafeInteger(alignTo) || alignTo < SECTOR_SIZE || alignTo % SECTOR_SIZE !== 0)
    throw refuse(`the image is to be a multiple of ${alignTo} bytes, expected a multiple of ${SECTOR_SIZE}`);
  if (!Number.isSafeInteger(padding) || padding < 0) throw refuse(`the padding is ${padding}, expected a whole number`);
  if (trailer !== undefined && (!Number.isSafeInteger(trailer.size) || trailer.size < 0))
    throw refuse(`the trailer has ${trailer.size} bytes, expected a whole number`);
  if (catalogPath !== undefined && (bootEntries ?? []).length === 0) throw refuse('a catalog is to be seen, but there are no boot entries');
}

function checkDepth(tree: Tree): void {
  const deep = tree.entries.find(({ path, kind }) => path.split('/').length > (kind === 'directory' ? DEPTH_MOST - 1 : DEPTH_MOST));
  if (deep !== undefined)
    throw refuse(`"${deep.path}" is deeper than the ${DEPTH_MOST} levels of ISO 9660 without Rock Ridge`, deep.path, 'NOT_EXPRESSIBLE');
}

/** The tree with the catalog in it, whose bytes come later. */
function withCatalog(tree: Tree, path: string, { time, bootEntries = [] }: EncodeOptions): Tree {
  const catalog = file(path, bytesSource(new Uint8Array(catalogSize(bootEntries.length))), 0o444);
  return makeTree([...tree.entries, { ...catalog, mtime: time }]);
}

/** The places of descriptors, path tables and directories. */
function placeVolume(
  tree: Tree,
  nodes: Nodes,
  contents: Contents,
  catalog: Catalog,
  options: EncodeOptions,
  sizeOf: () => number,
): Reserver {
  const { rockRidge = true, joliet = false } = options;
  const places = reserver(SECTOR_SIZE, SYSTEM_AREA_SIZE / SECTOR_SIZE);
  const area = rockRidge ? continuationArea() : undefined;
  const primary = hierarchy(tree, nodes, { naming: plainName, bytes: plainBytes, shows: () => true, area });
  const wide = joliet ? hierarchy(tree, nodes, { naming: jolietName, bytes: wideBytes, shows: isPlain, area: undefined }) : undefined;
  const parts = new Map<'primary' | 'joliet', VolumePart>();
  const describe = (kind: 'primary' | 'joliet') => (): Uint8Array[] => {
    const { volumeId, time } = options;
    return [descriptor(kind, parts.get(kind)!, { volumeId, time, blockCount: sizeOf() / SECTOR_SIZE })];
  };
  places.reserve(SECTOR_SIZE, describe('primary'));
  if (catalog.isThere) places.reserve(SECTOR_SIZE, () => [bootDescriptor(catalog.block)]);
  if (wide !== undefined) places.reserve(SECTOR_SIZE, describe('joliet'));
  places.reserve(SECTOR_SIZE, () => [terminator()]);
  const tables = (directories: readonly Directory[]): VolumePart => ({
    directories,
    pathTableL: places.reserve(pathTableSize(directories), () => [pathTable(directories, 'little')]),
    pathTableM: places.reserve(pathTableSize(directories), () => [pathTable(directories, 'big')]),
  });
  parts.set('primary', tables(primary));
  if (wide !== undefined) parts.set('joliet', tables(wide));
  const placeOf = (node: Node): Placed => {
    if (node.entry.kind !== 'file') return { block: 0, size: 0 };
    return { block: contents.of(node).block, size: node.entry.content.size };
  };
  let areaBlock = 0;
  const extents = (directories: readonly Directory[]): void => {
    for (const directory of directories)
      directory.block = places.reserve(directory.size, () => [directoryBytes(directory, placeOf, areaBlock)]);
  };
  extents(primary);
  if (area !== undefined) areaBlock = places.reserve(area.size, () => [area.bytes(areaBlock)]);
  extents(wide ?? []);
  return places;
}

/** What Joliet has a form for. */
function isPlain({ entry }: Node): boolean {
  return entry.kind === 'directory' || entry.kind === 'file';
}

/** The boot catalog: a file of the tree, or only a place. */
interface Catalog {
  readonly isThere: boolean;
  readonly file: Stored | undefined;
  block: number;
}

function placeCatalog(catalog: Catalog, boots: Boots, contents: Contents, places: Reserver): void {
  if (!catalog.isThere || catalog.file !== undefined) return;
  catalog.block = places.reserve(catalogSize(boots.entries.length), () => [catalogBytes(boots, contents)]);
}

function fillCatalog(catalog: Catalog, boots: Boots, contents: Contents): void {
  if (catalog.file === undefined) return;
  catalog.block = catalog.file.block;
  catalog.file.content = bytesSource(catalogBytes(boots, contents));
}

/** The stored content of a path. */
function storedIn(tree: Tree, nodes: Nodes, contents: Contents): (path: string) => Stored {
  return (path) => {
    const entry = tree.get(path);
    const node = entry === undefined ? undefined : nodes.of(entry);
    if (node?.entry.kind !== 'file') throw refuse(`there is no file "${path}" in the image`, path, 'NO_ENTRY');
    return contents.of(node);
  };
}

/**
 * Lays out an image. Contents are read now only where files of equal size may be equal, or a boot image is changed. Equal trees and options
 * give equal bytes. Throws NOT_EXPRESSIBLE for what ISO 9660 cannot hold, BAD_VALUE for options that make no sense, NO_ENTRY for a path
 * in them that is not in the tree, CONFLICT for a catalog where there is a file.
 */
export function encode(given: Tree, options: EncodeOptions): IsoPlan {
  checkOptions(options);
  const { rockRidge = true, catalogPath, alignTo = SECTOR_SIZE, padding = PADDING, trailer } = options;
  const tree = catalogPath === undefined ? given : withCatalog(given, catalogPath, options);
  checkExpressible(tree.entries, rockRidge ? loses : plainLoses);
  if (!rockRidge) checkDepth(tree);
  const nodes = nodesOf(tree);
  const boots = bootsOf(tree, nodes, options);
  const own = new Set(boots.changed);
  const catalogNode = catalogPath === undefined ? undefined : nodes.of(tree.get(catalogPath)!);
  if (catalogNode !== undefined) own.add(catalogNode);
  const contents = contentsOf(tree, nodes, options, own);
  const catalogFile = catalogNode === undefined ? undefined : contents.of(catalogNode);
  const catalog: Catalog = { isThere: boots.entries.length > 0, file: catalogFile, block: 0 };

  const places = placeVolume(tree, nodes, contents, catalog, options, () => size);
  placeCatalog(catalog, boots, contents, places);
  placeContents(contents, places);
  changeBootImages(boots, contents);
  fillCatalog(catalog, boots, contents);

  const trailerSize = alignUp(trailer?.size ?? 0, SECTOR_SIZE);
  const size = alignUp(places.next * SECTOR_SIZE + alignUp(padding, SECTOR_SIZE) + trailerSize, alignTo);
  if (size / SECTOR_SIZE > BLOCKS_MOST) throw refuse(`the image has ${size} bytes, ISO 9660 holds 8 TiB`, undefined, 'NOT_EXPRESSIBLE');
  const storedOf = storedIn(tree, nodes, contents);
  const extentOf = (path: string): Extent => {
    const { block, content } = storedOf(path);
    return { at: block * SECTOR_SIZE, size: content.size };
  };
  const layout: IsoLayout = { size, trailerAt: size - trailerSize, extentOf };
  const systemArea = { at: 0, pieces: () => [bounded(options.systemArea?.(layout), SYSTEM_AREA_SIZE, 'the system area')] };
  const end = trailer && { at: size - trailer.size, pieces: () => [bounded(trailer.bytes(layout), trailer.size, 'the trailer')] };
  return {
    ...layout,
    uuid: uuidOf(options.time),
    contentOf: (path) => storedOf(path).content,
    chunks: (how) => chunked(placedPieces([systemArea, ...places.regions, ...(end === undefined ? [] : [end])], size), how),
  };
}

function bounded(bytes: Uint8Array | undefined, size: number, what: string): Uint8Array {
  if (bytes === undefined) return new Uint8Array(0);
  if (bytes.length > size) throw refuse(`${what} has ${bytes.length} bytes, there is room for ${size}`);
  return bytes;
}
