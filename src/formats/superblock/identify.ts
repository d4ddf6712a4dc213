// Says what is on a block device or in an image of one, by its magic numbers. Reads a few hundred bytes; trusts nothing else in it.
import { type ByteSource, compareBytes, u32le } from '../../bytes/index.ts';
import { SIGNATURES, type Signature, type SuperblockRole } from './structs.ts';

/** What a device holds. `at` is where the magic number was found, in bytes from the start. */
export interface Superblock {
  /** As blkid names the type: "ext4", "crypto_LUKS", "LVM2_member", ... ("ext2" and "ext3" are told apart by their features). */
  readonly type: string;
  readonly role: SuperblockRole;
  readonly at: number;
}

const MD_090_UNIT = 65536;

function placeOf(source: ByteSource, { at }: Signature): number {
  if (at >= 0) return at;
  if (at === -MD_090_UNIT) return Math.floor(source.size / MD_090_UNIT) * MD_090_UNIT - MD_090_UNIT;
  // version 1.0: at least 8 KiB before the end, at a multiple of 4 KiB
  return Math.floor((source.size - 8192) / 4096) * 4096;
}

/** The layer, file system or swap area on a device; undefined when no known signature is there. Never throws for what the bytes are. */
export function identify(source: ByteSource): Superblock | undefined {
  for (const signature of SIGNATURES) {
    const at = placeOf(source, signature);
    if (at < 0 || at + signature.magic.length > source.size) continue;
    if (compareBytes(source.read(at, signature.magic.length), signature.magic) !== 0) continue;
    const type = signature.type === 'ext4' ? extVersion(source) : signature.type;
    return { type, role: signature.role, at };
  }
  return undefined;
}

const EXT_SUPERBLOCK_AT = 1024;
const HAS_JOURNAL = 0x4;
const JOURNAL_DEV = 0x8;
// Everything ext3's driver knew: whatever goes beyond needs ext4's (fs/ext4/ext4.h, EXT3_FEATURE_*).
const EXT3_INCOMPAT = 0x2 | 0x4 | 0x10;
const EXT3_RO_COMPAT = 0x1 | 0x2 | 0x4;

function extVersion(source: ByteSource): string {
  if (source.size < EXT_SUPERBLOCK_AT + 0x68) return 'ext4';
  const bytes = source.read(EXT_SUPERBLOCK_AT, 0x68);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const compat = u32le.get(view, 0x5c);
  const incompat = u32le.get(view, 0x60);
  const readOnlyCompat = u32le.get(view, 0x64);
  if ((incompat & JOURNAL_DEV) !== 0) return 'jbd';
  if ((incompat & ~EXT3_INCOMPAT) !== 0 || (readOnlyCompat & ~EXT3_RO_COMPAT) !== 0) return 'ext4';
  return (compat & HAS_JOURNAL) !== 0 ? 'ext3' : 'ext2';
}
