// Writes odc. Every name of a hard-linked file carries the data, as other writers do: readers of this form expect it.
import type { Entry } from '../../tree/index.ts';
import { cpioEncoder, modeOf, type Numbered } from '../cpio/index.ts';
import { header, loses, MAGIC, SHORT_MOST } from './structs.ts';

const TRAILER = { magic: MAGIC, dev: 0, ino: 0, mode: 0, uid: 0, gid: 0, nlink: 1, rdev: 0, mtime: 0, fileSize: 0 };

function headerOf(item: Numbered, nameSize: number): Uint8Array {
  const { entry } = item;
  const rdev = entry.kind === 'char' || entry.kind === 'block' ? entry.major * 256 + entry.minor : 0;
  const { uid, gid, mtime } = entry;
  const { ino, nlink } = item;
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

const odc = cpioEncoder({
  headerSize: header.size,
  align: 1,
  linkData: 'every',
  loses,
  renumber(items) {
    const given = inodes(items);
    return items.map((item) => ({ ...item, ino: given.get(item.ino)! }));
  },
  header: headerOf,
  trailer: (nameSize) => header.encode({ ...TRAILER, nameSize }),
});

/** The archive of these entries in their order, TRAILER!!! included, as chunks of about 1 MiB. Throws NOT_EXPRESSIBLE before the first chunk. */
export function encode(entries: readonly Entry[]): Generator<Uint8Array> {
  return odc.encode(entries);
}

/** The same archive in one buffer: a new one, or what `memory` gives for a size in bytes (at least as many; its content does not matter). */
export function encodeWhole(entries: readonly Entry[], memory?: (size: number) => Uint8Array): Uint8Array {
  return odc.encodeWhole(entries, memory);
}

/** Bytes that `encode` makes of these entries. */
export function encodedSize(entries: readonly Entry[]): number {
  return odc.encodedSize(entries);
}
