// One inode, both forms, as values: where it lies, what it is, how its data is laid out.
import type { ByteSource } from '../../bytes/index.ts';
import { exact, fault, type Place } from './faults.ts';
import { CHUNK_FORMAT_KNOWN, compactInode, type Layout as DataLayout, extendedInode, LAYOUTS, SLOT_BITS, xattrHeader } from './structs.ts';
import type { Volume } from './volume.ts';

/** What an inode is, from its mode. */
export type InodeKind = 'file' | 'directory' | 'symlink' | 'char' | 'block' | 'fifo' | 'socket';

/** An inode's facts. `area` holds it and all that belongs to it; places in it are absolute. */
export interface Inode {
  readonly nid: bigint;
  readonly place: Place;
  readonly area: ByteSource;
  /** Where the xattrs start: right after the inode. */
  readonly xattrsAt: number;
  readonly xattrsSize: number;
  /** Where what follows the xattrs starts: an inline tail, chunk indexes, the index of a compressed file. */
  readonly tailAt: number;
  readonly layout: DataLayout;
  readonly kind: InodeKind;
  /** The S_IFMT bits behind `kind`. */
  readonly type: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly linkCount: number;
  /** First block of flat data; undefined: all zeros, nothing is stored. */
  readonly startBlock: number | undefined;
  readonly chunkFormat: number;
  readonly device: { readonly major: number; readonly minor: number };
}

const KINDS = new Map<number, InodeKind>([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o020000, 'char'],
  [0o060000, 'block'],
  [0o010000, 'fifo'],
  [0o140000, 'socket'],
]);
const NID_METABOX = 1n << 63n;
const FORMAT_KNOWN = 0x1f;
const ONE_LINK = 0x10;

/** Whether the inode's data is in pclusters. */
export function isCompressed({ layout }: Inode): boolean {
  return layout === 'compressed' || layout === 'compact';
}

/** Reads the inode numbered `nid`. Throws TRUNCATED, BAD_VALUE or UNSUPPORTED, each with the inode's place. */
export function readInode(volume: Volume, nid: bigint): Inode {
  const { layout } = volume;
  const inMetabox = (nid & NID_METABOX) !== 0n;
  const structure = `erofs inode ${nid & ~NID_METABOX}${inMetabox ? ' (metabox)' : ''}`;
  const area = inMetabox ? volume.metabox() : volume.source;
  const at = exact((nid & ~NID_METABOX) << SLOT_BITS, { structure }, 'its place') + (inMetabox ? 0 : layout.metaAt);
  const place: Place = { structure, offset: at };
  if (at + compactInode.size > area.size) throw fault('TRUNCATED', place, `it would be at ${at}, of ${area.size} bytes`);
  const head = area.read(at, Math.min(extendedInode.size, area.size - at));
  const compact = compactInode.decode(head);
  const { format } = compact;
  if ((format & ~FORMAT_KNOWN) !== 0) throw fault('UNSUPPORTED', place, `format bits ${format.toString(16)}`);
  const dataLayout = LAYOUTS[(format >> 1) & 7];
  if (dataLayout === undefined) throw fault('UNSUPPORTED', place, `data layout ${(format >> 1) & 7}`);
  const extended = (format & 1) !== 0;
  if (extended && head.length < extendedInode.size) throw fault('TRUNCATED', place, `its 64 bytes go past the end of the metadata`);
  const inode = extended ? extendedInode.decode(head) : compact;
  const kind = KINDS.get(inode.mode & 0o170000);
  if (kind === undefined) throw fault('BAD_VALUE', place, `mode ${inode.mode.toString(8)}, which is no type of file`);
  // bit 4 means "." is left out in a directory, and one link in all else
  const oneLink = !extended && kind !== 'directory' && (format & ONE_LINK) !== 0;
  const high = extended || oneLink ? inode.linkOrHigh : 0;
  const nullHigh = extended || oneLink ? 0xffff : 0;
  const xattrsSize = inode.xattrCount === 0 ? 0 : xattrHeader.size + 4 * (inode.xattrCount - 1);
  const xattrsAt = at + (extended ? extendedInode.size : compactInode.size);
  const nothing = inode.blocks === 0xffffffff && (high === nullHigh || high === 0);
  if (dataLayout === 'chunks' && (inode.blocks & 0xffff & ~CHUNK_FORMAT_KNOWN) !== 0) {
    throw fault('UNSUPPORTED', place, `chunk format ${(inode.blocks & 0xffff).toString(16)}`);
  }
  return {
    nid,
    place,
    area,
    xattrsAt,
    xattrsSize,
    tailAt: xattrsAt + xattrsSize,
    layout: dataLayout,
    kind,
    type: inode.mode & 0o170000,
    mode: inode.mode & 0o7777,
    uid: inode.uid,
    gid: inode.gid,
    size: typeof inode.size === 'bigint' ? exact(inode.size, place, 'its size') : inode.size,
    mtime: exact(BigInt.asIntN(64, typeof inode.mtime === 'bigint' ? inode.mtime : layout.epoch + BigInt(inode.mtime)), place, 'its time'),
    linkCount: 'linkCount' in inode ? inode.linkCount : oneLink ? 1 : inode.linkOrHigh,
    startBlock: nothing ? undefined : inode.blocks + high * 2 ** 32,
    chunkFormat: inode.blocks & 0xffff,
    device: { major: (inode.blocks >>> 8) & 0xfff, minor: (inode.blocks & 0xff) | ((inode.blocks >>> 12) & 0xfff00) },
  };
}
