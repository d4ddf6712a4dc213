// Writes newc: parents before children is the caller's order (a tree's entries have it), data of a hard-linked file on its last name.
import { alignUp, nameToBytes, utf8 } from '../../bytes/index.ts';
import { checkExpressible, type Entry } from '../../tree/index.ts';
import { gather, modeOf, type Numbered, number, writeAll } from '../cpio/index.ts';
import { header, loses, MAGIC } from './structs.ts';

const PIECE_SIZE = 1 << 20;
const TRAILER = {
  magic: MAGIC,
  ino: 0,
  mode: 0,
  uid: 0,
  gid: 0,
  nlink: 1,
  mtime: 0,
  fileSize: 0,
  devMajor: 0,
  devMinor: 0,
  rdevMajor: 0,
  rdevMinor: 0,
  check: 0,
};

function headerOf(item: Numbered, nameSize: number): Uint8Array {
  const { entry } = item;
  const isDevice = entry.kind === 'char' || entry.kind === 'block';
  return header.encode({
    magic: MAGIC,
    ino: item.ino,
    mode: modeOf(entry.kind, entry.mode),
    uid: entry.uid,
    gid: entry.gid,
    nlink: item.nlink,
    mtime: entry.mtime,
    fileSize: item.content.size,
    devMajor: 0,
    devMinor: 0,
    rdevMajor: isDevice ? entry.major : 0,
    rdevMinor: isDevice ? entry.minor : 0,
    nameSize,
    check: 0,
  });
}

/** Header, name and padding in one piece. The root entry is called ".". */
function head(name: Uint8Array, makeHeader: (nameSize: number) => Uint8Array): Uint8Array {
  const piece = new Uint8Array(alignUp(header.size + name.length + 1, 4));
  piece.set(makeHeader(name.length + 1), 0);
  piece.set(name, header.size);
  return piece;
}

function nameOf(item: Numbered): Uint8Array {
  return nameToBytes(item.path === '' ? '.' : item.path);
}

function* pieces(items: readonly Numbered[]): Generator<Uint8Array> {
  for (const item of items) {
    yield head(nameOf(item), (nameSize) => headerOf(item, nameSize));
    const { content } = item;
    for (let at = 0; at < content.size; at += PIECE_SIZE) yield content.read(at, Math.min(PIECE_SIZE, content.size - at));
    if (content.size & 3) yield new Uint8Array(-content.size & 3);
  }
  yield head(utf8('TRAILER!!!'), (nameSize) => header.encode({ ...TRAILER, nameSize }));
}

function numbered(entries: readonly Entry[]): Numbered[] {
  checkExpressible(entries, loses);
  return number(entries, 'last');
}

/** The archive of these entries in their order, TRAILER!!! included, as chunks of about 1 MiB. Throws NOT_EXPRESSIBLE before the first chunk. */
export function encode(entries: readonly Entry[]): Generator<Uint8Array> {
  return gather(pieces(numbered(entries)));
}

/** The same archive in one buffer: a new one, or what `memory` gives for a size in bytes (at least as many; its content does not matter). */
export function encodeWhole(entries: readonly Entry[], memory = (size: number): Uint8Array => new Uint8Array(size)): Uint8Array {
  const items = numbered(entries);
  return writeAll(pieces(items), memory(sizeOf(items)));
}

function sizeOf(items: readonly Numbered[]): number {
  let size = alignUp(header.size + 11, 4);
  for (const item of items) size += alignUp(header.size + nameOf(item).length + 1, 4) + alignUp(item.content.size, 4);
  return size;
}

/** Bytes that `encode` makes of these entries. */
export function encodedSize(entries: readonly Entry[]): number {
  return sizeOf(number(entries, 'last'));
}
