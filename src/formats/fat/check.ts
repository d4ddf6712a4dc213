// Checks a FAT volume: everything is followed, what is stored twice is compared. Never throws on a bad image.
import { type ByteSource, compareBytes } from '../../bytes/index.ts';
import { type Finding, KindlingError, type Severity } from '../../errors.ts';
import { type Entry, makeTree } from '../../tree/index.ts';
import { BOOT_PLACE, type Claims, chainPlace, claims } from './chains.ts';
import { type DecodeOptions, type Visit, walk } from './decode.ts';
import { FIRST_CLUSTER, INFO_LEAD, INFO_SIGNATURE, infoSector, UNKNOWN_COUNT } from './structs.ts';
import { openVolume, type Volume } from './volume.ts';

const ENTRIES_MOST = 4_000_000;
const PIECE_SIZE = 1 << 20;

type Add = (code: string, severity: Severity, message: string, path?: string) => void;

function finding(error: unknown, severity: Severity): Finding {
  if (!(error instanceof KindlingError)) throw error;
  return { code: `fat-${error.code.toLowerCase().replaceAll('_', '-')}`, severity, where: error.where, message: error.message };
}

/**
 * All that is wrong with a volume: what stops `decode`, tables that differ, a backup boot sector that is another, chains longer than their
 * file, clusters that belong to nothing, wrong counts of free ones, long names without a file. Codes: docs/formats/fat.md.
 */
export function check(source: ByteSource, options: DecodeOptions = {}): Finding[] {
  const findings: Finding[] = [];
  const add: Add = (code, severity, message, path) =>
    void findings.push({ code, severity, where: path === undefined ? { structure: 'FAT volume' } : { path }, message });
  try {
    const volume = openVolume(source);
    checkBoot(volume, add);
    checkTables(volume, add);
    const taken = claims(volume);
    const entries: Entry[] = [];
    walk(volume, taken, {
      entriesMost: options.limits?.entries ?? ENTRIES_MOST,
      report: (error) => findings.push(finding(error, 'error')),
      note: (error) => findings.push(finding(error, 'warning')),
      visit(found) {
        entries.push(found.entry);
        checkEntry(volume, found, add);
      },
    });
    makeTree(entries);
    checkClusters(volume, taken, add);
  } catch (error) {
    findings.push(finding(error, 'error'));
  }
  return findings;
}

function checkBoot({ source, layout }: Volume, add: Add): void {
  const { size, sectorSize, backupSector, dirty } = layout;
  if (size > source.size) add('fat-short', 'error', `the volume has ${size} bytes, the image ${source.size}`);
  if (dirty) add('fat-dirty', 'warning', 'the volume was not cleanly unmounted');
  if (layout.type !== 32 || backupSector === 0 || backupSector === 0xffff) return;
  const at = backupSector * sectorSize;
  const same = at + sectorSize <= layout.tablesAt && compareBytes(source.read(0, sectorSize), source.read(at, sectorSize)) === 0;
  if (!same) add('fat-backup', 'warning', `the backup of the boot sector, in sector ${backupSector}, is not like it`);
}

function checkTables({ source, layout }: Volume, add: Add): void {
  const { tablesAt, tableSize, tableCount, tableIndex } = layout;
  const at = tablesAt + tableIndex * tableSize;
  for (let index = 0; index < tableCount; index++) {
    const otherAt = tablesAt + index * tableSize;
    for (let from = 0; otherAt !== at && from < tableSize; from += PIECE_SIZE) {
      const size = Math.min(PIECE_SIZE, tableSize - from);
      if (compareBytes(source.read(at + from, size), source.read(otherAt + from, size)) === 0) continue;
      add('fat-tables', 'error', `table ${index} is not like table ${tableIndex}`);
      break;
    }
  }
}

function checkEntry(volume: Volume, { entry, cluster, parentCluster, listing }: Visit, add: Add): void {
  if (entry.kind === 'file') {
    if (entry.content.size === 0 && cluster !== 0)
      add('fat-empty', 'warning', `an empty file that starts at cluster ${cluster}`, entry.path);
    if (entry.content.size > 0) checkEnd(volume, entry.path, cluster, entry.content.size, add);
    return;
  }
  if (listing === undefined || entry.path === '') return;
  const expected = { '.': cluster, '..': parentCluster } as const;
  for (const name of ['.', '..'] as const) {
    const dot = listing.dots.find((one) => one.name === name);
    if (dot === undefined) add('fat-dots', 'warning', `has no "${name}"`, entry.path);
    else if (dot.cluster !== expected[name]) {
      add('fat-dots', 'warning', `its "${name}" is cluster ${dot.cluster}, expected ${expected[name]}`, entry.path);
    }
  }
}

/** A chain that goes on behind the file's end. The chain itself was followed before. */
function checkEnd(volume: Volume, path: string, first: number, size: number, add: Add): void {
  const { clusterCount, clusterSize } = volume.layout;
  let cluster: number | 'end' | 'bad' | 'free' = first;
  for (let left = Math.ceil(size / clusterSize); left > 0; left--) {
    if (typeof cluster !== 'number' || cluster < FIRST_CLUSTER || cluster >= FIRST_CLUSTER + clusterCount) return;
    cluster = volume.next(cluster);
  }
  if (typeof cluster === 'number') add('fat-long-chain', 'warning', `${chainPlace(path, 'file').structure} goes on behind its end`, path);
}

function checkClusters(volume: Volume, taken: Claims, add: Add): void {
  const { source, layout } = volume;
  const { clusterCount, sectorSize } = layout;
  let [free, lost] = [0, 0];
  for (let cluster = FIRST_CLUSTER; cluster < FIRST_CLUSTER + clusterCount; cluster++) {
    const next = volume.next(cluster);
    if (next === 'free') free++;
    else if (next !== 'bad' && !taken.has(cluster)) lost++;
  }
  if (lost > 0) add('fat-lost', 'warning', `${lost} clusters belong to nothing`);
  const infoAt = layout.infoSector * sectorSize;
  if (layout.type !== 32 || layout.infoSector === 0 || infoAt + infoSector.size > layout.tablesAt) return;
  const info = infoSector.decode(source.read(infoAt, infoSector.size));
  if (info.leadSignature !== INFO_LEAD || info.signature !== INFO_SIGNATURE) {
    add('fat-info', 'warning', `${BOOT_PLACE.structure}: sector ${layout.infoSector} is no FSInfo`);
  } else if (info.freeCount !== UNKNOWN_COUNT && info.freeCount !== free) {
    add('fat-free-count', 'note', `${info.freeCount} clusters are said to be free, ${free} are`);
  }
}
