// A medium as a whole disk: GPT, a partition for GRUB's BIOS core, the EFI system partition, one with everything of the medium, and where asked
// for one for changes (docs/live.md, "The disk image").
import { alignUp, type ByteSource, bytesSource, type Sha256 } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { encode as encodeFat, type FatPlan, leastSize } from '../formats/fat/index.ts';
import { encode as encodeTable, GPT_BACKUP_SIZE, type GptPartition, PARTITION_TYPES } from '../formats/partitions/index.ts';
import type { Tree } from '../tree/index.ts';
import { espImage, espSize } from './esp.ts';
import { diskCode, placedCore } from './grub.ts';
import { guidOf, serialOf } from './iso.ts';
import type { Loader } from './loader.ts';

const MIB = 1 << 20;
const SECTOR = 512;
const CORE_AT = MIB;
const CORE_MOST = MIB;

/** Bytes and where on the disk they belong; what nothing is said of is zero. */
export interface DiskPiece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** A file system that is there already: made by another program, or a plain volume. */
export interface Volume {
  readonly size: number;
  chunks(): Iterable<Uint8Array>;
}

/** A disk to be composed. */
export interface DiskRequest {
  readonly id: string;
  /** Its files of the EFI system partition, and what a BIOS starts; its files of the medium are in `data` already. */
  readonly loader: Loader;
  /** The medium: as a tree that becomes FAT32, or as a volume. */
  readonly data: Tree | Volume;
  /** The partition for changes. */
  readonly changes?: Volume | undefined;
  /** Bytes of the disk; as small as it can be unless told. What is left over belongs to the medium's partition. */
  readonly size?: number | undefined;
  /** Name of the medium's file system. */
  readonly label: string;
  readonly time: number;
  readonly sha256: Sha256;
}

/** A disk that can be written. */
export interface DiskMedium {
  readonly size: number;
  readonly partitions: readonly GptPartition[];
  /** Its bytes in rising order; runs of zeros are left out. The memory of a piece may be used again as soon as the next is asked for. */
  pieces(): Generator<DiskPiece>;
}

function isTree(data: Tree | Volume): data is Tree {
  return 'entries' in data;
}

const ESP = { label: 'KINDLING-EF', wide: true } as const;

/** Where the EFI system partition and the medium's partition begin. */
function placesOf(loader: Loader, time: number): { readonly espAt: number; readonly dataAt: number } {
  const espAt = CORE_AT + (loader.bios === undefined ? 0 : CORE_MOST);
  return { espAt, dataAt: alignUp(espAt + espSize(loader.esp, { ...ESP, time }), MIB) };
}

/** Bytes that a disk of this size has for the medium's partition; negative where it has none. */
export function roomForData(size: number, loader: Loader, changesSize: number, time: number): number {
  return Math.floor((size - behindSize(changesSize)) / MIB) * MIB - placesOf(loader, time).dataAt;
}

const behindSize = (changesSize: number): number => alignUp(changesSize, MIB) + alignUp(GPT_BACKUP_SIZE, MIB);

