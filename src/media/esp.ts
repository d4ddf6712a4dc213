// The EFI system partition of a medium: a FAT volume with the fallback loader and what belongs to it (UEFI 2.10, 13.3 and 3.5.1.1).
import { concat } from '../bytes/index.ts';
import { encode, type FatType, leastSize } from '../formats/fat/index.ts';
import { directory, type Entry, file, makeTree, type Tree, withParents } from '../tree/index.ts';
import type { MediumFile } from './medium.ts';

/** What firmware for x86-64 starts from removable media. */
export const EFI_PATH = 'EFI/BOOT/BOOTX64.EFI';

const UNIT = 4096;
// The least a volume can be and be FAT32 for everybody: firmware need not read another variant from a disk that is not removable.
const FAT32_LEAST = 34 << 20;

/** An EFI system partition. */
export interface EspOptions {
  readonly label: string;
  readonly serial: number;
  readonly time: number;
  /** FAT32, as partitions of disks are; otherwise as small as it can be. */
  readonly wide: boolean;
  /** Sectors before it on its disk. */
  readonly hiddenSectors?: number;
}

/** The files of a volume as its tree, all of one time. */
export function volumeTree(files: readonly MediumFile[], time: number): Tree {
  const entries: Entry[] = [directory(''), ...files.map(({ path, content }) => file(path, content))];
  return makeTree(withParents(entries).map((entry): Entry => ({ ...entry, mtime: time })));
}

/** Bytes of the volume. */
export function espSize(files: readonly MediumFile[], { label, time, wide }: Pick<EspOptions, 'label' | 'time' | 'wide'>): number {
  const least = leastSize(volumeTree(files, time), { label, unit: UNIT, ...(wide ? { type: 32 } : {}) });
  return wide ? Math.max(FAT32_LEAST, least) : least;
}

/** The volume's bytes. */
export function espImage(files: readonly MediumFile[], { label, serial, time, wide, hiddenSectors = 0 }: EspOptions): Uint8Array {
  const tree = volumeTree(files, time);
  const type: FatType | undefined = wide ? 32 : undefined;
  const size = espSize(files, { label, time, wide });
  const plan = encode(tree, { size, label, serial, time, hiddenSectors, ...(type === undefined ? {} : { type }) });
  // its chunks share their memory
  return concat(Array.from(plan.chunks(), (chunk) => chunk.slice()));
}
