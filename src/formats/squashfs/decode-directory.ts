// The listing of a directory: runs of entries behind headers.
import { nameFromBytes } from '../../bytes/index.ts';
import { type DirectoryInode, REFERENCE_STEP } from './decode-inode.ts';
import { Cursor } from './decode-metadata.ts';
import type { Volume } from './decode-volume.ts';
import { fault } from './faults.ts';
import { directoryEntry, directoryHeader, RUN_MAX } from './structs.ts';

/** One name of a directory. `type` is the basic type stored with it, `number` the inode number, `at` its place in the listing. */
export interface DirectoryRecord {
  readonly name: string;
  /** As `readInode` takes it. */
  readonly reference: number;
  readonly type: number;
  readonly number: number;
  readonly at: number;
}

const STRUCTURE = 'squashfs directory';

/** The entries of a directory in stored order. Throws BAD_VALUE, TRUNCATED, or LIMIT for more than `entriesMax`. */
export function readDirectory(volume: Volume, inode: DirectoryInode, entriesMax: number): DirectoryRecord[] {
  const records: DirectoryRecord[] = [];
  const { listingSize, number } = inode;
  if (listingSize === 0) return records;
  const { layout, metadata } = volume;
  const blockAt = layout.directoryTableAt + inode.blockAt;
  const tableEnd = layout.fragmentTableAt ?? layout.exportTableAt ?? layout.idTableAt;
  const bad = (at: number, found: string) => fault('BAD_VALUE', STRUCTURE, at, `directory of inode ${number}: ${found}`);
  if (blockAt >= tableEnd) throw bad(blockAt, `a listing in a block at ${blockAt}, the directory table ends before ${tableEnd}`);
  const cursor = new Cursor(metadata, blockAt, inode.offset, STRUCTURE);
  for (let at = 0; at < listingSize; ) {
    const header = cursor.next(directoryHeader);
    at += directoryHeader.size;
    if (header.count >= RUN_MAX) throw bad(cursor.blockAt, `a run of ${header.count + 1} entries, at most ${RUN_MAX} are allowed`);
    for (let left = header.count + 1; left > 0; left--) {
      const entryAt = at;
      const { offset, inodeDelta, type, nameSize } = cursor.next(directoryEntry);
      if (nameSize >= 256) throw bad(cursor.blockAt, `a name of ${nameSize + 1} bytes at ${entryAt} of the listing`);
      if (type < 1 || type > 7) throw bad(cursor.blockAt, `type ${type} at ${entryAt} of the listing, expected 1 to 7`);
      const name = nameFromBytes(cursor.take(nameSize + 1));
      at += directoryEntry.size + nameSize + 1;
      if (at > listingSize) throw bad(cursor.blockAt, `an entry that ends at ${at} of a listing of ${listingSize} bytes`);
      if (records.length >= entriesMax) throw fault('LIMIT', STRUCTURE, cursor.blockAt, `more than ${entriesMax} entries`);
      const reference = header.blockAt * REFERENCE_STEP + offset;
      records.push({ name, reference, type, number: (header.inodeNumber + inodeDelta) >>> 0, at: entryAt });
    }
  }
  return records;
}
