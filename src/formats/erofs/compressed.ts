// Content of compressed inodes as random-access sources: finds the extent, unpacks its pcluster once, keeps the last few.
import { readInto } from '../../bytes/index.ts';
import { prefix } from '../../codecs/index.ts';
import type { Extent, ExtentList } from './extents.ts';
import { fault } from './faults.ts';
import { readExtents } from './index-forms.ts';
import type { Inode } from './inode.ts';
import { type SpanSource, spanSource } from './spans.ts';
import { EXTENT_SIZE_MAX, INCOMPAT, PCLUSTER_SIZE_MAX } from './structs.ts';
import type { Volume } from './volume.ts';

/** A compressed inode's bytes. The index is read on first use. */
export function compressedContent(volume: Volume, inode: Inode): SpanSource {
  let extents: ExtentList | undefined;
  return spanSource(inode.size, inode.place, (at) => {
    extents ??= readExtents(volume, inode);
    const extent = extents.extentAt(at);
    return {
      at: extent.at,
      end: extent.end,
      hole: extent.encoding === 'hole',
      fill: (skip, target) => fill(volume, inode, extent, skip, target),
    };
  });
}

function fill(volume: Volume, inode: Inode, extent: Extent, skip: number, target: Uint8Array): void {
  const { place } = inode;
  const { at, end, encoding, storedAt, storedSize } = extent;
  switch (encoding) {
    case 'hole':
      target.fill(0);
      return;
    case 'fragment': {
      if (inode.nid === volume.layout.packedNid) throw fault('BAD_VALUE', place, 'the packed inode refers to itself for a fragment');
      const packed = volume.packed();
      if (storedAt + end - at > packed.size) {
        throw fault('BAD_VALUE', place, `a fragment at ${storedAt} to ${storedAt + end - at}, the packed inode has ${packed.size} bytes`);
      }
      readInto(packed, storedAt + skip, target);
      return;
    }
    case 'shifted':
      if (end - at > storedSize) throw fault('BAD_VALUE', place, `${end - at} bytes at ${at} stored plainly in ${storedSize}`);
      stored(volume, inode, extent, skip, target);
      return;
    case 'interlaced':
      interlaced(volume, inode, extent, skip, target);
      return;
    default: {
      if (end - at > EXTENT_SIZE_MAX)
        throw fault('UNSUPPORTED', place, `an extent of ${end - at} bytes, at most ${EXTENT_SIZE_MAX} are read`);
      const key = `${extent.inline ? inode.nid : 'b'} ${storedAt} ${end - at}`;
      const bytes = volume.cache.get(key, () => unpack(volume, inode, extent));
      target.set(bytes.subarray(skip, skip + target.length));
    }
  }
}

/** Fills `target` with stored bytes from `skip` on. */
function stored(volume: Volume, inode: Inode, extent: Extent, skip: number, target: Uint8Array): void {
  const { storedAt, inline } = extent;
  if (!inline) {
    volume.read(0, storedAt + skip, target, inode.place);
    return;
  }
  const { area, place } = inode;
  const { blockSize } = volume.layout.facts;
  if ((storedAt % blockSize) + extent.storedSize > blockSize) {
    throw fault('BAD_VALUE', place, `an inline tail of ${extent.storedSize} bytes that crosses a block`);
  }
  if (storedAt + skip + target.length > area.size) throw fault('TRUNCATED', place, 'an inline tail past the end of the metadata');
  target.set(area.read(storedAt + skip, target.length));
}

/** Bytes keep their place modulo the block: those after the block's end wrap round to its start. */
function interlaced(volume: Volume, inode: Inode, extent: Extent, skip: number, target: Uint8Array): void {
  const { blockSize } = volume.layout.facts;
  const { at, end, storedSize, inline } = extent;
  if (end - at > storedSize || storedSize > blockSize) {
    throw fault('BAD_VALUE', inode.place, `${end - at} bytes at ${at} stored interlaced in ${storedSize}`);
  }
  const from = (at + skip) % blockSize;
  const right = Math.min(blockSize - from, target.length);
  if (inline || from + right > storedSize) throw fault('BAD_VALUE', inode.place, 'an interlaced extent that is not one block');
  stored(volume, inode, extent, from, target.subarray(0, right));
  stored(volume, inode, extent, 0, target.subarray(right));
}

function unpack(volume: Volume, inode: Inode, extent: Extent): Uint8Array {
  const { place } = inode;
  const { at, end, encoding, storedSize } = extent;
  if (storedSize === 0 || storedSize > PCLUSTER_SIZE_MAX) {
    throw fault('BAD_VALUE', place, `the pcluster of byte ${at} has ${storedSize} bytes, expected 1 to ${PCLUSTER_SIZE_MAX}`);
  }
  const whole = new Uint8Array(storedSize);
  stored(volume, inode, extent, 0, whole);
  // old images start an lz4 pcluster with its data and pad at the end; all else is padded with zeros in front
  const padded = encoding !== 'lz4' || (volume.layout.facts.featureIncompat & INCOMPAT.lz4Padding) !== 0;
  const start = padded ? whole.findIndex((byte) => byte !== 0) : 0;
  if (start < 0) throw fault('BAD_VALUE', place, `the pcluster of byte ${at} is all zeros`);
  const bytes = whole.subarray(start);
  const size = end - at;
  switch (encoding) {
    case 'lz4':
      return prefix.lz4(bytes, size);
    case 'lzma':
      return prefix.microLzma(bytes, size);
    case 'deflate':
      return prefix.deflate(bytes, size);
    default:
      return zstd(volume, inode, bytes, size);
  }
}

function zstd(volume: Volume, inode: Inode, bytes: Uint8Array, size: number): Uint8Array {
  const decoder = volume.decoders.find(({ name }) => name === 'zstd');
  if (decoder === undefined) throw fault('UNSUPPORTED', inode.place, 'zstd, for which no decoder was given');
  // a deduplicated pcluster may unpack to more than this extent shows
  const unpacked = decoder.decode(bytes, EXTENT_SIZE_MAX).bytes;
  if (unpacked.length < size) throw fault('BAD_VALUE', inode.place, `a pcluster of ${unpacked.length} bytes where ${size} are needed`);
  return unpacked.subarray(0, size);
}
