// Checks an EROFS image: reads everything that is stored and compares what is stored twice. Never throws on a bad image.
import type { ByteSource } from '../../bytes/index.ts';
import { compareNames } from '../../bytes/index.ts';
import { type Finding, KindlingError, type Severity, type Where } from '../../errors.ts';
import { contentOf } from './content.ts';
import { type DecodeOptions, ENTRIES_MAX, type Visit, walk } from './decode.ts';
import { type Inode, readInode } from './inode.ts';
import { DIRENT_MODES, SUPERBLOCK_AT, superblock } from './structs.ts';
import { openVolume, type Volume } from './volume.ts';

const PIECE_SIZE = 1024 * 1024;

/** No more is unpacked for each byte of the image; what zeros compress to at best. */
const RATIO_MAX = 1024;
const UNPACKED_LEAST = 256 * 1024 * 1024;

/** A fault as a finding: its error code in kebab case. */
function faultFinding(error: unknown, path?: string): Finding {
  if (!(error instanceof KindlingError)) throw error;
  const where = path === undefined ? error.where : { ...error.where, path };
  return { code: `erofs-${error.code.toLowerCase().replaceAll('_', '-')}`, severity: 'error', where, message: error.message };
}

/**
 * All that is wrong with an image, in the order it is met: what stops `decode`, damaged contents (everything stored is read and unpacked), a
 * wrong checksum, directories whose order or types are wrong, counts that do not add up. Codes: docs/formats/erofs.md.
 */
export function check(source: ByteSource, options: DecodeOptions): Finding[] {
  const findings: Finding[] = [];
  const add = (code: string, severity: Severity, where: Where, message: string): void =>
    void findings.push({ code, severity, where, message });
  try {
    const volume = openVolume(source, options);
    checkSuperblock(volume, add);
    const counts = new Map<bigint, { inode: Inode; path: string; names: number }>();
    let budget = Math.max(UNPACKED_LEAST, source.size * RATIO_MAX);
    walk(volume, options.limits?.entries ?? ENTRIES_MAX, (found) => {
      const { inode, entry } = found;
      if (inode.kind === 'directory') checkDirectory(volume, found, add);
      const known = counts.get(inode.nid);
      if (known !== undefined) {
        known.names++;
        return;
      }
      counts.set(inode.nid, { inode, path: entry.path, names: 1 });
      if (inode.kind !== 'file') return;
      try {
        budget = readStored(volume, inode, budget);
      } catch (error) {
        findings.push(faultFinding(error, entry.path));
      }
    });
    for (const { inode, path, names } of counts.values()) {
      if (inode.kind === 'directory' || inode.linkCount === names) continue;
      add(
        'erofs-link-count',
        'warning',
        { ...inode.place, path },
        `${inode.place.structure}: ${inode.linkCount} links are stored, ${names} names lead to it`,
      );
    }
    checkInodeCount(volume, counts.size, add);
  } catch (error) {
    findings.push(faultFinding(error));
  }
  return findings;
}

type Add = (code: string, severity: Severity, where: Where, message: string) => void;

function checkSuperblock(volume: Volume, add: Add): void {
  const { checksum, facts } = volume.layout;
  const hex = (value: number): string => value.toString(16).padStart(8, '0');
  if (checksum !== undefined && checksum.stored !== checksum.computed) {
    const message = `its crc32c is stored as ${hex(checksum.stored)}, the bytes give ${hex(checksum.computed)}`;
    add('erofs-checksum', 'error', { structure: superblock.name, offset: SUPERBLOCK_AT + superblock.offsetOf('checksum') }, message);
  }
  const size = facts.blockCount * facts.blockSize;
  if (size > volume.source.size) {
    const message = `${facts.blockCount} blocks of ${facts.blockSize} are announced, the image has ${volume.source.size} bytes`;
    add('erofs-short', 'error', { structure: superblock.name, offset: SUPERBLOCK_AT + superblock.offsetOf('blocksLow') }, message);
  }
}

/** The packed and the metabox inode have no name; not every mkfs counts them. */
function checkInodeCount({ layout }: Volume, named: number, add: Add): void {
  const { inodeCount } = layout.facts;
  const nameless = [layout.packedNid, layout.metaboxNid].filter((nid) => nid !== 0n).length;
  if (inodeCount >= named && inodeCount <= named + nameless) return;
  const where = { structure: superblock.name, offset: SUPERBLOCK_AT + superblock.offsetOf('inodeCount') };
  add('erofs-inode-count', 'note', where, `${inodeCount} inodes are announced, ${named} are there`);
}

/** The kernel finds names by halving, so order matters; it lists types from the records, so they must be those of the inodes. */
function checkDirectory(volume: Volume, { inode, entry, parentNid, records }: Visit, add: Add): void {
  const where = { ...inode.place, path: entry.path };
  for (const [index, record] of records.entries()) {
    const before = records[index - 1];
    if (before !== undefined && compareNames(before.name, record.name) >= 0) {
      add(
        'erofs-directory-order',
        'error',
        where,
        `${inode.place.structure}: ${JSON.stringify(record.name)} comes after ${JSON.stringify(before.name)}`,
      );
    }
    const expected = record.name === '.' ? inode.nid : record.name === '..' ? parentNid : undefined;
    if (expected !== undefined && record.nid !== expected) {
      add(
        'erofs-directory-dots',
        'error',
        where,
        `${inode.place.structure}: "${record.name}" leads to inode ${record.nid}, not ${expected}`,
      );
    }
    const type = DIRENT_MODES[record.type];
    const target = expected === undefined ? readInode(volume, record.nid) : undefined;
    if (target !== undefined && type !== target.type) {
      add(
        'erofs-directory-type',
        'error',
        where,
        `${inode.place.structure}: ${JSON.stringify(record.name)} has type ${record.type}, its inode is a ${target.kind}`,
      );
    }
  }
}

/** Reads all that is stored of a file and returns what is left of the budget. Throws what reading throws, and LIMIT. */
function readStored(volume: Volume, inode: Inode, budget: number): number {
  const content = contentOf(volume, inode);
  const piece = new Uint8Array(Math.min(PIECE_SIZE, content.size));
  let left = budget;
  for (let at = 0; at < content.size; ) {
    const span = content.spanAt(at);
    for (let from = at; !span.hole && from < span.end; from += PIECE_SIZE) {
      const count = Math.min(PIECE_SIZE, span.end - from);
      left -= count;
      if (left < 0)
        throw new KindlingError(
          'LIMIT',
          `${inode.place.structure}: contents unpack to more than ${RATIO_MAX} times the image`,
          inode.place,
        );
      span.fill(from - span.at, piece.subarray(0, count));
    }
    at = span.end;
  }
  return left;
}
