// Inodes: where they are, and what the types hold. Block lists of files are left where they are until content is read.
import { nameFromBytes, toSize, u32le } from '../../bytes/index.ts';
import { located } from '../../errors.ts';
import { Cursor } from './decode-metadata.ts';
import type { Volume } from './decode-volume.ts';
import { fault } from './faults.ts';
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

interface Common {
  /** As directories name it: the block, relative to the inode table, times 65536, and the offset in the unpacked block. */
  readonly reference: number;
  /** Offset in the image of the metadata block it starts in. */
  readonly at: number;
  readonly isExtended: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly number: number;
  readonly linkCount: number;
  /** Number of its set of attributes, or undefined. */
  readonly xattrIndex: number | undefined;
}
/** A directory: `listingSize` bytes of listing at `offset` of the unpacked block at `blockAt`, relative to the directory table. */
export interface DirectoryInode extends Common {
  readonly kind: 'directory';
  readonly listingSize: number;
  readonly blockAt: number;
  readonly offset: number;
  readonly parent: number;
  readonly indexCount: number;
}
/** A file: blocks from `startAt` of the image on, the end perhaps in a fragment. */
export interface FileInode extends Common {
  readonly kind: 'file';
  readonly size: number;
  readonly startAt: number;
  readonly sparse: number;
  readonly fragment: { readonly index: number; readonly offset: number } | undefined;
  readonly blockCount: number;
  /** Where the list of block sizes is. */
  readonly list: { readonly blockAt: number; readonly offset: number };
}
/** A symbolic link. */
export interface SymlinkInode extends Common {
  readonly kind: 'symlink';
  readonly target: string;
}
/** A device node. */
export interface DeviceInode extends Common {
  readonly kind: 'char' | 'block';
  readonly major: number;
  readonly minor: number;
}
/** A named pipe or socket. */
export interface SpecialInode extends Common {
  readonly kind: 'fifo' | 'socket';
}
/** An inode. */
export type Inode = DirectoryInode | FileInode | SymlinkInode | DeviceInode | SpecialInode;

const STRUCTURE = inodeHeader.name;
const TARGET_MAX = 65535;
/** More blocks than this in one file are not read: the list alone would take 64 MiB. */
const BLOCK_COUNT_MAX = 1 << 24;
const KINDS = ['directory', 'file', 'symlink', 'block', 'char', 'fifo', 'socket'] as const;

/** In a reference to an inode: what its block is multiplied by, above the offset. */
export const REFERENCE_STEP = 65536;

/** The inode at a reference. Throws BAD_VALUE, TRUNCATED or LIMIT, with the offset of its metadata block. */
export function readInode(volume: Volume, reference: number): Inode {
  const { layout, metadata } = volume;
  const offset = reference % REFERENCE_STEP;
  const blockAt = layout.inodeTableAt + (reference - offset) / REFERENCE_STEP;
  if (blockAt >= layout.directoryTableAt) {
    throw fault('BAD_VALUE', STRUCTURE, blockAt, `an inode in a block at ${blockAt}, the inode table ends at ${layout.directoryTableAt}`);
  }
  const cursor = new Cursor(metadata, blockAt, offset, STRUCTURE);
  try {
    return parse(volume, reference, blockAt, cursor);
  } catch (error) {
    throw located(error, { structure: STRUCTURE, offset: blockAt });
  }
}

function parse(volume: Volume, reference: number, at: number, cursor: Cursor): Inode {
  const { type, mode, uidIndex, gidIndex, mtime, number } = cursor.next(inodeHeader);
  const bad = (found: string) => fault('BAD_VALUE', STRUCTURE, at, `inode ${number}: ${found}`);
  const isExtended = type > EXTENDED_STEP;
  const kind = KINDS[(isExtended ? type - EXTENDED_STEP : type) - 1];
  if (kind === undefined) throw bad(`type ${type}, expected 1 to 14`);
  const owner = (index: number): number => {
    const id = volume.ids[index];
    if (id === undefined) throw bad(`owner ${index} of ${volume.ids.length}`);
    return id;
  };
  const common = { reference, at, isExtended, mode: mode & 0o7777, uid: owner(uidIndex), gid: owner(gidIndex), mtime, number };
  const set = (index: number) => (index === NONE32 ? undefined : index);
  const lastField = () => (isExtended ? set(u32(cursor)) : undefined);
  switch (kind) {
    case 'directory': {
      if (isExtended) {
        const { linkCount, size, blockAt, offset, parent, indexCount, xattrIndex } = cursor.next(longDirectoryInode);
        const listingSize = Math.max(0, size - LISTING_EXTRA);
        return { kind, ...common, linkCount, listingSize, blockAt, offset, parent, indexCount, xattrIndex: set(xattrIndex) };
      }
      const { linkCount, size, blockAt, offset, parent } = cursor.next(directoryInode);
      const listingSize = Math.max(0, size - LISTING_EXTRA);
      return { kind, ...common, linkCount, listingSize, blockAt, offset, parent, indexCount: 0, xattrIndex: undefined };
    }
    case 'file': {
      const form = isExtended ? cursor.next(longFileInode) : cursor.next(fileInode);
      const isLong = 'sparse' in form;
      const size = typeof form.size === 'bigint' ? toSize(form.size, 'the size of a file') : form.size;
      const startAt = typeof form.startAt === 'bigint' ? toSize(form.startAt, 'the start of a file') : form.startAt;
      const { blockSize } = volume.layout.facts;
      const fragment = form.fragmentIndex === NONE32 ? undefined : { index: form.fragmentIndex, offset: form.fragmentOffset };
      const blockCount = fragment === undefined ? Math.ceil(size / blockSize) : Math.floor(size / blockSize);
      if (blockCount > BLOCK_COUNT_MAX) {
        throw fault('LIMIT', STRUCTURE, at, `inode ${number}: a file of ${blockCount} blocks, at most ${BLOCK_COUNT_MAX} are read`);
      }
      if (fragment !== undefined && size % blockSize === 0) throw bad(`a fragment for the end of ${size} bytes, which are whole blocks`);
      return {
        kind,
        ...common,
        linkCount: isLong ? form.linkCount : 1,
        xattrIndex: isLong ? set(form.xattrIndex) : undefined,
        size,
        startAt,
        sparse: isLong ? toSize(form.sparse, 'the holes of a file') : 0,
        fragment,
        blockCount,
        list: { blockAt: cursor.blockAt, offset: cursor.offset },
      };
    }
    case 'symlink': {
      const { linkCount, targetSize } = cursor.next(symlinkInode);
      if (targetSize === 0 || targetSize > TARGET_MAX) throw bad(`a symbolic link of ${targetSize} bytes, expected 1 to ${TARGET_MAX}`);
      const target = nameFromBytes(cursor.take(targetSize));
      if (target.includes('\0')) throw bad('the target of a symbolic link holds a NUL');
      return { kind, ...common, linkCount, target, xattrIndex: lastField() };
    }
    case 'block':
    case 'char': {
      const { linkCount, device } = cursor.next(deviceInode);
      const major = (device >>> 8) & 0xfff;
      const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
      return { kind, ...common, linkCount, major, minor, xattrIndex: lastField() };
    }
    default: {
      const { linkCount } = cursor.next(specialInode);
      return { kind, ...common, linkCount, xattrIndex: lastField() };
    }
  }
}

function u32(cursor: Cursor): number {
  const bytes = cursor.take(u32le.size);
  return u32le.get(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0);
}

/** Basic type number of a kind, as directory listings have it. */
export const TYPE_OF: Readonly<Record<Inode['kind'], number>> = BASIC_TYPES;
