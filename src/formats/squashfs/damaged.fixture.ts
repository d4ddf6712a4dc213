// Damaged copies of an image we wrote. Nothing in it is compressed, so a changed byte is a changed field and not just a block that does not unpack.
import { sha256 } from '../../node/digest.ts';
import { featureTree } from './features.fixture.ts';
import { ENCODE_DEFAULTS, encode } from './index.ts';
import { collected, plainCompressor } from './plain.fixture.ts';
import { NONE64, superblock } from './structs.ts';

/** A part of an image by its name: the bytes [from, to). */
export interface Region {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** An image of the tree of features with every table there can be. */
export async function plainImage(): Promise<Uint8Array> {
  const blockSize = 4096;
  const compressor = plainCompressor('store', blockSize);
  const options = { ...ENCODE_DEFAULTS, blockSize, fragments: 'always' as const, exportTable: true, compressor, sha256 };
  return collected(encode(featureTree(blockSize, 60), options));
}

/** The parts of an image: superblock, data, and each table with its index. */
export function regions(image: Uint8Array): Region[] {
  const block = superblock.decode(image);
  const starts = [
    ['superblock', 0],
    ['data', superblock.size],
    ['inodes', Number(block.inodeTableAt)],
    ['directories', Number(block.directoryTableAt)],
  ] as const;
  // of the tables with an index the superblock names only that; blocks and index are one region, from the end of the one before
  const indexes = [
    ['fragments', block.fragmentTableAt, Math.ceil(block.fragmentCount / 512) * 8],
    ['export', block.exportTableAt, Math.ceil(block.inodeCount / 1024) * 8],
    ['ids', block.idTableAt, Math.ceil(block.idCount / 2048) * 8],
    ['attributes', block.xattrTableAt, Number(block.bytesUsed) - Number(block.xattrTableAt)],
  ] as const;
  const found: Region[] = starts.map(([name, from], index) => ({ name, from, to: starts[index + 1]?.[1] ?? directoriesEnd(image, from) }));
  let from = found.at(-1)!.to;
  for (const [name, at, size] of indexes) {
    if (at === NONE64) continue;
    const to = Number(at) + size;
    found.push({ name, from, to });
    from = to;
  }
  return found;
}

/** Where the first table behind the directories begins: the first block that the fragment index names. */
function directoriesEnd(image: Uint8Array, directoryTableAt: number): number {
  const { fragmentTableAt } = superblock.decode(image);
  const view = new DataView(image.buffer, image.byteOffset);
  const end = Number(view.getBigUint64(Number(fragmentTableAt), true));
  return Math.max(directoryTableAt, end);
}

/** A copy with some bytes of a region changed: other bits, zeros, ones, or a neighbour's value. The same for the same seed. */
export function damaged(image: Uint8Array, { from, to }: Region, seed: number): Uint8Array {
  const copy = image.slice();
  let state = (seed + 1) * 2654435761;
  const next = (most: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) % most;
  };
  const count = 1 + next(4);
  for (let done = 0; done < count; done++) {
    const at = from + next(to - from);
    const values = [copy[at]! ^ (1 << next(8)), 0, 0xff, copy[Math.max(from, at - 1)]!, next(256)];
    copy[at] = values[next(values.length)]!;
  }
  return copy;
}
