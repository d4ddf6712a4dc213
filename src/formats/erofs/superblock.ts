// The superblock: what an image says about itself, and what of it kindling can read.
import { type ByteSource, nameFromBytes } from '../../bytes/index.ts';
import { crc32c } from './crc32c.ts';
import { exact, fault } from './faults.ts';
import {
  ALGORITHMS,
  type Algorithm,
  BLOCK_BITS_LEAST,
  BLOCK_BITS_MOST,
  COMPAT,
  deviceSlot,
  INCOMPAT,
  INCOMPAT_KNOWN,
  MAGIC,
  SUPERBLOCK_AT,
  superblock,
  superblockTail,
} from './structs.ts';

/** One further device that the image spreads over. */
export interface ErofsDevice {
  /** What it is known by (often a digest of its content, in hexadecimal); empty when nothing is written there. */
  readonly tag: string;
  readonly blockCount: number;
}

/** What the superblock says. */
export interface ErofsFacts {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly inodeCount: number;
  /** As text, with dashes. */
  readonly uuid: string;
  readonly volumeName: string;
  /** Seconds since 1970. */
  readonly buildTime: number;
  readonly featureCompat: number;
  readonly featureIncompat: number;
  /** Compressions the image may use. */
  readonly algorithms: readonly Algorithm[];
  readonly devices: readonly ErofsDevice[];
}

/** Places and switches that only the reader needs. */
export interface Layout {
  readonly facts: ErofsFacts;
  readonly blockBits: number;
  readonly metaAt: number;
  readonly xattrsAt: number;
  readonly epoch: bigint;
  readonly rootNid: bigint;
  readonly packedNid: bigint;
  readonly metaboxNid: bigint;
  readonly xattrPrefixCount: number;
  readonly xattrPrefixesAt: number;
  /** First block of each device in the one numbering of all; 0 where a device has none. */
  readonly deviceStarts: readonly number[];
  readonly checksum: { readonly stored: number; readonly computed: number } | undefined;
}

const STRUCTURE = superblock.name;
const NID_METABOX = 1n << 63n;

/** True when `head` (1028 bytes and more) has an EROFS superblock. */
export function detect(head: Uint8Array): boolean {
  const magic = [0xe2, 0xe1, 0xf5, 0xe0];
  return magic.every((byte, index) => head[SUPERBLOCK_AT + index] === byte);
}

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

function uuidText(bytes: Uint8Array): string {
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function textUntilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return nameFromBytes(end < 0 ? bytes : bytes.subarray(0, end));
}

function checksumOf(source: ByteSource, blockSize: number): number {
  // the rest of the block the superblock is in, or one whole block where blocks are smaller than that offset
  const size = blockSize > SUPERBLOCK_AT ? blockSize - SUPERBLOCK_AT : blockSize;
  const bytes = source.read(SUPERBLOCK_AT, size).slice();
  bytes.fill(0, 4, 8);
  return crc32c(bytes);
}

/**
 * Reads the superblock. Throws TRUNCATED, BAD_MAGIC, BAD_VALUE, UNSUPPORTED (features of later days). A wrong checksum is reported, not thrown:
 * `layout.checksum` has both values, undefined where the image has none.
 */
