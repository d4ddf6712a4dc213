// Images whose metadata is stored as it is, so that tests can change single fields of it.

import { sha256 } from '../../node/digest.ts';
import type { Tree } from '../../tree/index.ts';
import { ENCODE_DEFAULTS, type EncodeOptions, encode } from './index.ts';
import { collected } from './plain.fixture.ts';
import { directoryEntry, directoryHeader, inodeHeader, superblock } from './structs.ts';

/** The image of a tree with nothing compressed. */
export async function rawImage(tree: Tree, choices: Partial<EncodeOptions> = {}): Promise<Uint8Array> {
  const blockSize = choices.blockSize ?? 4096;
  const take = () => {
    const bytes = new Uint8Array(Math.max(8192, blockSize));
    return {
      bytes,
      compress: (size: number) => Promise.resolve({ bytes: bytes.subarray(0, size), compressed: false }),
      release: () => undefined,
    };
  };
  const compressor = { name: 'gzip', options: undefined, blockSize: Math.max(8192, blockSize), slotCount: 4, take } as const;
  return await collected(encode(tree, { ...ENCODE_DEFAULTS, blockSize, ...choices, compressor, sha256 }));
}

/** Where things are in such an image; metadata of less than a block each. */
export interface Places {
  /** Offset of the first byte of each inode by its number. */
  readonly inodes: ReadonlyMap<number, number>;
  /** Offset of the directory table's first byte. */
  readonly directoriesAt: number;
  readonly superblock: ReturnType<typeof superblock.decode>;
}

/** Finds inodes by following the listings: every name is in one. */
export function placesOf(image: Uint8Array): Places {
  const head = superblock.decode(image);
  const inodesAt = Number(head.inodeTableAt) + 2;
  const directoriesAt = Number(head.directoryTableAt) + 2;
  const inodes = new Map<number, number>();
  const note = (offset: number) => inodes.set(inodeHeader.decode(image, inodesAt + offset).number, inodesAt + offset);
  note(Number(head.root & 0xffffn));
  const view = new DataView(image.buffer, image.byteOffset);
  const end = directoriesAt + (view.getUint16(directoriesAt - 2, true) & 0x7fff);
  for (let at = directoriesAt; at < end; ) {
    const { count } = directoryHeader.decode(image, at);
    at += directoryHeader.size;
    for (let left = count + 1; left > 0; left--) {
      const { offset, nameSize } = directoryEntry.decode(image, at);
      note(offset);
      at += directoryEntry.size + nameSize + 1;
    }
  }
  return { inodes, directoriesAt, superblock: head };
}
