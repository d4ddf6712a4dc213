// Directories of one hierarchy (ECMA-119 6.8, 9.1) and its path tables (9.4). An image has the primary hierarchy, and Joliet's if asked for.
import { alignUp, concat, u16be, u16le, u32be, u32le } from '../../bytes/index.ts';
import { baseName, type Entry, type Node, type Nodes, type Tree } from '../../tree/index.ts';
import { shortDate } from './dates.ts';
import { type ContinuationArea, continuationEntry, rockEntries, rootEntries, type SystemUse } from './encode-rock.ts';
import { refuse } from './faults.ts';
import { distinctNames, type Naming } from './names.ts';
import { directoryRecord, EXTENT_SIZE_MOST, pathRecordL, RECORD_FLAGS, RECORD_SIZE_MOST, SECTOR_SIZE } from './structs.ts';

/** Path tables have two bytes for a parent's number. */
const DIRECTORIES_MOST = 0xffff;
const SELF = Uint8Array.of(0);
const PARENT = Uint8Array.of(1);
const NO_USE: SystemUse = { size: 0, entries: [], rest: undefined };

/** How a hierarchy names things, and what of the tree it shows. */
export interface HierarchyStyle {
  readonly naming: Naming;
  readonly bytes: (name: string) => Uint8Array;
  readonly shows: (node: Node) => boolean;
  /** The area for Rock Ridge; undefined for a hierarchy without. */
  readonly area: ContinuationArea | undefined;
}

/** A record about to be written. */
interface Listed {
  readonly node: Node;
  readonly id: Uint8Array;
  readonly use: SystemUse;
  readonly directory: Directory | undefined;
}

/** One directory. `number` is that of the path table, from 1. */
export interface Directory {
  readonly node: Node;
  readonly id: Uint8Array;
  readonly number: number;
  readonly parent: Directory | undefined;
  readonly listed: Listed[];
  self: SystemUse;
  above: SystemUse;
  /** Bytes of its extent. */
  size: number;
  block: number;
}

/** Where the bytes of a file or a directory are. */
export interface Placed {
  readonly block: number;
  readonly size: number;
}

/** Bytes of a record. */
function recordSize(idSize: number, useSize: number): number {
  return alignUp(alignUp(directoryRecord.size + idSize, 2) + useSize, 2);
}

function room(idSize: number): number {
  return RECORD_SIZE_MOST - alignUp(directoryRecord.size + idSize, 2);
}

/** The pieces of at most 4 GiB in which records name a content. */
export function sectionsOf({ block, size }: Placed): Placed[] {
  const sections: Placed[] = [];
  for (let at = 0; at === 0 || at < size; at += EXTENT_SIZE_MOST) {
    sections.push({ block: size === 0 ? 0 : block + at / SECTOR_SIZE, size: Math.min(EXTENT_SIZE_MOST, size - at) });
  }
  return sections;
}

function sectionCount({ entry }: Node): number {
  return entry.kind === 'file' ? Math.max(1, Math.ceil(entry.content.size / EXTENT_SIZE_MOST)) : 1;
}

/** All directories in the order of the path table: by depth, then by parent, then by name. Sizes are known, places are not. */
export function hierarchy(tree: Tree, nodes: Nodes, style: HierarchyStyle): Directory[] {
  const directories: Directory[] = [];
  const add = (node: Node, id: Uint8Array, parent: Directory | undefined): Directory => {
    if (directories.length === DIRECTORIES_MOST)
      throw refuse(`more than ${DIRECTORIES_MOST} directories, which is what a path table holds`, undefined, 'NOT_EXPRESSIBLE');
    const made: Directory = {
      ...{ node, id, parent, number: directories.length + 1, listed: [] },
      ...{ self: NO_USE, above: NO_USE, size: 0, block: 0 },
    };
    directories.push(made);
    return made;
  };
  add(nodes.root, SELF, undefined);
  for (let index = 0; index < directories.length; index++) fill(directories[index]!, tree, nodes, style, add);
  return directories;
}

