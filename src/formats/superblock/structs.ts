// Where file systems and volume layers keep their magic numbers, and what each of them is called by blkid(8).
// One row per signature; sources: the kernel's include/uapi/linux/magic.h and fs/*, LUKS on-disk format 1 and 2, LVM2 and MD on-disk
// layouts, OpenZFS label layout, ECMA-119.
import { asciiFrom, u16le, type u32be, u32le, u64be, u64le } from '../../bytes/index.ts';

/** What a signature stands for: something to mount, something that must be opened or assembled first, or a swap area. */
export type SuperblockRole = 'filesystem' | 'layer' | 'swap';

/** One signature: all of `magic` at `at` (bytes from the start of the device, from its end when negative). */
export interface Signature {
  /** As blkid names the type. */
  readonly type: string;
  readonly role: SuperblockRole;
  readonly at: number;
  readonly magic: Uint8Array;
}

function text(value: string): Uint8Array {
  return Uint8Array.from(value, (char) => char.charCodeAt(0));
}

function int(kind: typeof u16le | typeof u32le | typeof u32be, value: number): Uint8Array {
  const bytes = new Uint8Array(kind.size);
  kind.set(new DataView(bytes.buffer), 0, value);
  return bytes;
}

function long(kind: typeof u64le | typeof u64be, value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  kind.set(new DataView(bytes.buffer), 0, value);
  return bytes;
}

const ZFS_UBERBLOCK = 0x00bab10cn;
const UBERBLOCK_RING_AT = 128 * 1024;
const UBERBLOCK_COUNT = 128;

/** Uberblocks rotate through a ring of 1 KiB slots in the label, so any of them may be the one that is written. */
function zfsRows(): Signature[] {
  return Array.from({ length: UBERBLOCK_COUNT }, (_, slot) => slot).flatMap((slot) => {
    const at = UBERBLOCK_RING_AT + slot * 1024;
    return [u64le, u64be].map((kind) => ({ type: 'zfs_member', role: 'layer' as const, at, magic: long(kind, ZFS_UBERBLOCK) }));
  });
}

const MD_MAGIC = 0xa92b4efc;

/** Layers first: an encrypted or striped device may still show the remains of an older file system. */
export const SIGNATURES: readonly Signature[] = [
  { type: 'crypto_LUKS', role: 'layer', at: 0, magic: text('LUKS\xba\xbe') },
  ...[0, 1, 2, 3].map((sector) => ({ type: 'LVM2_member', role: 'layer' as const, at: sector * 512, magic: text('LABELONE') })),
  { type: 'linux_raid_member', role: 'layer', at: 0, magic: int(u32le, MD_MAGIC) },
  { type: 'linux_raid_member', role: 'layer', at: 4096, magic: int(u32le, MD_MAGIC) },
  // version 1.0 sits 8 KiB before the end, 0.90 in the last whole 64 KiB (rounded down by the reader)
  { type: 'linux_raid_member', role: 'layer', at: -8192, magic: int(u32le, MD_MAGIC) },
  { type: 'linux_raid_member', role: 'layer', at: -65536, magic: int(u32le, MD_MAGIC) },
  { type: 'bcache', role: 'layer', at: 4096 + 24, magic: Uint8Array.from([0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca]) },
  { type: 'ext4', role: 'filesystem', at: 1024 + 0x38, magic: int(u16le, 0xef53) },
  { type: 'xfs', role: 'filesystem', at: 0, magic: text('XFSB') },
  { type: 'btrfs', role: 'filesystem', at: 0x10040, magic: text('_BHRfS_M') },
  { type: 'f2fs', role: 'filesystem', at: 1024, magic: int(u32le, 0xf2f52010) },
  { type: 'squashfs', role: 'filesystem', at: 0, magic: text('hsqs') },
  { type: 'erofs', role: 'filesystem', at: 1024, magic: int(u32le, 0xe0f5e1e2) },
  { type: 'iso9660', role: 'filesystem', at: 0x8001, magic: text('CD001') },
  { type: 'udf', role: 'filesystem', at: 0x8001, magic: text('BEA01') },
  { type: 'jfs', role: 'filesystem', at: 0x8000, magic: text('JFS1') },
  { type: 'nilfs2', role: 'filesystem', at: 1024 + 6, magic: int(u16le, 0x3434) },
  { type: 'bcachefs', role: 'filesystem', at: 4096 + 24, magic: Uint8Array.from([0xc6, 0x85, 0x73, 0xf6, 0x66, 0xce, 0x90, 0xa9]) },
  { type: 'exfat', role: 'filesystem', at: 3, magic: text('EXFAT   ') },
  { type: 'ntfs', role: 'filesystem', at: 3, magic: text('NTFS    ') },
  { type: 'vfat', role: 'filesystem', at: 0x52, magic: text('FAT32   ') },
  { type: 'vfat', role: 'filesystem', at: 0x36, magic: text('FAT16   ') },
  { type: 'vfat', role: 'filesystem', at: 0x36, magic: text('FAT12   ') },
  { type: 'swap', role: 'swap', at: 4096 - 10, magic: text('SWAPSPACE2') },
  ...zfsRows(),
];

/** A magic number for messages. */
export function printable(magic: Uint8Array): string {
  return magic.every((byte) => byte >= 0x20 && byte < 0x7f)
    ? asciiFrom(magic)
    : Array.from(magic, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
