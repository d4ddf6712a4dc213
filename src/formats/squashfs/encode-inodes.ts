// Inodes: the basic form wherever it holds everything, else the extended one, as mksquashfs chooses.
import { nameToBytes } from '../../bytes/index.ts';
import type { DeviceEntry, Node, NodeEntry } from '../../tree/index.ts';
import type { FileData } from './encode-data.ts';
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
import type { MetadataTable, Position } from './tables.ts';

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

function putHeader(table: MetadataTable, { node, uidIndex, gidIndex }: InodeFacts, isExtended: boolean): void {
  const { kind, mode, mtime } = node.entry;
  const type = BASIC_TYPES[kind] + (isExtended ? EXTENDED_STEP : 0);
  table.put(inodeHeader, { type, mode, uidIndex, gidIndex, mtime, number: node.number });
}

/** The inode of a directory. */
export function putDirectory(table: MetadataTable, facts: InodeFacts, directory: DirectoryFacts): void {
  const { linkCount } = facts.node;
  const { position, isLong, index, indexCount, parent } = directory;
  const common = { blockAt: position.blockAt, offset: position.offset, linkCount, parent, size: directory.size + LISTING_EXTRA };
  const isExtended = isLong || facts.xattrIndex !== undefined;
  putHeader(table, facts, isExtended);
  if (!isExtended) table.put(directoryInode, common);
  else {
    table.put(longDirectoryInode, { ...common, indexCount, xattrIndex: facts.xattrIndex ?? NONE32 });
    table.append(index);
  }
}

/** The inode of a regular file. */
export function putFile(table: MetadataTable, facts: InodeFacts, data: FileData, size: number): void {
  const { linkCount } = facts.node;
  const { startAt, sparseSize, words } = data.blocks;
  const { fragmentIndex, offset: fragmentOffset } = data.tail ?? { fragmentIndex: NONE32, offset: 0 };
  const isExtended = linkCount > 1 || size > 0xffffffff || startAt > 0xffffffff || sparseSize > 0 || facts.xattrIndex !== undefined;
  putHeader(table, facts, isExtended);
  if (!isExtended) table.put(fileInode, { startAt, fragmentIndex, fragmentOffset, size });
  else {
    table.put(longFileInode, {
      startAt: BigInt(startAt),
      size: BigInt(size),
      sparse: BigInt(sparseSize),
      linkCount,
      fragmentIndex,
      fragmentOffset,
      xattrIndex: facts.xattrIndex ?? NONE32,
    });
  }
  table.putWords(words);
}

// Linux' huge_encode_dev: the low eight bits of the minor number, the major, the rest of the minor.
function deviceNumber({ major, minor }: DeviceEntry): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** The inode of anything else. */
export function putOther(table: MetadataTable, facts: InodeFacts, entry: Exclude<NodeEntry, { kind: 'directory' | 'file' }>): void {
  const { linkCount } = facts.node;
  putHeader(table, facts, facts.xattrIndex !== undefined);
  if (entry.kind === 'symlink') {
    const target = nameToBytes(entry.target);
    table.put(symlinkInode, { linkCount, targetSize: target.length });
    table.append(target);
  } else if (entry.kind === 'char' || entry.kind === 'block') {
    table.put(deviceInode, { linkCount, device: deviceNumber(entry) });
  } else {
    table.put(specialInode, { linkCount });
  }
  if (facts.xattrIndex !== undefined) table.putWords(Uint32Array.of(facts.xattrIndex));
}
