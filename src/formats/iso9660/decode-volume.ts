// The volume descriptors of an image: which hierarchies it has, how large its blocks are, where its boot catalog is.
import { asciiFrom, type ByteSource, compareBytes, type Fields } from '../../bytes/index.ts';
import { readLongDate } from './dates.ts';
import { fault } from './faults.ts';
import { wideText } from './names.ts';
import {
  bootRecord,
  DESCRIPTOR_TYPES,
  descriptorHead,
  directoryRecord,
  EL_TORITO,
  JOLIET_ESCAPE,
  SECTOR_SIZE,
  STANDARD_ID,
  SYSTEM_AREA_SIZE,
  volumeDescriptor,
} from './structs.ts';

/** A descriptor as it is stored. */
export type Descriptor = Fields<typeof volumeDescriptor.fields>;

/** An opened image. Offsets are in bytes from its start. */
export interface Volume {
  readonly source: ByteSource;
  /** Bytes of a logical block, by which extents are counted. */
  readonly blockSize: number;
  readonly primary: Descriptor;
  readonly joliet: Descriptor | undefined;
  readonly catalogAt: number | undefined;
  readonly volumeId: string;
  /** When it was made, seconds since 1970; undefined when it does not say. */
  readonly time: number | undefined;
}

const DESCRIPTORS_MOST = 64;
const BLOCK_SIZES = [512, 1024, 2048];
const ESCAPE_LEVELS = [0x40, 0x43, 0x45];

/** True when an ISO 9660 image starts so. */
export function detect(source: ByteSource): boolean {
  if (source.size < SYSTEM_AREA_SIZE + SECTOR_SIZE) return false;
  return compareBytes(source.read(SYSTEM_AREA_SIZE + descriptorHead.offsetOf('id'), STANDARD_ID.length), STANDARD_ID) === 0;
}

/** Bytes of the image. Throws TRUNCATED with the structure that wants them. */
export function bytesAt({ source }: Pick<Volume, 'source'>, at: number, size: number, structure: string, path?: string): Uint8Array {
  checkInside(source, at, size, structure, path);
  return source.read(at, size);
}

/** Throws TRUNCATED for what is not in the image. */
export function checkInside(source: ByteSource, at: number, size: number, structure: string, path?: string): void {
  if (at + size <= source.size) return;
  throw fault('TRUNCATED', structure, at, `bytes ${at} to ${at + size} are named, the image has ${source.size}`, path);
}

function isJoliet({ escapes, version }: Descriptor): boolean {
  return version === 1 && escapes[0] === JOLIET_ESCAPE[0] && escapes[1] === JOLIET_ESCAPE[1] && ESCAPE_LEVELS.includes(escapes[2]!);
}

/** Reads the descriptors. Throws BAD_MAGIC, TRUNCATED, BAD_VALUE, LIMIT. */
export function openVolume(source: ByteSource): Volume {
  if (!detect(source)) throw fault('BAD_MAGIC', descriptorHead.name, SYSTEM_AREA_SIZE, 'no "CD001" in sector 16');
  let primary: Descriptor | undefined;
  let joliet: Descriptor | undefined;
  let catalogBlock: number | undefined;
  for (let index = 0; ; index++) {
    const at = SYSTEM_AREA_SIZE + index * SECTOR_SIZE;
    if (index === DESCRIPTORS_MOST) throw fault('LIMIT', descriptorHead.name, at, `more than ${DESCRIPTORS_MOST} of them`);
    const sector = bytesAt({ source }, at, SECTOR_SIZE, descriptorHead.name);
    const { type, id } = descriptorHead.decode(sector);
    if (compareBytes(id, STANDARD_ID) !== 0) throw fault('BAD_MAGIC', descriptorHead.name, at, 'no "CD001" before the list has ended');
    if (type === DESCRIPTOR_TYPES.terminator) break;
    if (type === DESCRIPTOR_TYPES.primary) primary ??= volumeDescriptor.decode(sector);
    if (type === DESCRIPTOR_TYPES.supplementary) {
      const found = volumeDescriptor.decode(sector);
      if (isJoliet(found)) joliet ??= found;
    }
    if (type === DESCRIPTOR_TYPES.boot) {
      const record = bootRecord.decode(sector);
      if (asciiFrom(record.systemId).replace(/\0.*$/s, '').trimEnd() === EL_TORITO) catalogBlock ??= record.catalogBlock;
    }
  }
  if (primary === undefined) throw fault('BAD_VALUE', volumeDescriptor.name, SYSTEM_AREA_SIZE, 'there is no primary one');
  const { blockSize } = primary;
  for (const [name, found] of Object.entries({ primary, joliet })) {
    if (found === undefined || (BLOCK_SIZES.includes(found.blockSize) && found.blockSize === blockSize)) continue;
    const message = `the ${name} one has blocks of ${found.blockSize} bytes, expected 512, 1024 or 2048 and the same in all`;
    throw fault('BAD_VALUE', volumeDescriptor.name, SYSTEM_AREA_SIZE, message);
  }
  return {
    ...{ source, blockSize, primary, joliet },
    // the catalog is counted in sectors (El Torito 2.0)
    catalogAt: catalogBlock === undefined ? undefined : catalogBlock * SECTOR_SIZE,
    volumeId: volumeName(primary, joliet),
    time: readLongDate(primary.modifiedAt) ?? readLongDate(primary.createdAt),
  };
}

function volumeName(primary: Descriptor, joliet: Descriptor | undefined): string {
  const plain = asciiFrom(primary.volumeId).replace(/\0.*$/s, '').trimEnd();
  return plain === '' && joliet !== undefined ? wideText(joliet.volumeId).replace(/\0.*$/s, '').trimEnd() : plain;
}

/** The extent of a hierarchy's top directory. */
export function rootExtent({ blockSize }: Volume, { root }: Descriptor): { at: number; size: number } {
  const { block, attributeBlocks, size } = directoryRecord.decode(root);
  return { at: (block + attributeBlocks) * blockSize, size };
}
