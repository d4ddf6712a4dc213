// Checks a squashfs image: reads everything that is stored and compares what is stored twice. Never throws on a bad image.
import { type ByteSource, compareNames, toSize, u64le } from '../../bytes/index.ts';
import { type Finding, KindlingError, type Severity, type Where } from '../../errors.ts';
import { type DecodeOptions, ENTRIES_MAX, type Visit, walk } from './decode.ts';
import { contentOf, readBlockList } from './decode-content.ts';
import type { FileInode, Inode } from './decode-inode.ts';
import { recordAt } from './decode-metadata.ts';
import { openVolume, type Volume } from './decode-volume.ts';
import { fragmentEntry, METADATA_SIZE, superblock, xattrId, xattrTableHeader } from './structs.ts';

type Add = (code: string, severity: Severity, where: Where, message: string) => void;

/** No more is unpacked for each byte of the image; what zeros compress to at best. */
const RATIO_MAX = 1100;
const UNPACKED_LEAST = 256 << 20;
const PIECE_SIZE = 1 << 20;

/** A fault as a finding: its error code in kebab case. */
function faultFinding(error: unknown, path?: string): Finding {
  if (!(error instanceof KindlingError)) throw error;
  const where = path === undefined ? error.where : { ...error.where, path };
  return { code: `squashfs-${error.code.toLowerCase().replaceAll('_', '-')}`, severity: 'error', where, message: error.message };
}

/**
 * All that is wrong with an image, in the order it is met: what stops `decode`, tables the kernel would refuse for their places, damaged
 * contents (everything stored is read and unpacked), directories out of order, counts that do not add up. Codes: docs/formats/squashfs.md.
 */
export function check(source: ByteSource, options: DecodeOptions): Finding[] {
  const findings: Finding[] = [];
  const add: Add = (code, severity, where, message) => void findings.push({ code, severity, where, message });
  try {
    const volume = openVolume(source, options.decoders);
    checkPlaces(volume, add);
    checkFragments(volume, findings);
    const seen = new Map<number, { inode: Inode; path: string; names: number; directories: number }>();
    const numbers = new Map<number, string>();
    let budget = Math.max(UNPACKED_LEAST, source.size * RATIO_MAX);
    walk(volume, options.limits?.entries ?? ENTRIES_MAX, (found) => {
      const { inode, entry } = found;
      const known = seen.get(inode.reference);
      if (known !== undefined) {
        known.names++;
        return;
      }
      const directories = found.records.filter(({ type }) => type === 1).length;
      seen.set(inode.reference, { inode, path: entry.path, names: 1, directories });
      checkNumber(volume, inode, entry.path, numbers, add);
      if (inode.kind === 'directory') checkDirectory(found, add);
      if (inode.kind !== 'file') return;
      try {
        budget = readStored(volume, inode, budget, add, entry.path);
      } catch (error) {
        findings.push(faultFinding(error, entry.path));
      }
    });
    checkCounts(volume, seen.values(), add);
    checkExport(volume, seen, add);
  } catch (error) {
    findings.push(faultFinding(error));
  }
  return findings;
}

/** The kernel mounts only images whose tables follow each other without a gap (fs/squashfs/super.c). */
function checkPlaces(volume: Volume, add: Add): void {
  const { layout, source } = volume;
  const { facts, inodeTableAt, directoryTableAt, fragmentTableAt, exportTableAt, idTableAt, xattrTableAt } = layout;
  const wrong = (field: Parameters<typeof superblock.offsetOf>[0], message: string) =>
    add(
      'squashfs-table-place',
      'error',
      { structure: superblock.name, offset: superblock.offsetOf(field) },
      `squashfs superblock: ${message}`,
    );
  if (inodeTableAt >= directoryTableAt)
    wrong('inodeTableAt', `the inode table is at ${inodeTableAt}, behind the directories at ${directoryTableAt}`);
  // From the last table to the first: each one's index ends where the next one's blocks start.
  let next = facts.bytesUsed;
  const table = (field: 'idTableAt' | 'exportTableAt' | 'fragmentTableAt', indexAt: number, count: number, recordSize: number) => {
    const end = indexAt + Math.ceil((count * recordSize) / METADATA_SIZE) * u64le.size;
    if (end !== next) wrong(field, `the index of ${field} ends at ${end}, what follows starts at ${next}`);
    next = firstBlock(source, indexAt, facts.bytesUsed);
  };
  if (xattrTableAt !== undefined) {
    const end = xattrTableAt + xattrTableHeader.size + Math.ceil((volume.xattrs.count * xattrId.size) / METADATA_SIZE) * u64le.size;
    if (end !== facts.bytesUsed) wrong('xattrTableAt', `the attribute table ends at ${end}, the image at ${facts.bytesUsed}`);
    next = Math.min(next, firstBlock(source, xattrTableAt, facts.bytesUsed));
  }
  table('idTableAt', idTableAt, facts.idCount, 4);
  if (exportTableAt !== undefined) table('exportTableAt', exportTableAt, facts.inodeCount, 8);
  if (fragmentTableAt !== undefined && facts.fragmentCount > 0)
    table('fragmentTableAt', fragmentTableAt, facts.fragmentCount, fragmentEntry.size);
  if (directoryTableAt > next)
    wrong('directoryTableAt', `the directory table is at ${directoryTableAt}, behind what follows it at ${next}`);
  if (source.size % 1024 !== 0) {
    add(
      'squashfs-padding',
      'note',
      { offset: source.size },
      `the file has ${source.size} bytes, no multiple of 1024: a loop device does not show its end`,
    );
  }
}

