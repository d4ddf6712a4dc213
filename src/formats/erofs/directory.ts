// Directory blocks. Each block stands alone: records, then names; a record's name ends where the next one's starts.
import { nameFromBytes } from '../../bytes/index.ts';
import { contentOf } from './content.ts';
import { fault } from './faults.ts';
import { type Inode, isCompressed } from './inode.ts';
import { dirent } from './structs.ts';
import type { Volume } from './volume.ts';

/** One name in a directory; `type` is the number stored with it (structs DIRENT_MODES). `at` is its place in the directory's content. */
export interface DirectoryRecord {
  readonly name: string;
  readonly nid: bigint;
  readonly type: number;
  readonly at: number;
}

/** All records in stored order, "." and ".." included. Throws BAD_VALUE for records that are none, LIMIT for a directory larger than the image. */
export function readDirectory(volume: Volume, inode: Inode): DirectoryRecord[] {
  const { size, place } = inode;
  if (size > volume.source.size && inode.area === volume.source && !isCompressed(inode)) {
    throw fault('LIMIT', place, `a directory of ${size} bytes in an image of ${volume.source.size}`);
  }
  const { blockSize } = volume.layout.facts;
  const content = contentOf(volume, inode);
  const records: DirectoryRecord[] = [];
  for (let blockAt = 0; blockAt < size; blockAt += blockSize) {
    const block = content.read(blockAt, Math.min(blockSize, size - blockAt));
    const bad = (found: string) => fault('BAD_VALUE', place, `directory block at ${blockAt} of its content: ${found}`);
    if (block.length < dirent.size) throw bad(`${block.length} bytes, a record takes ${dirent.size}`);
    const namesAt = dirent.decode(block).nameAt;
    if (namesAt < dirent.size || namesAt % dirent.size !== 0 || namesAt >= block.length) {
      throw bad(`the first name at ${namesAt}, which is not the end of whole records within ${block.length} bytes`);
    }
    const count = namesAt / dirent.size;
    for (let index = 0; index < count; index++) {
      const { nid, nameAt, type } = dirent.decode(block, index * dirent.size);
      const last = index + 1 === count;
      let end = last ? block.length : dirent.decode(block, (index + 1) * dirent.size).nameAt;
      if (nameAt < namesAt || end <= nameAt || end > block.length) throw bad(`record ${index} has its name at ${nameAt} to ${end}`);
      // the last name of a block is padded with NULs
      const nul = last ? block.subarray(nameAt, end).indexOf(0) : -1;
      if (nul >= 0) end = nameAt + nul;
      records.push({ name: nameFromBytes(block.subarray(nameAt, end)), nid, type, at: blockAt + index * dirent.size });
    }
  }
  return records;
}
