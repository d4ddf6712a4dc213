// The records of one directory: label or dots, then for each name the pieces of its long form, last piece first, and its alias.
import type { DirectoryNode, Placement } from './contents.ts';
import { aliasChecksum, type FatName, shortBytes } from './names.ts';
import { ATTRIBUTE, LONG_LAST, LONG_NAME, longRecord, record, UNITS_PER_RECORD } from './structs.ts';
import { type FatTime, TIME_LEAST, TIME_MOST, toFatTime } from './times.ts';

/** What a directory needs to know of the volume. */
export interface DirectoryOptions {
  readonly placement: Placement;
  /** The root's label record; empty for none. */
  readonly label: string;
  /** For entries whose own time FAT cannot hold. */
  readonly time: number;
}

const WRITE_BITS = 0o222;

function written(name: Uint8Array, attributes: number, cluster: number, fileSize: number, { date, time }: FatTime): Uint8Array {
  return record.encode({
    name,
    attributes,
    caseFlags: 0,
    createdTenth: 0,
    createdTime: time,
    createdDate: date,
    accessedDate: date,
    clusterHigh: cluster >>> 16,
    writtenTime: time,
    writtenDate: date,
    clusterLow: cluster & 0xffff,
    fileSize,
  });
}

/** The pieces of a long name as they are stored. Unused places after the closing NUL are 0xffff. */
function longPieces(long: string, short: Uint8Array): Uint8Array[] {
  const count = Math.ceil(long.length / UNITS_PER_RECORD);
  const checksum = aliasChecksum(short);
  const pieces: Uint8Array[] = [];
  for (let index = count - 1; index >= 0; index--) {
    const units = new Uint8Array(UNITS_PER_RECORD * 2).fill(0xff);
    const view = new DataView(units.buffer);
    for (let at = 0; at < UNITS_PER_RECORD; at++) {
      const from = index * UNITS_PER_RECORD + at;
      if (from <= long.length) view.setUint16(at * 2, from === long.length ? 0 : long.charCodeAt(from), true);
    }
    pieces.push(
      longRecord.encode({
        order: (index + 1) | (index === count - 1 ? LONG_LAST : 0),
        units1: units.subarray(0, 10),
        attributes: LONG_NAME,
        type: 0,
        checksum,
        units2: units.subarray(10, 22),
        cluster: 0,
        units3: units.subarray(22, 26),
      }),
    );
  }
  return pieces;
}

function named(name: FatName, attributes: number, cluster: number, size: number, time: FatTime): Uint8Array[] {
  const short = shortBytes(name);
  const pieces = name.long === undefined ? [] : longPieces(name.long, short);
  return [...pieces, written(short, attributes, cluster, size, time)];
}

/** All records of a directory, without the zeros that follow. */
export function encodeDirectory(node: DirectoryNode, { placement, label, time }: DirectoryOptions): Uint8Array {
  const bytes = new Uint8Array(node.size);
  let at = 0;
  const append = (piece: Uint8Array) => {
    bytes.set(piece, at);
    at += piece.length;
  };
  const timeOf = (mtime: number) => toFatTime(mtime >= TIME_LEAST && mtime <= TIME_MOST ? mtime : time);
  const now = toFatTime(time);
  if (node.parent === undefined) {
    if (label !== '') append(written(shortBytes({ base: label.padEnd(11), extension: '' }).subarray(0, 11), ATTRIBUTE.volume, 0, 0, now));
  } else {
    // ".." of a directory in the root is 0, with FAT32 too
    const up = node.parent.parent === undefined ? 0 : placement.first.get(node.parent)!;
    append(written(shortBytes({ base: '.', extension: '' }), ATTRIBUTE.directory, placement.first.get(node)!, 0, now));
    append(written(shortBytes({ base: '..', extension: '' }), ATTRIBUTE.directory, up, 0, now));
  }
  for (const { name, entry, node: child } of node.children) {
    const isFile = child.kind === 'file';
    const kind = isFile ? ATTRIBUTE.archive : ATTRIBUTE.directory;
    const attributes = kind | (isFile && (entry.mode & WRITE_BITS) === 0 ? ATTRIBUTE.readOnly : 0);
    for (const piece of named(name, attributes, placement.first.get(child) ?? 0, isFile ? child.size : 0, timeOf(entry.mtime)))
      append(piece);
  }
  return bytes;
}
