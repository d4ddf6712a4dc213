// Checks an ISO 9660 image: reads every directory, and compares what is stored twice. Never throws on a bad image.
import { alignUp, type ByteSource, u16be, u16le, u32be, u32le } from '../../bytes/index.ts';
import { type Finding, KindlingError } from '../../errors.ts';
import { type DecodeOptions, decode, ENTRIES_MAX, type View, viewOf, walk } from './decode.ts';
import { bytesAt, type Descriptor, openVolume, type Volume } from './decode-volume.ts';
import { pathRecordL, SYSTEM_AREA_SIZE, volumeDescriptor } from './structs.ts';

const PATH_TABLE_MOST = 32 * 1024 * 1024;

function faultFinding(error: unknown): Finding {
  if (!(error instanceof KindlingError)) throw error;
  return {
    code: `iso9660-${error.code.toLowerCase().replaceAll('_', '-')}`,
    severity: 'error',
    where: error.where,
    message: error.message,
  };
}

/**
 * All that is wrong with an image: what stops `decode`, an image shorter than it says, numbers whose two byte orders differ, path tables that
 * do not lead to the directories. Contents have no checksums. Codes: docs/formats/iso9660.md.
 */
export function check(source: ByteSource, options: DecodeOptions = {}): Finding[] {
  const findings: Finding[] = [];
  try {
    const volume = openVolume(source);
    const view = viewOf(volume, options.names);
    findings.push(...sizeFindings(volume), ...orderFindings(volume), ...pathTableFindings(volume, view, options));
    decode(source, options);
  } catch (error) {
    findings.push(faultFinding(error));
  }
  return findings;
}

function sizeFindings({ source, primary, blockSize }: Volume): Finding[] {
  const size = primary.blockCount * blockSize;
  if (size <= source.size) return [];
  const where = { structure: volumeDescriptor.name, offset: SYSTEM_AREA_SIZE + volumeDescriptor.offsetOf('blockCount') };
  return [{ code: 'iso9660-short', severity: 'error', where, message: `${size} bytes are announced, the image has ${source.size}` }];
}

function orderFindings({ source }: Volume): Finding[] {
  const sector = source.read(SYSTEM_AREA_SIZE, volumeDescriptor.size);
  const view = new DataView(sector.buffer, sector.byteOffset, sector.byteLength);
  return (['blockCount', 'blockSize', 'pathTableSize'] as const).flatMap((field) => {
    const at = volumeDescriptor.offsetOf(field);
    const [little, big] = field === 'blockSize' ? [u16le, u16be] : [u32le, u32be];
    const [found, other] = [little.get(view, at), big.get(view, at + little.size)];
    if (found === other) return [];
    const where = { structure: volumeDescriptor.name, offset: SYSTEM_AREA_SIZE + at };
    return [
      {
        code: 'iso9660-byte-order',
        severity: 'error' as const,
        where,
        message: `${field} is ${found} in one order, ${other} in the other`,
      },
    ];
  });
}

/** The blocks that a path table names. */
function pathTableBlocks(volume: Volume, block: number, size: number, order: 'little' | 'big'): number[] {
  if (size > PATH_TABLE_MOST) throw new KindlingError('LIMIT', `a path table of ${size} bytes`, { structure: 'path table' });
  const bytes = bytesAt(volume, block * volume.blockSize, size, 'path table');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks: number[] = [];
  for (let at = 0; at + pathRecordL.size <= bytes.length && bytes[at] !== 0; at += pathRecordL.size + alignUp(bytes[at]!, 2)) {
    blocks.push((order === 'little' ? u32le : u32be).get(view, at + pathRecordL.offsetOf('block')) + bytes[at + 1]!);
  }
  return blocks;
}

/** Linux goes by directories alone; other systems, and boot programs, by path tables. */
function pathTableFindings(volume: Volume, view: View, options: DecodeOptions): Finding[] {
  const descriptor: Descriptor = view.names === 'joliet' ? volume.joliet! : volume.primary;
  const { pathTableL, pathTableM, pathTableSize } = descriptor;
  const warning = (offset: number, message: string, path?: string): Finding => ({
    ...{ code: 'iso9660-path-table', severity: 'warning', message },
    where: { structure: 'path table', offset, ...(path === undefined ? {} : { path }) },
  });
  const at = pathTableL * volume.blockSize;
  const little = pathTableBlocks(volume, pathTableL, pathTableSize, 'little');
  const big = pathTableBlocks(volume, pathTableM, pathTableSize, 'big');
  const findings: Finding[] = [];
  if (little.join() !== big.join()) findings.push(warning(at, 'the two path tables are not the same'));
  const named = new Set(little);
  walk(volume, view, options.limits?.entries ?? ENTRIES_MAX, ({ entry, record }) => {
    const { at: extentAt } = record.sections[0]!;
    if (entry.kind === 'directory' && !named.has(extentAt / volume.blockSize))
      findings.push(warning(at, `it does not name the directory at ${extentAt}`, entry.path));
  });
  return findings;
}
