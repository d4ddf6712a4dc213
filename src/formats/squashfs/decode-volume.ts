// An opened image: its superblock, its tables, and unpacked blocks kept for the next reader.
import { type ByteSource, type Recent, type RecentBounds, recent, toSize, u32le } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { located } from '../../errors.ts';
import { type Metadata, openMetadata, recordAt } from './decode-metadata.ts';
import { type Layout, readSuperblock } from './decode-superblock.ts';
import { openXattrs, type Xattrs } from './decode-xattrs.ts';
import { fault } from './faults.ts';
import { fragmentEntry, RAW_BLOCK } from './structs.ts';

/** Where a block of file ends is. Sizes in bytes as stored. */
export interface Fragment {
  readonly startAt: number;
  readonly size: number;
  readonly isRaw: boolean;
}

const KEPT: RecentBounds = { sizeMost: 16 << 20, countMost: 256 };

/** An opened image. */
export interface Volume {
  readonly source: ByteSource;
  readonly layout: Layout;
  readonly metadata: Metadata;
  /** Owners and groups, by index. */
  readonly ids: readonly number[];
  readonly xattrs: Xattrs;
  /** Unpacked data blocks, shared by all files: by place, stored size and form, since inodes that lie may disagree on them. */
  readonly cache: Recent<string>;
  /** A fragment by number. Throws BAD_VALUE for one there is not. */
  fragment(index: number): Fragment;
}

/** Opens an image: reads the superblock and the owners. Throws what `readSuperblock` throws, and for damaged owners. */
export function openVolume(source: ByteSource, decoders: readonly Decoder[]): Volume {
  const layout = readSuperblock(source, decoders);
  const { facts } = layout;
  const metadata = openMetadata(source, layout);
  const { bytesUsed } = facts;
  const idTable = { structure: 'squashfs id table', indexAt: layout.idTableAt, recordSize: u32le.size, bytesUsed };
  const ids = Array.from({ length: facts.idCount }, (_, index) => {
    const record = recordAt(source, metadata, idTable, index);
    return u32le.get(new DataView(record.buffer, record.byteOffset, record.length), 0);
  });
  const fragments = new Map<number, Fragment>();
  return {
    source,
    layout,
    metadata,
    ids,
    xattrs: openXattrs(source, metadata, layout),
    cache: recent(KEPT),
    fragment(index) {
      const known = fragments.get(index);
      if (known !== undefined) return known;
      const structure = fragmentEntry.name;
      if (layout.fragmentTableAt === undefined || index >= facts.fragmentCount) {
        throw fault('BAD_VALUE', structure, layout.fragmentTableAt ?? 0, `fragment ${index}, the image has ${facts.fragmentCount}`);
      }
      const table = { structure, indexAt: layout.fragmentTableAt, recordSize: fragmentEntry.size, bytesUsed };
      const stored = fragmentEntry.decode(recordAt(source, metadata, table, index));
      const size = stored.size & ~RAW_BLOCK;
      let startAt: number;
      try {
        startAt = toSize(stored.startAt, `the start of fragment ${index}`);
      } catch (error) {
        throw located(error, { structure, offset: layout.fragmentTableAt });
      }
      if (size > facts.blockSize || startAt + size > bytesUsed) {
        throw fault(
          'BAD_VALUE',
          structure,
          layout.fragmentTableAt,
          `fragment ${index}: ${size} bytes at ${startAt}, blocks have ${facts.blockSize}, the image ${bytesUsed}`,
        );
      }
      const found = { startAt, size, isRaw: (stored.size & RAW_BLOCK) !== 0 };
      fragments.set(index, found);
      return found;
    },
  };
}
