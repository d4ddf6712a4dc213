// From a compressed inode's map header and index to its extents: whole in the packed inode, per lcluster, or a table of extents.
import { alignUp, u32le } from '../../bytes/index.ts';
import { readClusters } from './clusters.ts';
import { type Encoding, ExtentList } from './extents.ts';
import { fault } from './faults.ts';
import type { Inode } from './inode.ts';
import { ADVISE, ALGORITHMS, BLOCK_COUNT_FLAG, LCLUSTER, mapHeader } from './structs.ts';
import type { Volume } from './volume.ts';

const WHOLE_IN_PACKED = 0x80;

/** The extents of a compressed file of at least one byte; the first starts at 0. Throws TRUNCATED, BAD_VALUE or UNSUPPORTED. */
export function readExtents(volume: Volume, inode: Inode): ExtentList {
  const { area, place } = inode;
  const headerAt = alignUp(inode.tailAt, 8);
  if (headerAt + mapHeader.size > area.size) throw fault('TRUNCATED', place, `a map header at ${headerAt}, of ${area.size} bytes`);
  const bytes = area.read(headerAt, mapHeader.size);
  const header = mapHeader.decode(bytes);
  if ((header.clusterBits & WHOLE_IN_PACKED) !== 0) {
    const high = (header.advise | (header.algorithms << 16) | ((header.clusterBits & 0x7f) << 24)) >>> 0;
    const extents = new ExtentList(inode.size);
    extents.add(0, 'fragment', header.fragment + high * 2 ** 32, inode.size);
    return extents;
  }
  const extents =
    inode.layout === 'compressed' && (header.advise & ADVISE.extents) !== 0
      ? fromTable(volume, inode, headerAt, header)
      : fromClusters(volume, inode, headerAt, header);
  if (extents.count === 0 || extents.extent(0).at !== 0)
    throw fault('BAD_VALUE', place, 'its index does not start at the start of the file');
  return extents;
}

type Header = ReturnType<typeof mapHeader.decode>;

function algorithm(volume: Volume, inode: Inode, number: number): Encoding {
  const name = ALGORITHMS[number];
  if (name === undefined) throw fault('UNSUPPORTED', inode.place, `compression ${number}`);
  if (!volume.layout.facts.algorithms.includes(name)) {
    throw fault('BAD_VALUE', inode.place, `compression ${name}, which the superblock does not name`);
  }
  return name;
}

function fromClusters(volume: Volume, inode: Inode, headerAt: number, header: Header): ExtentList {
  const { place, size } = inode;
  const { blockBits, facts } = volume.layout;
  const { blockSize } = facts;
  const { advise } = header;
  const clusterBits = blockBits + (header.clusterBits & 15);
  const big1 = (advise & ADVISE.big1) !== 0;
  const big2 = (advise & ADVISE.big2) !== 0;
  if (inode.layout === 'compact' && big1 !== big2)
    throw fault('BAD_VALUE', place, 'big pclusters for one of two algorithms in a compact index');
  const plain: Encoding = (advise & ADVISE.interlaced) !== 0 ? 'interlaced' : 'shifted';
  const extents = new ExtentList(size);
  let number = 0;
  let headAt = -1;
  let headNumber = -1;
  let headBig = false;
  let headBlock = 0;
  const indexEnd = readClusters(inode, { headerAt, clusterBits, blockBits, advise }, ({ type, low, block }) => {
    const at = number * 2 ** clusterBits;
    if (type === LCLUSTER.nonhead) {
      if (headAt < 0) throw fault('BAD_VALUE', place, `cluster ${number} of its index continues nothing`);
      const counted = (low & BLOCK_COUNT_FLAG) !== 0;
      if (counted && !big1 && !big2)
        throw fault('BAD_VALUE', place, `cluster ${number} of its index counts blocks, but none of its pclusters is big`);
      if (number === headNumber + 1 && headBig) extents.resizeLast(counted ? (low & ~BLOCK_COUNT_FLAG) * blockSize : 0);
    } else {
      if (low >= 2 ** clusterBits) throw fault('BAD_VALUE', place, `cluster ${number} of its index starts at byte ${low} of itself`);
      headAt = at + low;
      headNumber = number;
      headBig = type === LCLUSTER.head1 ? big1 : big2;
      headBlock = block;
      // after the last byte there may be a head that only marks the end
      if (headAt < size) {
        const encoding =
          type === LCLUSTER.plain
            ? plain
            : algorithm(volume, inode, type === LCLUSTER.head1 ? header.algorithms & 15 : header.algorithms >> 4);
        extents.add(headAt, encoding, block * blockSize, blockSize);
      }
    }
    number++;
  });
  if (extents.count === 0) return extents;
  const inlineSize = header.fragment >>> 16;
  if ((advise & ADVISE.fragment) !== 0) {
    // the full index has room for the high half where the tail's block address would be
    const high = inode.layout === 'compressed' ? tailBlock(extents, headAt, headBlock, blockSize) : 0;
    extents.fragmentLast(header.fragment + high * 2 ** 32);
  } else if ((advise & ADVISE.inline) !== 0 && inlineSize > 0) {
    extents.inlineLast(indexEnd, inlineSize);
  }
  return extents;
}

