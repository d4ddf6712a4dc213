// The records of a directory (ECMA-119 9.1), those of one file in several sections put together (9.5.1).
import { alignUp } from '../../bytes/index.ts';
import { readShortDate } from './dates.ts';
import { bytesAt, type Volume } from './decode-volume.ts';
import { fault } from './faults.ts';
import type { Extent } from './options.ts';
import { directoryRecord, RECORD_FLAGS, SECTOR_SIZE } from './structs.ts';

/** A name in a directory as it is stored. */
export interface DirectoryRecord {
  /** Offset of the (last) record in the image. */
  readonly at: number;
  readonly id: Uint8Array;
  readonly isDirectory: boolean;
  readonly isAssociated: boolean;
  readonly isInterleaved: boolean;
  readonly sections: readonly Extent[];
  readonly mtime: number;
  /** What is behind the identifier. */
  readonly systemUse: Uint8Array;
}

/** Bytes of a directory at most: well over half a million names. */
const DIRECTORY_SIZE_MOST = 128 * 1024 * 1024;

/** True for "." and "..". */
export function isDot({ id }: Pick<DirectoryRecord, 'id'>): boolean {
  return id.length === 1 && id[0]! <= 1;
}

function recordAt(
  volume: Volume,
  bytes: Uint8Array,
  offset: number,
  startsAt: number,
): { record: DirectoryRecord; flags: number; end: number } {
  const at = startsAt + offset;
  const recordSize = bytes[offset]!;
  const left = Math.min(bytes.length, alignUp(offset + 1, SECTOR_SIZE)) - offset;
  if (recordSize <= directoryRecord.size || recordSize > left) {
    throw fault('BAD_VALUE', directoryRecord.name, at, `a record of ${recordSize} bytes, expected 34 to the ${left} left in the sector`);
  }
  const stored = directoryRecord.decode(bytes, offset);
  const useAt = directoryRecord.size + stored.idSize + ((stored.idSize + 1) % 2);
  if (stored.idSize === 0 || directoryRecord.size + stored.idSize > recordSize) {
    throw fault('BAD_VALUE', directoryRecord.name, at, `an identifier of ${stored.idSize} bytes in a record of ${recordSize}`);
  }
  const record = {
    at,
    id: bytes.subarray(offset + directoryRecord.size, offset + directoryRecord.size + stored.idSize),
    isDirectory: (stored.flags & RECORD_FLAGS.directory) !== 0,
    isAssociated: (stored.flags & RECORD_FLAGS.associated) !== 0,
    isInterleaved: stored.unitSize !== 0 || stored.gapSize !== 0,
    sections: [{ at: (stored.block + stored.attributeBlocks) * volume.blockSize, size: stored.size }],
    mtime: readShortDate(stored.time) ?? 0,
    systemUse: bytes.subarray(offset + Math.min(useAt, recordSize), offset + recordSize),
  };
  return { record, flags: stored.flags, end: offset + recordSize };
}

/** The first record of a directory, its ".". */
export function readSelf(volume: Volume, at: number): DirectoryRecord {
  const bytes = bytesAt(volume, at, SECTOR_SIZE, 'directory');
  if (bytes[0] === 0) throw fault('BAD_VALUE', 'directory', at, 'it starts without a record');
  return recordAt(volume, bytes, 0, at).record;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** The records of a directory but "." and "..". Throws TRUNCATED, BAD_VALUE, LIMIT. */
export function readDirectory(volume: Volume, { at, size }: Extent, path: string): DirectoryRecord[] {
  if (size > DIRECTORY_SIZE_MOST) throw fault('LIMIT', 'directory', at, `${size} bytes, at most ${DIRECTORY_SIZE_MOST} are read`, path);
  const bytes = bytesAt(volume, at, size, 'directory', path);
  const records: DirectoryRecord[] = [];
  let sections: Extent[] = [];
  let open: DirectoryRecord | undefined;
  for (let offset = 0; offset < bytes.length; ) {
    if (bytes[offset] === 0) {
      offset = alignUp(offset + 1, SECTOR_SIZE);
      continue;
    }
    const { record, flags, end } = recordAt(volume, bytes, offset, at);
    offset = end;
    if (open !== undefined && !isSame(open.id, record.id)) {
      throw fault('BAD_VALUE', directoryRecord.name, record.at, 'the file before it has further sections, but another name follows', path);
    }
    sections.push(...record.sections);
    const goesOn = (flags & RECORD_FLAGS.multiExtent) !== 0;
    open = goesOn ? record : undefined;
    if (goesOn) continue;
    if (!isDot(record)) records.push({ ...record, sections });
    sections = [];
  }
  if (open !== undefined) throw fault('BAD_VALUE', directoryRecord.name, open.at, 'the last section of a file is missing', path);
  return records;
}