function fill(
  directory: Directory,
  tree: Tree,
  nodes: Nodes,
  { naming, bytes, shows, area }: HierarchyStyle,
  add: (node: Node, id: Uint8Array, parent: Directory) => Directory,
): void {
  const shown = tree.children(directory.node.entry.path).filter((entry) => shows(nodes.of(entry)));
  const names = distinctNames(shown.map(nameOf), naming);
  // by name, not by identifier: a version is no part of what is compared (9.3)
  const sorted = shown.map((entry, index) => ({ entry, name: names[index]! })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const use = (entries: () => Uint8Array[], idSize: number): SystemUse =>
    area === undefined ? NO_USE : area.divide(entries(), room(idSize));
  const isRoot = directory.parent === undefined;
  directory.self = use(() => (isRoot ? rootEntries(directory.node) : rockEntries(directory.node, undefined)), SELF.length);
  directory.above = use(() => rockEntries((directory.parent ?? directory).node, undefined), PARENT.length);
  const sizes = [recordSize(SELF.length, directory.self.size), recordSize(PARENT.length, directory.above.size)];
  for (const { entry, name } of sorted) {
    const node = nodes.of(entry);
    const isDirectory = entry.kind === 'directory';
    const id = bytes(isDirectory ? name : `${name};1`);
    const listed: Listed = {
      ...{ node, id, use: use(() => rockEntries(node, baseName(entry.path)), id.length) },
      directory: isDirectory ? add(node, id, directory) : undefined,
    };
    directory.listed.push(listed);
    for (let count = sectionCount(node); count > 0; count--) sizes.push(recordSize(id.length, listed.use.size));
  }
  let end = 0;
  for (const size of sizes) end = placeIn(end, size) + size;
  directory.size = alignUp(end, SECTOR_SIZE);
}

function nameOf(entry: Entry): { name: string; isDirectory: boolean } {
  return { name: baseName(entry.path), isDirectory: entry.kind === 'directory' };
}

/** Where a record goes: a sector has whole ones only. */
function placeIn(end: number, size: number): number {
  return (end % SECTOR_SIZE) + size > SECTOR_SIZE ? alignUp(end, SECTOR_SIZE) : end;
}

/** The bytes of a directory, once all places are known. */
export function directoryBytes(directory: Directory, placeOf: (node: Node) => Placed, areaBlock: number): Uint8Array {
  const extent = new Uint8Array(directory.size);
  const view = new DataView(extent.buffer);
  let end = 0;
  const put = (id: Uint8Array, { entry }: Node, { block, size }: Placed, flags: number, use: SystemUse): void => {
    const total = recordSize(id.length, use.size);
    const at = placeIn(end, total);
    const time = shortDate(entry.mtime);
    const fixed = { attributeBlocks: 0, unitSize: 0, gapSize: 0, sequenceNumber: 1 };
    directoryRecord.encodeInto(view, at, { recordSize: total, block, size, time, flags, ...fixed, idSize: id.length });
    extent.set(id, at + directoryRecord.size);
    const ce = use.rest === undefined ? [] : [continuationEntry(areaBlock, use.rest)];
    let useAt = at + alignUp(directoryRecord.size + id.length, 2);
    for (const entry of [...use.entries, ...ce]) {
      extent.set(entry, useAt);
      useAt += entry.length;
    }
    end = at + total;
  };
  const parent = directory.parent ?? directory;
  put(SELF, directory.node, directory, RECORD_FLAGS.directory, directory.self);
  put(PARENT, parent.node, parent, RECORD_FLAGS.directory, directory.above);
  for (const { node, id, use, directory: below } of directory.listed) {
    if (below !== undefined) {
      put(id, node, below, RECORD_FLAGS.directory, use);
      continue;
    }
    const sections = sectionsOf(placeOf(node));
    for (const [index, section] of sections.entries()) {
      put(id, node, section, index < sections.length - 1 ? RECORD_FLAGS.multiExtent : 0, use);
    }
  }
  return extent;
}

/** The record of the root that a volume descriptor has; without system use. */
export function rootRecord({ block, size, node }: Directory): Uint8Array {
  const fixed = { attributeBlocks: 0, unitSize: 0, gapSize: 0, sequenceNumber: 1, flags: RECORD_FLAGS.directory, idSize: 1 };
  const head = directoryRecord.encode({ ...fixed, recordSize: 34, block, size, time: shortDate(node.entry.mtime) });
  return concat([head, SELF]);
}

/** Bytes of a path table. */
export function pathTableSize(directories: readonly Directory[]): number {
  return directories.reduce((size, { id }) => size + alignUp(pathRecordL.size + id.length, 2), 0);
}

/** The path table in one byte order, filled up to whole sectors. */
export function pathTable(directories: readonly Directory[], order: 'little' | 'big'): Uint8Array {
  const table = new Uint8Array(alignUp(pathTableSize(directories), SECTOR_SIZE));
  const view = new DataView(table.buffer);
  const [u32, u16] = order === 'little' ? [u32le, u16le] : [u32be, u16be];
  let at = 0;
  for (const { id, block, parent } of directories) {
    table[at] = id.length;
    u32.set(view, at + pathRecordL.offsetOf('block'), block);
    u16.set(view, at + pathRecordL.offsetOf('parent'), parent?.number ?? 1);
    table.set(id, at + pathRecordL.size);
    at += alignUp(pathRecordL.size + id.length, 2);
  }
  return table;
}
