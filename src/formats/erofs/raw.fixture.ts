// EROFS images byte by byte, for what no mkfs would write: every inode at the start of a block of its own, then data blocks.
import { concat, type Fields, utf8 } from '../../bytes/index.ts';
import { crc32c } from './crc32c.ts';
import { dirent, extendedInode, LAYOUTS, type Layout, MAGIC, SUPERBLOCK_AT, superblock } from './structs.ts';

export const BLOCK_SIZE = 4096;
const NIDS_PER_BLOCK = BLOCK_SIZE / 32;

/** An inode by its fields; `tail` follows it (an inline tail, an index), after `xattrs`. */
export interface RawInode {
  readonly mode: number;
  readonly layout: Layout;
  readonly size: number | bigint;
  readonly tail?: Uint8Array;
  readonly xattrs?: Uint8Array;
  readonly fields?: Partial<Fields<typeof extendedInode.fields>>;
}

/** The nid of the inode at an index; of an image's inodes the first is the root. */
export function nidOf(index: number): bigint {
  return BigInt(index * NIDS_PER_BLOCK);
}

/** The block number of a data block after so many inodes. */
export function blockOf(inodeCount: number, index: number): number {
  return 1 + inodeCount + index;
}

function padded(bytes: Uint8Array): Uint8Array {
  const block = new Uint8Array(Math.ceil(bytes.length / BLOCK_SIZE) * BLOCK_SIZE);
  block.set(bytes);
  return block;
}

function inodeBlock({ mode, layout, size, tail, xattrs, fields }: RawInode): Uint8Array {
  const head = extendedInode.encode({
    format: 1 | (LAYOUTS.indexOf(layout) << 1),
    xattrCount: xattrs === undefined ? 0 : (xattrs.length - 12) / 4 + 1,
    mode,
    linkOrHigh: 0,
    size: BigInt(size),
    blocks: 0,
    ino: 0,
    uid: 0,
    gid: 0,
    mtime: 0n,
    nanoseconds: 0,
    linkCount: 1,
    reserved: new Uint8Array(16),
    ...fields,
  });
  return padded(concat([head, xattrs ?? new Uint8Array(0), tail ?? new Uint8Array(0)]));
}

/** A directory block of records as they are given, "." and ".." not added. */
export function directoryBlock(records: readonly (readonly [name: string | Uint8Array, nid: bigint, type: number])[]): Uint8Array {
  const names = records.map(([name]) => (typeof name === 'string' ? utf8(name) : name));
  let nameAt = records.length * dirent.size;
  const heads = records.map(([, nid, type], index) => {
    const head = dirent.encode({ nid, nameAt, type, reserved: 0 });
    nameAt += names[index]!.length;
    return head;
  });
  return concat([...heads, ...names]);
}

/** A directory inode with its one block as an inline tail. */
export function rawDirectory(records: Parameters<typeof directoryBlock>[0], fields: RawInode['fields'] = {}): RawInode {
  const tail = directoryBlock(records);
  return { mode: 0o040755, layout: 'inline', size: tail.length, tail, fields };
}

/** The whole image. `head` changes the superblock; its checksum is made to fit where its feature is on. */
export function rawImage(
  inodes: readonly RawInode[],
  blocks: readonly Uint8Array[] = [],
  head: Partial<Fields<typeof superblock.fields>> = {},
): Uint8Array {
  const body = concat([...inodes.map(inodeBlock), ...blocks.map(padded)]);
  const first = new Uint8Array(BLOCK_SIZE);
  const fields = superblock.encode({
    magic: MAGIC,
    checksum: 0,
    featureCompat: 1,
    blockBits: 12,
    extslots: 0,
    rootNid: 0,
    inodeCount: BigInt(inodes.length),
    epoch: 0n,
    fixedNanoseconds: 0,
    blocksLow: 1 + body.length / BLOCK_SIZE,
    metaBlock: 1,
    xattrBlock: 0,
    uuid: new Uint8Array(16),
    volumeName: new Uint8Array(16),
    featureIncompat: 1,
    algorithms: 0,
    extraDevices: 0,
    deviceSlot: 0,
    directoryBlockBits: 0,
    xattrPrefixCount: 0,
    xattrPrefixStart: 0,
    packedNid: 0n,
    xattrFilter: 0,
    imageShare: 0,
    reserved: 0,
    buildTime: 0,
    rootNid64: 0n,
    reserved2: 0n,
    ...head,
  });
  first.set(fields, SUPERBLOCK_AT);
  if (head.checksum === undefined) new DataView(first.buffer).setUint32(SUPERBLOCK_AT + 4, crc32c(first.subarray(SUPERBLOCK_AT)), true);
  return concat([first, body]);
}
