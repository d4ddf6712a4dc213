// Extended attributes: sets by number, each a list of names and values; a value may be a reference to one stored elsewhere.
import { type ByteSource, nameFromBytes, toSize } from '../../bytes/index.ts';
import { located } from '../../errors.ts';
import { Cursor, type Metadata, recordAt } from './decode-metadata.ts';
import type { Layout } from './decode-superblock.ts';
import { fault } from './faults.ts';
import { XATTR_OUT_OF_LINE, XATTR_PREFIXES, xattrHeader, xattrId, xattrReference, xattrTableHeader, xattrValue } from './structs.ts';

const STRUCTURE = xattrHeader.name;
/** The kernel's XATTR_SIZE_MAX and XATTR_LIST_MAX. */
const VALUE_MAX = 65536;
const COUNT_MAX = 65536 / 2;
/** All values of all sets, unpacked: references let a small image name the same large value again and again. */
const TOTAL_MAX = 64 << 20;
/** What an attribute takes in memory besides its bytes. */
const OVERHEAD = 64;

/** The sets of attributes of an image. */
export interface Xattrs {
  /** How many there are. */
  readonly count: number;
  /** Set number `index`, by full name; undefined where the image keeps no attributes at all. Throws BAD_VALUE, TRUNCATED or LIMIT. */
  set(index: number): ReadonlyMap<string, Uint8Array> | undefined;
}

const NONE: Xattrs = { count: 0, set: () => undefined };

/** Opens the attribute table. Throws TRUNCATED or BAD_VALUE for a damaged header. */
export function openXattrs(source: ByteSource, metadata: Metadata, { xattrTableAt, facts: { bytesUsed } }: Layout): Xattrs {
  if (xattrTableAt === undefined) return NONE;
  const tableName = xattrTableHeader.name;
  if (xattrTableAt + xattrTableHeader.size > bytesUsed) throw fault('TRUNCATED', tableName, xattrTableAt, 'its header is past the end');
  const header = xattrTableHeader.decode(source.read(xattrTableAt, xattrTableHeader.size));
  if (header.tableAt >= BigInt(xattrTableAt)) {
    throw fault(
      'BAD_VALUE',
      tableName,
      xattrTableAt,
      `its attributes are at ${header.tableAt}, expected before the header at ${xattrTableAt}`,
    );
  }
  const tableAt = Number(header.tableAt);
  const table = { structure: xattrId.name, indexAt: xattrTableAt + xattrTableHeader.size, recordSize: xattrId.size, bytesUsed };
  const known = new Map<number, ReadonlyMap<string, Uint8Array>>();
  let total = 0;

  function placeOf(reference: bigint): { blockAt: number; offset: number } {
    const blockAt = tableAt + toSize(reference >> 16n, 'a reference to an attribute');
    if (blockAt >= xattrTableAt!)
      throw fault('BAD_VALUE', STRUCTURE, blockAt, `an attribute at ${blockAt}, the table ends at ${xattrTableAt}`);
    return { blockAt, offset: Number(reference & 0xffffn) };
  }
  function value(take: (size: number) => Uint8Array, at: number): Uint8Array {
    const { size } = xattrValue.decode(take(xattrValue.size));
    if (size > VALUE_MAX) throw fault('LIMIT', STRUCTURE, at, `a value of ${size} bytes, at most ${VALUE_MAX} are allowed`);
    total += size;
    if (total > TOTAL_MAX) throw fault('LIMIT', STRUCTURE, at, `attributes of more than ${TOTAL_MAX} bytes in all`);
    return take(size);
  }
  function read(index: number): Map<string, Uint8Array> {
    const { reference, count } = xattrId.decode(recordAt(source, metadata, table, index));
    if (count > COUNT_MAX)
      throw fault('LIMIT', xattrId.name, xattrTableAt!, `set ${index}: ${count} attributes, at most ${COUNT_MAX} are read`);
    const start = placeOf(reference);
    const cursor = new Cursor(metadata, start.blockAt, start.offset, STRUCTURE);
    const set = new Map<string, Uint8Array>();
    for (let have = 0; have < count; have++) {
      const at = cursor.blockAt;
      const { type, nameSize } = cursor.next(xattrHeader);
      const prefix = XATTR_PREFIXES[type & 0xff];
      if (prefix === undefined || (type & ~(0xff | XATTR_OUT_OF_LINE)) !== 0) {
        throw fault('BAD_VALUE', STRUCTURE, at, `an attribute of type ${type}, expected 0 to 2, or 256 to 258`);
      }
      if (nameSize === 0 || nameSize > 255) throw fault('BAD_VALUE', STRUCTURE, at, `a name of ${nameSize} bytes, expected 1 to 255`);
      const name = prefix + nameFromBytes(cursor.take(nameSize));
      if (set.has(name)) throw fault('CONFLICT', STRUCTURE, at, `the attribute ${name} twice in one set`);
      total += name.length + OVERHEAD;
      if (total > TOTAL_MAX) throw fault('LIMIT', STRUCTURE, at, `attributes of more than ${TOTAL_MAX} bytes in all`);
      if ((type & XATTR_OUT_OF_LINE) === 0) {
        set.set(
          name,
          value((size) => cursor.take(size).slice(), at),
        );
        continue;
      }
      const { size } = cursor.next(xattrValue);
      if (size !== xattrReference.size) throw fault('BAD_VALUE', STRUCTURE, at, `a reference of ${size} bytes, expected 8`);
      const place = placeOf(xattrReference.decode(cursor.take(size)).reference);
      const elsewhere = new Cursor(metadata, place.blockAt, place.offset, STRUCTURE);
      set.set(
        name,
        value((count) => elsewhere.take(count).slice(), place.blockAt),
      );
    }
    return set;
  }

  return {
    count: header.idCount,
    set(index) {
      if (index >= header.idCount) throw fault('BAD_VALUE', xattrId.name, xattrTableAt, `set ${index}, the image has ${header.idCount}`);
      const held = known.get(index);
      if (held !== undefined) return held;
      try {
        const set = read(index);
        known.set(index, set);
        return set;
      } catch (error) {
        throw located(error, { structure: STRUCTURE, offset: xattrTableAt });
      }
    },
  };
}
