// Writes newc: parents before children is the caller's order (a tree's entries have it), data of a hard-linked file on its last name.
import type { Entry } from '../../tree/index.ts';
import { cpioEncoder, modeOf, type Numbered } from '../cpio/index.ts';
import { header, loses, MAGIC } from './structs.ts';

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

const newc = cpioEncoder({
  headerSize: header.size,
  align: 4,
  linkData: 'last',
  loses,
  header: headerOf,
  trailer: (nameSize) => header.encode({ ...TRAILER, nameSize }),
});

/** The archive of these entries in their order, TRAILER!!! included, as chunks of about 1 MiB. Throws NOT_EXPRESSIBLE before the first chunk. */
export function encode(entries: readonly Entry[]): Generator<Uint8Array> {
  return newc.encode(entries);
}

/** The same archive in one buffer: a new one, or what `memory` gives for a size in bytes (at least as many; its content does not matter). */
export function encodeWhole(entries: readonly Entry[], memory?: (size: number) => Uint8Array): Uint8Array {
  return newc.encodeWhole(entries, memory);
}

/** Bytes that `encode` makes of these entries. */
export function encodedSize(entries: readonly Entry[]): number {
  return newc.encodedSize(entries);
}
