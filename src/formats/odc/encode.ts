// Writes odc. Every name of a hard-linked file carries the data, as other writers do: readers of this form expect it.
import { nameToBytes, utf8 } from '../../bytes/index.ts';
import { checkExpressible, type Entry } from '../../tree/index.ts';
import { gather, modeOf, type Numbered, number, writeAll } from '../cpio/index.ts';
import { header, loses, MAGIC, SHORT_MOST } from './structs.ts';

const PIECE_SIZE = 1 << 20;
const TRAILER = { magic: MAGIC, dev: 0, ino: 0, mode: 0, uid: 0, gid: 0, nlink: 1, rdev: 0, mtime: 0, fileSize: 0 };

function headerOf(item: Numbered, ino: number, nameSize: number): Uint8Array {
  const { entry } = item;
  const rdev = entry.kind === 'char' || entry.kind === 'block' ? entry.major * 256 + entry.minor : 0;
  const { uid, gid, mtime } = entry;
  const { nlink } = item;
  return header.encode({
    magic: MAGIC,
    dev: 0,
    ino,
    mode: modeOf(entry.kind, entry.mode),
    uid,
    gid,
    nlink,
    rdev,
    mtime,
    nameSize,
    fileSize: item.content.size,
  });
}

function head(name: Uint8Array, makeHeader: (nameSize: number) => Uint8Array): Uint8Array {
  const piece = new Uint8Array(header.size + name.length + 1);
  piece.set(makeHeader(name.length + 1), 0);
  piece.set(name, header.size);
  return piece;
}

function nameOf(item: Numbered): Uint8Array {
  return nameToBytes(item.path === '' ? '.' : item.path);
}

/**
 * Inode numbers have 18 bits. Hard-linked files are numbered first, since only they need different numbers; the others share the last
 * number once it is reached. Beyond that many hard-linked files the header refuses (NOT_EXPRESSIBLE).
 */
export function inodes(items: readonly Pick<Numbered, 'entry' | 'nlink' | 'ino'>[]): Map<number, number> {
  const given = new Map<number, number>();
  const linked = (item: Pick<Numbered, 'entry' | 'nlink'>) => item.entry.kind !== 'directory' && item.nlink > 1;
  for (const item of items) if (linked(item) && !given.has(item.ino)) given.set(item.ino, given.size + 1);
  for (const item of items) if (!linked(item)) given.set(item.ino, Math.min(given.size + 1, SHORT_MOST));
  return given;
}

function* pieces(items: readonly Numbered[]): Generator<Uint8Array> {
  const given = inodes(items);
  for (const item of items) {
    yield head(nameOf(item), (nameSize) => headerOf(item, given.get(item.ino)!, nameSize));
    const { content } = item;
    for (let at = 0; at < content.size; at += PIECE_SIZE) yield content.read(at, Math.min(PIECE_SIZE, content.size - at));
  }
  yield head(utf8('TRAILER!!!'), (nameSize) => header.encode({ ...TRAILER, nameSize }));
}

function numbered(entries: readonly Entry[]): Numbered[] {
  checkExpressible(entries, loses);
  return number(entries, 'every');
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
  let size = header.size + 11;
  for (const item of items) size += header.size + nameOf(item).length + 1 + item.content.size;
  return size;
}

/** Bytes that `encode` makes of these entries. */
export function encodedSize(entries: readonly Entry[]): number {
  return sizeOf(number(entries, 'every'));
}
