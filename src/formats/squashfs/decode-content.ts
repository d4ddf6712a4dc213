// Content of a file: blocks one after the other, holes, and an end that may lie in a fragment. Only what is asked for is unpacked.
import { type ByteSource, readInto, u32le } from '../../bytes/index.ts';
import type { FileInode } from './decode-inode.ts';
import { Cursor } from './decode-metadata.ts';
import type { Volume } from './decode-volume.ts';
import { fault, inBlock } from './faults.ts';
import { RAW_BLOCK } from './structs.ts';

const STRUCTURE = 'squashfs file';
/** The most that one read gives. */
const READ_MAX = 2 ** 31 - 1;
/** Blocks between two remembered places. */
const STEP = 256;

/** The blocks of a file as its inode lists them. */
export interface BlockList {
  /** Stored sizes with the `RAW_BLOCK` bit; 0 is a hole. */
  readonly sizes: Uint32Array;
  /** Where a block starts in the image. */
  startOf(index: number): number;
  /** Where the last one ends. */
  readonly endsAt: number;
}

/** Reads the list. Throws BAD_VALUE for blocks larger than the image's, or outside of it. */
export function readBlockList(volume: Volume, inode: FileInode): BlockList {
  const { blockSize, bytesUsed } = volume.layout.facts;
  const { blockCount, number, startAt, list } = inode;
  const cursor = new Cursor(volume.metadata, list.blockAt, list.offset, STRUCTURE);
  const pieces: Uint32Array[] = [];
  const starts: number[] = [];
  let at = startAt;
  // Piece by piece: a list that is not there ends in an error before it has taken memory.
  for (let first = 0; first < blockCount; first += STEP) {
    const piece = new Uint32Array(Math.min(STEP, blockCount - first));
    const bytes = cursor.take(piece.length * u32le.size);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    starts.push(at);
    for (let index = 0; index < piece.length; index++) {
      const word = u32le.get(view, index * u32le.size);
      const size = word & ~RAW_BLOCK;
      if (size > blockSize || (size === 0 && word !== 0)) {
        throw fault(
          'BAD_VALUE',
          STRUCTURE,
          at,
          `inode ${number}: block ${first + index} has the stored size ${word.toString(16)}, blocks have ${blockSize}`,
        );
      }
      piece[index] = word;
      at += size;
      if (at > bytesUsed)
        throw fault('TRUNCATED', STRUCTURE, at, `inode ${number}: block ${first + index} ends past the image's ${bytesUsed} bytes`);
    }
    pieces.push(piece);
  }
  const sizes = new Uint32Array(blockCount);
  for (const [index, piece] of pieces.entries()) sizes.set(piece, index * STEP);
  return {
    sizes,
    endsAt: at,
    startOf(index) {
      const step = Math.floor(index / STEP);
      let from = starts[step]!;
      for (let each = step * STEP; each < index; each++) from += sizes[each]! & ~RAW_BLOCK;
      return from;
    },
  };
}

/** A stored block unpacked, at most `blockSize` bytes; from the cache where it is held. */
export function unpackedBlock(volume: Volume, at: number, size: number, isRaw: boolean): Uint8Array {
  const { source, layout } = volume;
  return volume.cache.get(`${at} ${size} ${isRaw}`, () => {
    const stored = source.read(at, size);
    if (isRaw) return stored;
    try {
      return layout.decoder.decodeBlock(stored, layout.facts.blockSize);
    } catch (error) {
      throw inBlock(error, STRUCTURE, at);
    }
  });
}

/** The content of a file. Errors in it come when it is read. */
export function contentOf(volume: Volume, inode: FileInode): ByteSource {
  const { size, number, at: inodeAt } = inode;
  let blocks: Blocks | undefined;
  function fill(at: number, target: Uint8Array): void {
    checkRange(at, target.length);
    blocks ??= openBlocks(volume, inode);
    blocks.fill(at, target);
  }
  function checkRange(at: number, count: number): void {
    if (at >= 0 && count >= 0 && at + count <= size) return;
    throw fault('TRUNCATED', STRUCTURE, inodeAt, `inode ${number}: asked for bytes ${at} to ${at + count} of a file of ${size}`);
  }
  return {
    size,
    read(at, count) {
      if (count > READ_MAX) throw fault('LIMIT', STRUCTURE, inodeAt, `${count} bytes at once, at most ${READ_MAX}`);
      checkRange(at, count);
      const target = new Uint8Array(count);
      fill(at, target);
      return target;
    },
    readInto: fill,
    storedSize: () => storedSizeOf(volume, inode),
  };
}

/** What a file takes of the image: its blocks, and of a fragment that it shares with others the part that its end is of a full one. */
function storedSizeOf(volume: Volume, inode: FileInode): number {
  const { blockSize } = volume.layout.facts;
  const blocks = readBlockList(volume, inode).sizes.reduce((sum, word) => sum + (word & ~RAW_BLOCK), 0);
  if (inode.fragment === undefined) return blocks;
  const endSize = inode.size - inode.blockCount * blockSize;
  return blocks + Math.min(endSize, Math.round((volume.fragment(inode.fragment.index).size * endSize) / blockSize));
}

/** The blocks of one file, opened at its first read. */
interface Blocks {
  /** Fills `target` from byte `at` of the file, which has that many. */
  fill(at: number, target: Uint8Array): void;
}

function openBlocks(volume: Volume, inode: FileInode): Blocks {
  const { source, layout } = volume;
  const { blockSize } = layout.facts;
  const { size, number, blockCount } = inode;
  const list = readBlockList(volume, inode);

  function block(index: number): Uint8Array | undefined {
    const word = list.sizes[index]!;
    if (word === 0) return undefined;
    const at = list.startOf(index);
    const bytes = unpackedBlock(volume, at, word & ~RAW_BLOCK, (word & RAW_BLOCK) !== 0);
    const expected = Math.min(blockSize, size - index * blockSize);
    if (bytes.length !== expected) {
      throw fault('BAD_VALUE', STRUCTURE, at, `inode ${number}: block ${index} unpacks to ${bytes.length} bytes, expected ${expected}`);
    }
    return bytes;
  }
  function end(): Uint8Array {
    const { index, offset } = inode.fragment!;
    const { startAt, size: stored, isRaw } = volume.fragment(index);
    const bytes = unpackedBlock(volume, startAt, stored, isRaw);
    const endSize = size - blockCount * blockSize;
    if (offset + endSize > bytes.length) {
      const found = `inode ${number}: ${endSize} bytes at ${offset} of fragment ${index}, which has ${bytes.length}`;
      throw fault('BAD_VALUE', STRUCTURE, startAt, found);
    }
    return bytes.subarray(offset, offset + endSize);
  }
  return {
    fill(at, target) {
      for (let have = 0; have < target.length; ) {
        const index = Math.floor((at + have) / blockSize);
        const from = at + have - index * blockSize;
        const count = Math.min(target.length - have, blockSize - from);
        const part = target.subarray(have, have + count);
        have += count;
        if (index >= blockCount) part.set(end().subarray(from, from + count));
        // a full block stored as it is goes straight to where it is wanted
        else if (count === blockSize && list.sizes[index] === (blockSize | RAW_BLOCK)) readInto(source, list.startOf(index), part);
        else {
          const bytes = block(index);
          if (bytes === undefined) part.fill(0);
          else part.set(bytes.subarray(from, from + count));
        }
      }
    },
  };
}