export function readSuperblock(source: ByteSource): Layout {
  const place = { structure: STRUCTURE, offset: SUPERBLOCK_AT };
  if (source.size < SUPERBLOCK_AT + superblock.size) {
    throw fault('TRUNCATED', place, `it needs ${SUPERBLOCK_AT + superblock.size} bytes, the image has ${source.size}`);
  }
  const block = superblock.decode(source.read(SUPERBLOCK_AT, superblock.size));
  const at = (field: keyof typeof superblock.fields) => ({ structure: STRUCTURE, offset: SUPERBLOCK_AT + superblock.offsetOf(field) });
  if (block.magic !== MAGIC) throw fault('BAD_MAGIC', place, `its magic is ${block.magic.toString(16)}, not ${MAGIC.toString(16)}`);
  if (block.blockBits < BLOCK_BITS_LEAST || block.blockBits > BLOCK_BITS_MOST) {
    throw fault(
      'BAD_VALUE',
      at('blockBits'),
      `blocks of 2^${block.blockBits} bytes, expected 2^${BLOCK_BITS_LEAST} to 2^${BLOCK_BITS_MOST}`,
    );
  }
  const unknown = block.featureIncompat & ~INCOMPAT_KNOWN;
  if (unknown !== 0)
    throw fault('UNSUPPORTED', at('featureIncompat'), `features ${(unknown >>> 0).toString(16)} that kindling does not know`);
  if (block.directoryBlockBits !== 0) {
    throw fault('UNSUPPORTED', at('directoryBlockBits'), `directory blocks of 2^${block.directoryBlockBits} blocks`);
  }
  const has = (feature: number): boolean => (block.featureIncompat & feature) !== 0;
  const blockSize = 2 ** block.blockBits;
  const wide = has(INCOMPAT.wide) && block.rootNid64 !== 0n;
  const metaboxNid = has(INCOMPAT.metabox) ? metaboxOf(source, block.extslots) : 0n;
  for (const nid of [block.packedNid, metaboxNid]) {
    if ((nid & NID_METABOX) !== 0n) throw fault('BAD_VALUE', at('packedNid'), 'the packed or metabox inode is said to be in the metabox');
  }
  const known = has(INCOMPAT.compressionConfigs) ? block.algorithms : 1;
  if (known >= 1 << ALGORITHMS.length) throw fault('UNSUPPORTED', at('algorithms'), `compressions ${known.toString(16)}`);
  const devices = has(INCOMPAT.devices) ? readDevices(source, block.deviceSlot, block.extraDevices, has(INCOMPAT.wide)) : [];
  return {
    facts: {
      blockSize,
      blockCount: block.blocksLow + (wide ? block.rootNid * 2 ** 32 : 0),
      inodeCount: exact(block.inodeCount, at('inodeCount'), 'the count of inodes'),
      uuid: uuidText(block.uuid),
      volumeName: textUntilNul(block.volumeName),
      buildTime: Number(BigInt.asIntN(64, block.epoch)) + block.buildTime,
      featureCompat: block.featureCompat,
      featureIncompat: block.featureIncompat,
      algorithms: ALGORITHMS.filter((_, bit) => (known & (1 << bit)) !== 0),
      devices: devices.map(({ tag, blockCount }) => ({ tag, blockCount })),
    },
    blockBits: block.blockBits,
    metaAt: block.metaBlock * blockSize,
    xattrsAt: block.xattrBlock * blockSize,
    epoch: BigInt.asIntN(64, block.epoch),
    rootNid: wide ? block.rootNid64 : BigInt(block.rootNid),
    packedNid: block.packedNid,
    metaboxNid,
    xattrPrefixCount: has(INCOMPAT.xattrPrefixes) ? block.xattrPrefixCount : 0,
    xattrPrefixesAt: block.xattrPrefixStart * 4,
    deviceStarts: devices.map((device) => device.start),
    checksum: block.featureCompat & COMPAT.checksum ? { stored: block.checksum, computed: checksumOf(source, blockSize) } : undefined,
  };
}

function metaboxOf(source: ByteSource, extslots: number): bigint {
  const at = SUPERBLOCK_AT + superblock.size;
  if (extslots < 1) throw fault('BAD_VALUE', { structure: STRUCTURE, offset: at }, 'a metabox, but no extension slot that names it');
  return superblockTail.decode(source.read(at, superblockTail.size)).metaboxNid;
}

function readDevices(source: ByteSource, slot: number, count: number, wide: boolean): (ErofsDevice & { start: number })[] {
  const at = slot * deviceSlot.size;
  if (at + count * deviceSlot.size > source.size) {
    throw fault(
      'TRUNCATED',
      { structure: deviceSlot.name, offset: at },
      `a table of ${count} devices at ${at}, the image has ${source.size} bytes`,
    );
  }
  return Array.from({ length: count }, (_, index) => {
    const fields = deviceSlot.decode(source.read((slot + index) * deviceSlot.size, deviceSlot.size));
    const text = textUntilNul(fields.tag);
    return {
      // a tag is text or a raw digest
      tag: /^[\x20-\x7e]*$/.test(text) ? text : hex(fields.tag.subarray(0, 32)),
      blockCount: fields.blocksLow + (wide ? fields.blocksHigh * 2 ** 32 : 0),
      start: fields.uniaddrLow + (wide ? fields.uniaddrHigh * 2 ** 32 : 0),
    };
  });
}