/** Plans the disk. Throws NOT_EXPRESSIBLE for what FAT cannot hold, LIMIT when the size asked for is too small. */
export function diskMedium(request: DiskRequest): DiskMedium {
  const { id, loader, data, changes, label, time, sha256 } = request;
  const { bios } = loader;
  if (bios !== undefined && bios.core.length > CORE_MOST) {
    throw new KindlingError('LIMIT', `GRUB's core image has ${bios.core.length} bytes, at most ${CORE_MOST} are kept free for it`);
  }
  const { espAt, dataAt } = placesOf(loader, time);
  const esp = espImage(loader.esp, { ...ESP, serial: serialOf(id, 'esp', sha256), time, hiddenSectors: espAt / SECTOR });
  const changesSize = alignUp(changes?.size ?? 0, MIB);
  const behind = behindSize(changesSize);
  const least = alignUp(isTree(data) ? leastSize(data, { type: 32, label, unit: MIB }) : data.size, MIB);
  const room = request.size === undefined ? least : roomForData(request.size, loader, changesSize, time);
  if (room < least) {
    const message = `the disk is to have ${request.size} bytes, and needs at least ${dataAt + least + behind}`;
    throw new KindlingError('LIMIT', message, { structure: 'disk' });
  }
  const volume = isTree(data)
    ? fatVolume(
        encodeFat(data, { size: room, label, serial: serialOf(id, 'data', sha256), time, type: 32, hiddenSectors: dataAt / SECTOR }),
      )
    : data;
  const size = request.size === undefined ? dataAt + room + behind : Math.floor(request.size / SECTOR) * SECTOR;
  const changesAt = dataAt + room;
  const guid = (use: string): string => guidOf(id, use, sha256);
  const core = { firstByte: CORE_AT, size: CORE_MOST, type: PARTITION_TYPES.biosBoot, guid: guid('core'), name: 'GRUB for BIOS' };
  const partitions: GptPartition[] = [
    ...(bios === undefined ? [] : [core]),
    { firstByte: espAt, size: esp.length, type: PARTITION_TYPES.efiSystem, guid: guid('esp'), name: 'EFI system' },
    {
      firstByte: dataAt,
      size: room,
      type: isTree(data) ? PARTITION_TYPES.microsoftBasic : PARTITION_TYPES.linux,
      guid: guid('data'),
      name: label,
    },
  ];
  if (changes !== undefined) {
    partitions.push({
      firstByte: changesAt,
      size: changesSize,
      type: PARTITION_TYPES.linux,
      guid: guid('changes'),
      name: 'kindling-changes',
    });
  }
  const table = encodeTable({
    scheme: 'gpt',
    size,
    diskGuid: guid('disk'),
    partitions,
    ...(bios === undefined
      ? {}
      : { bootCode: diskCode(bios.sector, CORE_AT / SECTOR), hybrid: [{ firstByte: 0, size: SECTOR, type: 0, bootable: true }] }),
  });
  return {
    size,
    partitions,
    *pieces() {
      yield { at: 0, bytes: table.primary };
      if (bios !== undefined) yield { at: CORE_AT, bytes: placedCore(bios.core, CORE_AT / SECTOR) };
      yield* placed(espAt, [esp]);
      yield* placed(dataAt, volume.chunks());
      if (changes !== undefined) yield* placed(changesAt, changes.chunks());
      yield { at: table.backupAt, bytes: table.backup };
    },
  };
}

/** A piece of a disk is written before the next one is made. */
const fatVolume = (plan: FatPlan): Volume => ({ size: plan.size, chunks: () => plan.chunks({ reuse: true }) });

const PIECE = 64 * 1024;

/** Four bytes at a time: most of a disk may be zeros, and all of them are looked at. */
function isZero(bytes: Uint8Array): boolean {
  if (bytes.byteOffset % 4 !== 0 || bytes.length % 4 !== 0) return bytes.every((byte) => byte === 0);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  for (let index = 0; index < words.length; index++) if (words[index] !== 0) return false;
  return true;
}

/** Chunks one behind the other, without stretches of zeros. */
function* placed(start: number, chunks: Iterable<Uint8Array>): Generator<DiskPiece> {
  let at = start;
  for (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += PIECE) {
      const bytes = chunk.subarray(from, Math.min(chunk.length, from + PIECE));
      if (!isZero(bytes)) yield { at: at + from, bytes };
    }
    at += chunk.length;
  }
}

/** A source as a volume. */
export function sourceVolume(source: ByteSource): Volume {
  return {
    size: source.size,
    *chunks() {
      for (let at = 0; at < source.size; at += MIB) yield source.read(at, Math.min(MIB, source.size - at));
    },
  };
}

/** Bytes as a volume. */
export const bytesVolume = (bytes: Uint8Array): Volume => sourceVolume(bytesSource(bytes));
