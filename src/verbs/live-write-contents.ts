// What a device holds, for the person who is about to lose it: its partitions, what is in them, their labels. Reads a few kilobytes; never throws
// for what the bytes are.
import { asciiFrom, type ByteSource, nameFromBytes, sliceSource } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { decode as decodeTable, detect as hasTable } from '../formats/partitions/index.ts';
import { identify } from '../formats/superblock/index.ts';

/** Something that would be lost. Sizes in bytes. */
export interface HeldPart {
  /** The partition's number; 0 for the whole device. */
  readonly index: number;
  readonly size: number;
  /** As blkid names it, "" for nothing known. */
  readonly type: string;
  readonly label: string;
}

/** What a device holds. */
export interface DeviceContents {
  readonly scheme: 'gpt' | 'mbr' | 'none';
  readonly parts: readonly HeldPart[];
}

/** Where file systems keep their labels: offset and size in bytes. */
const LABELS: Readonly<Record<string, { readonly at: number; readonly size: number }>> = {
  ext2: { at: 1024 + 0x78, size: 16 },
  ext3: { at: 1024 + 0x78, size: 16 },
  ext4: { at: 1024 + 0x78, size: 16 },
  iso9660: { at: 0x8000 + 40, size: 32 },
  xfs: { at: 108, size: 12 },
  btrfs: { at: 0x10000 + 0x12b, size: 256 },
  swap: { at: 1024 + 28, size: 16 },
};

function fatLabel(source: ByteSource): string {
  const at = asciiFrom(source.read(0x52, 5)) === 'FAT32' ? 0x47 : 0x2b;
  const label = asciiFrom(source.read(at, 11)).trimEnd();
  return label === 'NO NAME' ? '' : label;
}

/** What is in a device or partition by itself; undefined for nothing known. */
function held(source: ByteSource, index: number): HeldPart | undefined {
  const found = identify(source);
  if (found === undefined) return undefined;
  const place = LABELS[found.type];
  let label = found.type === 'vfat' ? fatLabel(source) : '';
  if (place !== undefined && place.at + place.size <= source.size) {
    const bytes = source.read(place.at, place.size);
    const end = bytes.indexOf(0);
    label = nameFromBytes(end < 0 ? bytes : bytes.subarray(0, end)).trimEnd();
  }
  return { index, size: source.size, type: found.type, label };
}

function tableOf(source: ByteSource): ReturnType<typeof decodeTable> | undefined {
  try {
    return hasTable(source) ? decodeTable(source) : undefined;
  } catch (error) {
    if (error instanceof KindlingError && error.code !== 'IO') return undefined; // a damaged table: nothing is known of partitions
    throw error;
  }
}

/** Looks at a device. Throws what reading it throws. */
export function contentsOf(source: ByteSource): DeviceContents {
  const whole = held(source, 0);
  const table = tableOf(source);
  // a FAT boot sector can look like an MBR
  if (table === undefined || whole?.type === 'vfat') return { scheme: 'none', parts: whole === undefined ? [] : [whole] };
  const parts = table.partitions.map(({ index, firstByte, size, name }): HeldPart => {
    const inside = firstByte < source.size ? sliceSource(source, firstByte, Math.min(size, source.size - firstByte)) : undefined;
    const found = inside === undefined ? undefined : held(inside, index);
    return { index, size, type: found?.type ?? '', label: found?.label || name };
  });
  return { scheme: table.scheme, parts: whole === undefined ? parts : [whole, ...parts] };
}

/** Whether an image is one of a whole disk: with a partition table or an ISO 9660 file system, as firmware starts them. */
export function isDiskImage(image: ByteSource): boolean {
  return tableOf(image) !== undefined || identify(image)?.type === 'iso9660';
}
