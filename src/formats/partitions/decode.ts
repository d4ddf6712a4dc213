// Reads a partition table of either kind, and says what is wrong with it. A GPT counts where the MBR says that there is one.
import type { ByteSource } from '../../bytes/index.ts';
import { type Finding, KindlingError } from '../../errors.ts';
import { decodeGpt, gptSectorSize } from './decode-gpt.ts';
import { decodeMbr, isProtective, mbrEntries } from './decode-mbr.ts';
import { MBR_TYPE } from './structs.ts';
import type { Partition, PartitionTable } from './table.ts';

/** Whether the first sectors hold a partition table. A FAT boot sector can look like an MBR: ask for FAT first. */
export function detect(source: ByteSource): boolean {
  const entries = mbrEntries(source);
  if (entries === undefined) return gptSectorSize(source) !== undefined;
  const limit = Math.ceil(source.size / 512);
  return entries.some(({ type, firstSector, sectorCount }) => type !== 0 && sectorCount > 0 && firstSector < limit);
}

/** The table. Throws BAD_MAGIC when there is none, and what reading a GPT throws when both of its copies are damaged. */
export function decode(source: ByteSource): PartitionTable {
  return read(source, () => undefined);
}

/** All that is wrong: a copy of the GPT missing or damaged, no protective MBR, partitions that overlap or leave the disk. Codes: docs/formats/partitions.md. */
export function check(source: ByteSource): Finding[] {
  const findings: Finding[] = [];
  const add = (code: string, severity: Finding['severity'], message: string, structure = 'partition table') =>
    findings.push({ code, severity, where: { structure }, message });
  try {
    const table = read(source, (found) => findings.push(found));
    checkPlaces(table, source.size, add);
    if (table.scheme === 'gpt' && !isProtective(mbrEntries(source) ?? [])) {
      add('gpt-no-protective-mbr', 'error', 'the MBR has no entry of type 0xee, so nothing takes the GPT for one');
    }
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    const code = `partitions-${error.code.toLowerCase().replaceAll('_', '-')}`;
    findings.push({ code, severity: 'error', where: error.where, message: error.message });
  }
  return findings;
}

function read(source: ByteSource, add: (finding: Finding) => void): PartitionTable {
  const entries = mbrEntries(source);
  const mbr = entries === undefined || isProtective(entries) ? undefined : decodeMbr(source, add);
  const gpt = mbr === undefined ? decodeGpt(source, add) : undefined;
  const found = mbr ?? gpt;
  if (found !== undefined) return found;
  throw new KindlingError('BAD_MAGIC', 'neither a GPT nor an MBR with a partition', { structure: 'partition table', offset: 0 });
}

/** Sorted by place, each against those before it that still go on; logical partitions are inside their extended one. */
function checkPlaces(
  { partitions, usable }: PartitionTable,
  size: number,
  add: (code: string, severity: Finding['severity'], message: string, structure?: string) => void,
): void {
  const extended = MBR_TYPE.extended.map((type) => `0x${type.toString(16).padStart(2, '0')}`);
  const plain = partitions.filter(({ type }) => !extended.includes(type)).sort((a, b) => a.firstByte - b.firstByte);
  let furthest: Partition | undefined;
  for (const partition of plain) {
    const end = partition.firstByte + partition.size;
    const structure = `partition ${partition.index}`;
    if (end > size) add('partition-outside', 'error', `ends at byte ${end}, the disk at ${size}`, structure);
    else if (partition.firstByte < usable.firstByte || end > usable.endByte) {
      const message = `takes the bytes ${partition.firstByte} to ${end}, usable are ${usable.firstByte} to ${usable.endByte}`;
      add('partition-unusable', 'warning', message, structure);
    }
    if (partition.size === 0) add('partition-empty', 'warning', 'ends before it begins', structure);
    if (furthest !== undefined && furthest.firstByte + furthest.size > partition.firstByte) {
      add('partition-overlap', 'error', `begins at byte ${partition.firstByte}, inside partition ${furthest.index}`, structure);
    }
    if (furthest === undefined || end > furthest.firstByte + furthest.size) furthest = partition;
  }
}
