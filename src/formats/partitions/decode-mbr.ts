// Reads an MBR and the chain of extended tables in it.
import type { ByteSource } from '../../bytes/index.ts';
import { type Finding, KindlingError } from '../../errors.ts';
import { BOOT_CODE_SIZE, BOOTABLE, MBR_ENTRIES_AT, MBR_SIGNATURE_AT, MBR_TYPE, mbrEntry, mbrHead, SECTOR_SIZE } from './structs.ts';
import type { Partition, PartitionTable } from './table.ts';

/** Linux reads no more partitions of an MBR. */
const LOGICAL_MOST = 256;

type Entry = ReturnType<typeof mbrEntry.decode>;

function isSigned(sector: Uint8Array): boolean {
  return sector[MBR_SIGNATURE_AT] === 0x55 && sector[MBR_SIGNATURE_AT + 1] === 0xaa;
}

function entriesOf(sector: Uint8Array): Entry[] {
  return [0, 1, 2, 3].map((index) => mbrEntry.decode(sector, MBR_ENTRIES_AT + index * mbrEntry.size));
}

/** The four entries of an MBR; undefined when the first sector is none. A boot sector has the signature too: its code makes no entries. */
export function mbrEntries(source: ByteSource): Entry[] | undefined {
  if (source.size < SECTOR_SIZE) return undefined;
  const sector = source.read(0, SECTOR_SIZE);
  if (!isSigned(sector)) return undefined;
  const entries = entriesOf(sector);
  return entries.every(({ status }) => (status & ~BOOTABLE) === 0) ? entries : undefined;
}

/** Whether the MBR has an entry that says "there is a GPT". */
export function isProtective(entries: readonly Entry[]): boolean {
  return entries.some(({ type }) => type === MBR_TYPE.protective);
}

/** The table of a disk with an MBR; undefined when there is none, or nothing in it. Linux counts its sectors in the disk's own; here they have 512 bytes. */
export function decodeMbr(source: ByteSource, add: (finding: Finding) => void): PartitionTable | undefined {
  const entries = mbrEntries(source);
  if (entries === undefined || entries.every(({ type, sectorCount }) => type === 0 || sectorCount === 0)) return undefined;
  const { diskId } = mbrHead.decode(source.read(BOOT_CODE_SIZE, mbrHead.size));
  const id = diskId.toString(16).padStart(8, '0');
  const partitions: Partition[] = [];
  const put = (entry: Entry, index: number, base: number) =>
    partitions.push({
      index,
      firstByte: (base + entry.firstSector) * SECTOR_SIZE,
      size: entry.sectorCount * SECTOR_SIZE,
      type: `0x${entry.type.toString(16).padStart(2, '0')}`,
      guid: `${id}-${index.toString(16).padStart(2, '0')}`,
      name: '',
      bootable: entry.status === BOOTABLE,
    });
  let next = 5;
  for (const [index, entry] of entries.entries()) {
    if (entry.type === 0 || entry.sectorCount === 0) continue;
    put(entry, index + 1, 0);
    if (MBR_TYPE.extended.includes(entry.type)) {
      try {
        for (const { logical, base } of logicals(source, entry.firstSector)) put(logical, next++, base);
      } catch (error) {
        if (!(error instanceof KindlingError)) throw error;
        add({ code: 'mbr-extended', severity: 'error', where: error.where, message: error.message });
      }
    }
  }
  return {
    scheme: 'mbr',
    sectorSize: SECTOR_SIZE,
    diskId: id,
    partitions,
    usable: { firstByte: SECTOR_SIZE, endByte: source.size },
  };
}

/** Logical partitions: each in a table of its own, whose second entry leads to the next. Throws LINK_LOOP, LIMIT, BAD_MAGIC or TRUNCATED. */
function* logicals(source: ByteSource, extendedSector: number): Generator<{ logical: Entry; base: number }> {
  const seen = new Set<number>();
  let sector: number | undefined = extendedSector;
  while (sector !== undefined) {
    const place = { structure: 'extended partition table', offset: sector * SECTOR_SIZE };
    if (seen.has(sector)) throw new KindlingError('LINK_LOOP', `the extended table in sector ${sector} was met before`, place);
    if (seen.size >= LOGICAL_MOST) throw new KindlingError('LIMIT', `more than ${LOGICAL_MOST} logical partitions`, place);
    seen.add(sector);
    const bytes = source.read(sector * SECTOR_SIZE, SECTOR_SIZE);
    if (!isSigned(bytes)) throw new KindlingError('BAD_MAGIC', `no extended table in sector ${sector}`, place);
    const base: number = sector;
    sector = undefined;
    for (const entry of entriesOf(bytes)) {
      if (entry.type === 0 || entry.sectorCount === 0) continue;
      if (!MBR_TYPE.extended.includes(entry.type)) yield { logical: entry, base };
      else sector = extendedSector + entry.firstSector;
    }
  }
}