function firstBlock(source: ByteSource, indexAt: number, bytesUsed: number): number {
  if (indexAt + u64le.size > bytesUsed) return bytesUsed;
  const bytes = source.read(indexAt, u64le.size);
  return toSize(u64le.get(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0), 'the place of a table');
}

function checkFragments(volume: Volume, findings: Finding[]): void {
  for (let index = 0; index < volume.layout.facts.fragmentCount; index++) {
    try {
      volume.fragment(index);
    } catch (error) {
      findings.push(faultFinding(error));
      return;
    }
  }
}

function checkNumber({ layout }: Volume, inode: Inode, path: string, numbers: Map<number, string>, add: Add): void {
  const where = { structure: 'squashfs inode', offset: inode.at, path };
  if (inode.number === 0 || inode.number > layout.facts.inodeCount) {
    add('squashfs-inode-number', 'error', where, `squashfs inode: number ${inode.number}, the image has ${layout.facts.inodeCount}`);
  }
  const other = numbers.get(inode.number);
  if (other !== undefined)
    add('squashfs-inode-number', 'error', where, `squashfs inode: number ${inode.number} is also that of "${other}"`);
  else numbers.set(inode.number, path);
}

/** The kernel stops looking for a name at the first one behind it, so order matters. */
function checkDirectory({ inode, entry, parentNumber, records }: Visit, add: Add): void {
  const where = { structure: 'squashfs directory', offset: inode.at, path: entry.path };
  for (const [index, record] of records.entries()) {
    const before = records[index - 1];
    if (before === undefined || compareNames(before.name, record.name) < 0) continue;
    add(
      'squashfs-directory-order',
      'error',
      where,
      `squashfs directory: ${JSON.stringify(record.name)} comes after ${JSON.stringify(before.name)}`,
    );
  }
  if (inode.kind === 'directory' && parentNumber !== 0 && inode.parent !== parentNumber) {
    add(
      'squashfs-directory-parent',
      'warning',
      where,
      `squashfs directory: its parent is stored as inode ${inode.parent}, it is in ${parentNumber}`,
    );
  }
}

function checkCounts(volume: Volume, seen: Iterable<{ inode: Inode; path: string; names: number; directories: number }>, add: Add): void {
  let count = 0;
  for (const { inode, path, names, directories } of seen) {
    count++;
    const expected = inode.kind === 'directory' ? 2 + directories : names;
    if (inode.linkCount === expected) continue;
    const message = `squashfs inode: ${inode.linkCount} links are stored, there are ${expected}`;
    add('squashfs-link-count', 'warning', { structure: 'squashfs inode', offset: inode.at, path }, message);
  }
  const { inodeCount } = volume.layout.facts;
  if (count === inodeCount) return;
  const where = { structure: superblock.name, offset: superblock.offsetOf('inodeCount') };
  add('squashfs-inode-count', 'warning', where, `squashfs superblock: ${inodeCount} inodes are announced, ${count} are there`);
}

function checkExport(volume: Volume, seen: ReadonlyMap<number, { inode: Inode; path: string }>, add: Add): void {
  const { layout, metadata, source } = volume;
  if (layout.exportTableAt === undefined) return;
  const { bytesUsed, inodeCount } = layout.facts;
  const table = { structure: 'squashfs export table', indexAt: layout.exportTableAt, recordSize: u64le.size, bytesUsed };
  for (const { inode, path } of seen.values()) {
    if (inode.number === 0 || inode.number > inodeCount) continue;
    const record = recordAt(source, metadata, table, inode.number - 1);
    const found = u64le.get(new DataView(record.buffer, record.byteOffset, record.length), 0);
    if (found === BigInt(inode.reference)) continue;
    const message = `${table.structure}: inode ${inode.number} is said to be at ${found}, it is at ${inode.reference}`;
    add('squashfs-export', 'warning', { structure: table.structure, offset: layout.exportTableAt, path }, message);
  }
}

/** Reads all that is stored of a file and returns what is left of the budget. Throws what reading throws, and LIMIT. */
function readStored(volume: Volume, inode: FileInode, budget: number, add: Add, path: string): number {
  const { blockSize } = volume.layout.facts;
  const { sizes } = readBlockList(volume, inode);
  const content = contentOf(volume, inode);
  const piece = new Uint8Array(Math.min(PIECE_SIZE, blockSize, content.size));
  const where = { structure: 'squashfs file', offset: inode.at };
  let left = budget;
  let holes = 0;
  for (let at = 0, index = 0; at < content.size; at += blockSize, index++) {
    const count = Math.min(blockSize, content.size - at);
    if (sizes[index] === 0) {
      holes += count;
      continue;
    }
    left -= count;
    if (left < 0) throw new KindlingError('LIMIT', `squashfs file: contents unpack to more than ${RATIO_MAX} times the image`, where);
    content.readInto!(at, piece.subarray(0, count));
  }
  if (inode.isExtended && inode.sparse !== holes) {
    add('squashfs-holes', 'note', { ...where, path }, `squashfs file: ${inode.sparse} bytes in holes are stored, there are ${holes}`);
  }
  return left;
}
