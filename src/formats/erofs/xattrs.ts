// Extended attributes: inline ones after the inode, shared ones in an area of their own, prefixes by number.
import { type ByteSource, nameFromBytes, u16le, u32le } from '../../bytes/index.ts';
import { fault, type Place } from './faults.ts';
import type { Inode } from './inode.ts';
import { COMPAT, XATTR_LONG_PREFIX, XATTR_PREFIXES, xattrEntry, xattrHeader } from './structs.ts';
import type { Volume } from './volume.ts';

/** Attributes by full name. */
export type Xattrs = ReadonlyMap<string, Uint8Array>;

/** The image's own prefixes, in order. Throws TRUNCATED or BAD_VALUE. */
export function readPrefixes(volume: Volume): readonly string[] {
  const { xattrPrefixCount, xattrPrefixesAt, metaboxNid, packedNid, facts } = volume.layout;
  if (xattrPrefixCount === 0) return [];
  const plain = (facts.featureCompat & COMPAT.plainXattrPrefixes) !== 0;
  const area = plain ? volume.source : metaboxNid !== 0n ? volume.metabox() : packedNid !== 0n ? volume.packed() : volume.source;
  const prefixes: string[] = [];
  let at = xattrPrefixesAt;
  for (let index = 0; index < xattrPrefixCount; index++) {
    const place = { structure: `erofs xattr prefix ${index}`, offset: at };
    const size = u16At(area, at, place);
    if (size < 1 || size > 256) throw fault('BAD_VALUE', place, `a size of ${size}, expected 1 to 256`);
    const bytes = bytesAt(area, at + 2, size, place);
    prefixes.push(basePrefix(bytes[0]!, place) + nameFromBytes(bytes.subarray(1)));
    at = Math.ceil((at + 2 + size) / 4) * 4;
  }
  return prefixes;
}

/** All attributes of an inode. Throws TRUNCATED, BAD_VALUE or UNSUPPORTED. */
export function readXattrs(volume: Volume, inode: Inode, prefixes: readonly string[]): Xattrs {
  const found = new Map<string, Uint8Array>();
  const { area, xattrsAt, xattrsSize, place } = inode;
  // a lone header is not an error, but nothing is in it
  if (xattrsSize <= xattrHeader.size) return found;
  const body = bytesAt(area, xattrsAt, xattrsSize, place);
  const { sharedCount } = xattrHeader.decode(body);
  const inlineAt = xattrHeader.size + 4 * sharedCount;
  if (inlineAt > xattrsSize) throw fault('BAD_VALUE', place, `${sharedCount} shared xattrs in ${xattrsSize} bytes`);
  for (let at = inlineAt; at < xattrsSize; ) {
    // the last words may be padding: an entry has a prefix
    const size = addEntry(body.subarray(at), found, prefixes, { ...place, offset: xattrsAt + at });
    at += Math.ceil(size / 4) * 4;
  }
  const view = new DataView(body.buffer, body.byteOffset);
  const sharedIn = (volume.layout.facts.featureCompat & COMPAT.sharedXattrsInMetabox) !== 0 ? volume.metabox() : volume.source;
  for (let index = 0; index < sharedCount; index++) {
    const id = u32le.get(view, xattrHeader.size + 4 * index);
    const at = volume.layout.xattrsAt + id * 4;
    const sharedPlace = { structure: `erofs shared xattr ${id}`, offset: at };
    const head = xattrEntry.decode(bytesAt(sharedIn, at, xattrEntry.size, sharedPlace));
    addEntry(bytesAt(sharedIn, at, xattrEntry.size + head.nameSize + head.valueSize, sharedPlace), found, prefixes, sharedPlace);
  }
  return found;
}

function addEntry(bytes: Uint8Array, found: Map<string, Uint8Array>, prefixes: readonly string[], place: Place): number {
  const { nameSize, prefix, valueSize } = xattrEntry.decode(bytes);
  const size = xattrEntry.size + nameSize + valueSize;
  if (size > bytes.length) throw fault('BAD_VALUE', place, `an xattr of ${size} bytes, ${bytes.length} are left`);
  const start = (prefix & XATTR_LONG_PREFIX) !== 0 ? prefixes[prefix & ~XATTR_LONG_PREFIX] : basePrefix(prefix, place);
  if (start === undefined) throw fault('BAD_VALUE', place, `xattr prefix ${prefix & ~XATTR_LONG_PREFIX}, the image has ${prefixes.length}`);
  const name = start + nameFromBytes(bytes.subarray(xattrEntry.size, xattrEntry.size + nameSize));
  if (name.includes('\0')) throw fault('BAD_VALUE', place, 'the name of an xattr holds a NUL');
  // what comes first is what the kernel returns
  if (!found.has(name)) found.set(name, bytes.slice(xattrEntry.size + nameSize, size));
  return size;
}

function basePrefix(number: number, place: Place): string {
  const prefix = XATTR_PREFIXES[number];
  if (prefix === undefined) throw fault('BAD_VALUE', place, `xattr prefix ${number}, 1 to ${XATTR_PREFIXES.length - 1} exist`);
  return prefix;
}

function bytesAt(area: ByteSource, at: number, size: number, place: Place): Uint8Array {
  if (at + size > area.size) throw fault('TRUNCATED', place, `${size} bytes at ${at}, there are ${area.size}`);
  return area.read(at, size);
}

function u16At(area: ByteSource, at: number, place: Place): number {
  const bytes = bytesAt(area, at, 2, place);
  return u16le.get(new DataView(bytes.buffer, bytes.byteOffset), 0);
}
