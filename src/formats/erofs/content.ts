// Content of uncompressed inodes as random-access sources: flat in blocks, flat with an inline tail, and chunks.
import { alignUp, u32le } from '../../bytes/index.ts';
import { compressedContent } from './compressed.ts';
import { fault } from './faults.ts';
import type { Inode } from './inode.ts';
import { type Span, type SpanSource, spanSource } from './spans.ts';
import { CHUNK_BITS_MASK, CHUNK_INDEXES, CHUNK_WIDE, chunkIndex } from './structs.ts';
import type { Volume } from './volume.ts';

/** An inode's bytes. Nothing is read before it is asked for; faults of the layout show then, with the inode's place. */
export function contentOf(volume: Volume, inode: Inode): SpanSource {
  switch (inode.layout) {
    case 'plain':
    case 'inline':
      return flatContent(volume, inode);
    case 'chunks':
      return chunkContent(volume, inode);
    case 'compressed':
    case 'compact':
      return compressedContent(volume, inode);
  }
}

function zeros(at: number, end: number): Span {
  return { at, end, hole: true, fill: (_skip, target) => void target.fill(0) };
}

function flatContent(volume: Volume, inode: Inode): SpanSource {
  const { blockSize } = volume.layout.facts;
  const { size, startBlock, place } = inode;
  const inBlocks = inode.layout === 'plain' ? size : Math.max(0, Math.ceil(size / blockSize) - 1) * blockSize;
  const blocks: Span =
    startBlock === undefined
      ? zeros(0, inBlocks)
      : {
          at: 0,
          end: inBlocks,
          fill: (skip, target) => volume.read(0, startBlock * blockSize + skip, target, place),
        };
  const tail: Span = {
    at: inBlocks,
    end: size,
    fill(skip, target) {
      const { area, tailAt } = inode;
      if ((tailAt % blockSize) + (size - inBlocks) > blockSize) {
        throw fault('BAD_VALUE', place, `an inline tail of ${size - inBlocks} bytes that crosses a block`);
      }
      if (tailAt + size - inBlocks > area.size) throw fault('TRUNCATED', place, 'an inline tail past the end of the metadata');
      target.set(area.read(tailAt + skip, target.length));
    },
  };
  return spanSource(size, place, (at) => (at < inBlocks ? blocks : tail));
}

function chunkContent(volume: Volume, inode: Inode): SpanSource {
  const { size, chunkFormat, area, place } = inode;
  const { blockSize } = volume.layout.facts;
  const chunkSize = blockSize * 2 ** (chunkFormat & CHUNK_BITS_MASK);
  const indexed = (chunkFormat & CHUNK_INDEXES) !== 0;
  const unit = indexed ? chunkIndex.size : u32le.size;
  const indexAt = alignUp(inode.tailAt, unit);
  return spanSource(size, place, (at) => {
    const number = Math.floor(at / chunkSize);
    const start = number * chunkSize;
    const end = Math.min(size, start + chunkSize);
    const entryAt = indexAt + number * unit;
    if (entryAt + unit > area.size) throw fault('TRUNCATED', place, `chunk ${number} has its entry at ${entryAt}, of ${area.size} bytes`);
    const bytes = area.read(entryAt, unit);
    const entry = indexed
      ? chunkIndex.decode(bytes)
      : { blockHigh: 0, device: 0, block: u32le.get(new DataView(bytes.buffer, bytes.byteOffset), 0) };
    const high = (chunkFormat & CHUNK_WIDE) !== 0 ? entry.blockHigh : 0;
    if (entry.block === 0xffffffff && ((chunkFormat & CHUNK_WIDE) === 0 || high === 0xffff)) return zeros(start, end);
    const block = entry.block + high * 2 ** 32;
    const device = entry.device & volume.deviceMask;
    return { at: start, end, fill: (skip, target) => volume.read(device, block * blockSize + skip, target, place) };
  });
}