/** The block number in the head of the last extent. */
function tailBlock(extents: ExtentList, headAt: number, headBlock: number, blockSize: number): number {
  const last = extents.extent(extents.count - 1);
  return last.at === headAt ? headBlock : last.storedAt / blockSize;
}

const STORED_MASK = 0x1fffff;
const FORMAT_SHIFT = 28;

/** A table of extents (since Linux 6.15). Small records are one a cluster, larger ones say where in the file they start. */
function fromTable(volume: Volume, inode: Inode, headerAt: number, header: Header): ExtentList {
  const { area, place, size } = inode;
  const clusterSize = 2 ** (volume.layout.blockBits + (header.clusterBits & 15));
  const recordSize = 4 << ((header.advise >> 1) & 3);
  const placed = recordSize >= 16;
  const stated = header.fragment + (header.algorithms | (header.clusterBits << 8)) * 2 ** 32;
  const count = placed ? stated : Math.ceil(size / clusterSize);
  let at = alignUp(headerAt + mapHeader.size, recordSize);
  const needed = count * recordSize + (recordSize === 4 ? 8 : 0);
  if (at + needed > area.size)
    throw fault('TRUNCATED', place, `its table of ${count} extents takes ${needed} bytes at ${at}, of ${area.size}`);
  const extents = new ExtentList(size);
  let follows = 0;
  if (recordSize === 4) {
    const bytes = area.read(at, 8);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    follows = u32le.get(view, 0) + u32le.get(view, 4) * 2 ** 32;
    at += 8;
  }
  for (let index = 0; index < count; index++, at += recordSize) {
    const bytes = area.read(at, recordSize);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const word = (offset: number): number => (offset < recordSize ? u32le.get(view, offset) : 0);
    const stored = word(0);
    const storedSize = stored & STORED_MASK;
    const storedAt = recordSize === 4 ? follows : word(4) + word(8) * 2 ** 32;
    follows += storedSize;
    const start = placed ? word(12) + word(16) * 2 ** 32 : index * clusterSize;
    if (start <= extents.lastAt || start >= size) throw fault('BAD_VALUE', place, `extent ${index} starts at byte ${start} of ${size}`);
    const format = stored >>> FORMAT_SHIFT;
    const aligned = (storedAt | storedSize) % volume.layout.facts.blockSize === 0;
    const plain = (header.advise & ADVISE.interlaced) !== 0 && aligned ? 'interlaced' : 'shifted';
    if (index + 1 === count && (header.advise & ADVISE.fragment) !== 0) {
      extents.add(start, 'fragment', stored + (recordSize > 4 ? word(4) * 2 ** 32 : 0), 0);
    } else if (storedSize === 0) extents.add(start, 'hole', 0, 0);
    else extents.add(start, format === 0 ? plain : algorithm(volume, inode, format - 1), storedAt, storedSize);
  }
  return extents;
}
