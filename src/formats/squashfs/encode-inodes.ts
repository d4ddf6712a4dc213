// Inodes: the basic form wherever it holds everything, else the extended one, as mksquashfs chooses.
import { concat, nameToBytes, u32le } from '../../bytes/index.ts';
import type { DeviceEntry } from '../../tree/index.ts';
import type { FileData } from './encode-data.ts';
import type { Node, NodeEntry } from './encode-nodes.ts';
import {
  BASIC_TYPES,
  deviceInode,
  directoryInode,
  EXTENDED_STEP,
  fileInode,
  inodeHeader,
  LISTING_EXTRA,
  longDirectoryInode,
  longFileInode,
  NONE32,
  specialInode,
  symlinkInode,
} from './structs.ts';
import type { Position } from './tables.ts';

/** What an inode says that its entry does not. */
export interface InodeFacts {
  readonly node: Node;
  readonly uidIndex: number;
  readonly gidIndex: number;
  readonly xattrIndex: number | undefined;
}

/** Where the listing of a directory is. */
export interface DirectoryFacts {
  /** Bytes of the listing. */
  readonly size: number;
  readonly position: Position;
  readonly isLong: boolean;
  readonly index: Uint8Array;
  readonly indexCount: number;
  /** Inode number of the directory it is in. */
  readonly parent: number;
}

function header({ node, uidIndex, gidIndex }: InodeFacts, isExtended: boolean): Uint8Array {
  const { kind, mode, mtime } = node.entry;
  const type = BASIC_TYPES[kind] + (isExtended ? EXTENDED_STEP : 0);
  return inodeHeader.encode({ type, mode, uidIndex, gidIndex, mtime, number: node.number });
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(u32le.size);
  u32le.set(new DataView(bytes.buffer), 0, value);
  return bytes;
}

function words(values: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(u32le.size * values.length);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < values.length; index++) u32le.set(view, index * u32le.size, values[index]!);
  return bytes;
}

/** The inode of a directory. */
export function directoryBytes(facts: InodeFacts, directory: DirectoryFacts): Uint8Array {
  const { linkCount } = facts.node;
  const { position, isLong, index, indexCount, parent } = directory;
  const common = { blockAt: position.blockAt, offset: position.offset, linkCount, parent, size: directory.size + LISTING_EXTRA };
  if (!isLong && facts.xattrIndex === undefined) return concat([header(facts, false), directoryInode.encode(common)]);
  const body = longDirectoryInode.encode({ ...common, indexCount, xattrIndex: facts.xattrIndex ?? NONE32 });
  return concat([header(facts, true), body, index]);
}

/** The inode of a regular file. */
export function fileBytes(facts: InodeFacts, data: FileData, size: number): Uint8Array {
  const { linkCount } = facts.node;
  const { startAt, sparseSize, fragmentOffset } = data;
  const fragmentIndex = data.fragmentIndex ?? NONE32;
  const isExtended = linkCount > 1 || size > 0xffffffff || startAt > 0xffffffff || sparseSize > 0 || facts.xattrIndex !== undefined;
  const body = isExtended
    ? longFileInode.encode({
        startAt: BigInt(startAt),
        size: BigInt(size),
        sparse: BigInt(sparseSize),
        linkCount,
        fragmentIndex,
        fragmentOffset,
        xattrIndex: facts.xattrIndex ?? NONE32,
      })
    : fileInode.encode({ startAt, fragmentIndex, fragmentOffset, size });
  return concat([header(facts, isExtended), body, words(data.words)]);
}

// Linux' huge_encode_dev: the low eight bits of the minor number, the major, the rest of the minor.
function deviceNumber({ major, minor }: DeviceEntry): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** The inode of anything else. */
export function otherBytes(facts: InodeFacts, entry: Exclude<NodeEntry, { kind: 'directory' | 'file' }>): Uint8Array {
  const { linkCount } = facts.node;
  const isExtended = facts.xattrIndex !== undefined;
  const pieces = [header(facts, isExtended)];
  if (entry.kind === 'symlink') {
    const target = nameToBytes(entry.target);
    pieces.push(symlinkInode.encode({ linkCount, targetSize: target.length }), target);
  } else if (entry.kind === 'char' || entry.kind === 'block') {
    pieces.push(deviceInode.encode({ linkCount, device: deviceNumber(entry) }));
  } else {
    pieces.push(specialInode.encode({ linkCount }));
  }
  if (facts.xattrIndex !== undefined) pieces.push(word(facts.xattrIndex));
  return concat(pieces);
}
