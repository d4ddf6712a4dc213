// Reads a GPT: the primary copy, or the backup where that one is damaged. Both are compared where both are there.
import { type ByteSource, compareBytes, toSize } from '../../bytes/index.ts';
import { crc32 } from '../../codecs/index.ts';
import type { Finding, Severity } from '../../errors.ts';
import { KindlingError } from '../../errors.ts';
import { guidFromBytes } from './guid.ts';
import { GPT_LEGACY_BOOTABLE, GPT_NAME_UNITS, GPT_SIGNATURE, gptEntry, gptHeader } from './structs.ts';
import type { Partition, PartitionTable } from './table.ts';

const ENTRY_COUNT_MOST = 4096;
const ENTRY_SIZE_MOST = 4096;
/** Sizes that sectors have. */
const SECTOR_SIZES = [512, 4096, 2048, 1024];

/** One copy of the table, its checksums compared. */
interface Copy {
  readonly header: ReturnType<typeof gptHeader.decode>;
  readonly entries: Uint8Array;
}

/** The sector size of a disk with a primary GPT, by where its signature is. */
export function gptSectorSize(source: ByteSource): number | undefined {
  return SECTOR_SIZES.find((size) => signatureAt(source, size));
}

function signatureAt(source: ByteSource, at: number): boolean {
  if (at < 0 || at + gptHeader.size > source.size) return false;
  return compareBytes(source.read(at, GPT_SIGNATURE.length), GPT_SIGNATURE) === 0;
}

/** Reads the copy whose header is at `at`; throws BAD_MAGIC, BAD_CHECKSUM, BAD_VALUE, LIMIT or TRUNCATED. */
function readCopy(source: ByteSource, at: number, sectorSize: number): Copy {
  const place = { structure: gptHeader.name, offset: at };
  if (!signatureAt(source, at)) throw new KindlingError('BAD_MAGIC', `${gptHeader.name}: no "EFI PART" at ${at}`, place);
  const header = gptHeader.decode(source.read(at, gptHeader.size));
  if (header.headerSize < gptHeader.size || header.headerSize > sectorSize) {
    throw new KindlingError(
      'BAD_VALUE',
      `${gptHeader.name}: its size is ${header.headerSize}, expected ${gptHeader.size} to ${sectorSize}`,
      place,
    );
  }
  const bytes = source.read(at, Math.min(header.headerSize, source.size - at)).slice();
  bytes.fill(0, gptHeader.offsetOf('headerCrc'), gptHeader.offsetOf('headerCrc') + 4);
  checkCrc('header', crc32(bytes), header.headerCrc, place);
  const { entryCount, entrySize } = header;
  if (entrySize < gptEntry.size || entrySize > ENTRY_SIZE_MOST || entrySize % 8 !== 0) {
    throw new KindlingError('BAD_VALUE', `${gptHeader.name}: entries of ${entrySize} bytes`, place);
  }
  if (entryCount > ENTRY_COUNT_MOST)
    throw new KindlingError('LIMIT', `${gptHeader.name}: ${entryCount} entries, at most ${ENTRY_COUNT_MOST}`, place);
  const entriesAt = toSize(header.entriesSector, 'the sector of the GPT entries') * sectorSize;
  const entries = source.read(entriesAt, entryCount * entrySize);
  checkCrc('entries', crc32(entries), header.entriesCrc, { structure: gptEntry.name, offset: entriesAt });
  return { header, entries };
}

function checkCrc(what: string, found: number, stored: number, place: { structure: string; offset: number }): void {
  if (found === stored) return;
  const hex = (value: number) => value.toString(16).padStart(8, '0');
  throw new KindlingError('BAD_CHECKSUM', `GPT ${what}: the checksum is stored as ${hex(stored)}, the bytes give ${hex(found)}`, place);
}

function partitionsOf({ header, entries }: Copy, sectorSize: number): Partition[] {
  const found: Partition[] = [];
  for (let index = 0; index < header.entryCount; index++) {
    const values = gptEntry.decode(entries, index * header.entrySize);
    if (values.type.every((byte) => byte === 0)) continue;
    const first = toSize(values.firstSector, 'the first sector of a partition');
    const last = toSize(values.lastSector, 'the last sector of a partition');
    const units = new DataView(values.name.buffer, values.name.byteOffset, values.name.byteLength);
    let name = '';
    for (let at = 0; at < GPT_NAME_UNITS && units.getUint16(at * 2, true) !== 0; at++)
      name += String.fromCharCode(units.getUint16(at * 2, true));
    found.push({
      index: index + 1,
      firstByte: first * sectorSize,
      size: Math.max(0, last - first + 1) * sectorSize,
      type: guidFromBytes(values.type),
      guid: guidFromBytes(values.guid),
      name: name.toWellFormed(),
      bootable: (values.attributes & GPT_LEGACY_BOOTABLE) !== 0n,
    });
  }
  return found;
}

/** The table of a disk that has a GPT anywhere; undefined when it has none. Throws what the better copy is refused for when both are damaged. */
export function decodeGpt(source: ByteSource, add: (finding: Finding) => void): PartitionTable | undefined {
  const sectorSize = gptSectorSize(source) ?? SECTOR_SIZES.find((size) => signatureAt(source, source.size - size));
  if (sectorSize === undefined) return undefined;
  const report = (code: string, severity: Severity, message: string, offset?: number) =>
    add({ code, severity, where: { structure: 'GPT', ...(offset === undefined ? {} : { offset }) }, message });
  const endAt = source.size - sectorSize;
  const primary = attempt(() => readCopy(source, sectorSize, sectorSize));
  // an image that was copied to a larger disk has its backup where the image ended
  const toldAt = primary instanceof KindlingError ? endAt : Number(primary.header.otherSector) * sectorSize;
  if (!(primary instanceof KindlingError) && toldAt !== endAt) {
    report('gpt-backup-place', 'warning', `the backup is at byte ${toldAt}, not in the last sector at ${endAt}`, toldAt);
  }
  const backup = attempt(() => readCopy(source, Number.isSafeInteger(toldAt) ? toldAt : endAt, sectorSize));
  if (primary instanceof KindlingError) {
    if (backup instanceof KindlingError) throw primary;
    report('gpt-primary', 'error', `the primary table cannot be used, the backup is: ${primary.message}`, sectorSize);
  } else if (backup instanceof KindlingError) {
    report('gpt-backup', 'error', `the backup table cannot be used: ${backup.message}`, toldAt);
  } else if (compareBytes(primary.entries, backup.entries) !== 0) {
    report('gpt-differs', 'error', 'the backup table has other entries than the primary one', toldAt);
  }
  const used = primary instanceof KindlingError ? (backup as Copy) : primary;
  return {
    scheme: 'gpt',
    sectorSize,
    diskId: guidFromBytes(used.header.diskGuid),
    partitions: partitionsOf(used, sectorSize),
    usable: {
      firstByte: toSize(used.header.firstUsable, 'the first usable sector') * sectorSize,
      endByte: (toSize(used.header.lastUsable, 'the last usable sector') + 1) * sectorSize,
    },
  };
}

function attempt(read: () => Copy): Copy | KindlingError {
  try {
    return read();
  } catch (error) {
    if (error instanceof KindlingError) return error;
    throw error;
  }
}
