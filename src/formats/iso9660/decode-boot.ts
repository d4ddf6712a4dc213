// The boot catalog of El Torito: what firmware may start, in all its sections.
import { u16le } from '../../bytes/index.ts';
import { bytesAt, type Volume } from './decode-volume.ts';
import { fault } from './faults.ts';
import type { BootPlatform } from './options.ts';
import { catalogEntry, INDICATORS, PLATFORM_IDS, SECTOR_SIZE, sectionHeader, VALIDATION, validationEntry } from './structs.ts';

/** One entry of a boot catalog. */
export interface FoundBootEntry {
  /** Undefined for firmware of another kind; `platformId` has its number. */
  readonly platform: BootPlatform | undefined;
  readonly platformId: number;
  readonly isBootable: boolean;
  /** 0: started as it is; 1 to 3 a floppy, 4 a hard disk. */
  readonly media: number;
  /** Sectors of 512 bytes that firmware loads. */
  readonly loadSectors: number;
  /** Where the image is, in bytes. */
  readonly at: number;
  /** A file of the tree that starts there. */
  readonly path: string | undefined;
}

const CATALOG_SIZE_MOST = 16 * SECTOR_SIZE;

function entryAt(bytes: Uint8Array, offset: number, platformId: number, pathAt: (at: number) => string | undefined): FoundBootEntry {
  const { indicator, media, loadSectors, block } = catalogEntry.decode(bytes, offset);
  const at = block * SECTOR_SIZE;
  const platform = (Object.keys(PLATFORM_IDS) as BootPlatform[]).find((one) => PLATFORM_IDS[one] === platformId);
  const isBootable = indicator === INDICATORS.bootable;
  return { platform, platformId, isBootable, media: media & 0xf, loadSectors, at, path: pathAt(at) };
}

/** Reads the catalog; empty when there is none. Throws TRUNCATED, BAD_VALUE, BAD_CHECKSUM. */
export function readBootEntries(volume: Volume, pathAt: (at: number) => string | undefined): FoundBootEntry[] {
  const { catalogAt, source } = volume;
  if (catalogAt === undefined) return [];
  const size = Math.max(SECTOR_SIZE, Math.min(CATALOG_SIZE_MOST, source.size - catalogAt));
  const bytes = bytesAt(volume, catalogAt, size, 'boot catalog');
  const { headerId, platform, key } = validationEntry.decode(bytes);
  if (headerId !== VALIDATION.headerId || key !== VALIDATION.key)
    throw fault(
      'BAD_VALUE',
      validationEntry.name,
      catalogAt,
      `it starts with ${headerId} and ends with ${key.toString(16)}, expected 1 and aa55`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = 0;
  for (let at = 0; at < validationEntry.size; at += 2) sum = (sum + u16le.get(view, at)) & 0xffff;
  if (sum !== 0) throw fault('BAD_CHECKSUM', validationEntry.name, catalogAt, `its words add up to ${sum.toString(16)}, expected 0`);
  const found = [entryAt(bytes, validationEntry.size, platform, pathAt)];
  for (let offset = validationEntry.size + catalogEntry.size; offset + sectionHeader.size <= bytes.length; ) {
    const header = sectionHeader.decode(bytes, offset);
    offset += sectionHeader.size;
    if (header.indicator !== INDICATORS.section && header.indicator !== INDICATORS.lastSection) break;
    for (let index = 0; index < header.count; index++) {
      if (offset + catalogEntry.size > bytes.length)
        throw fault('BAD_VALUE', sectionHeader.name, catalogAt + offset, `${header.count} entries, which go beyond the catalog`);
      found.push(entryAt(bytes, offset, header.platform, pathAt));
      offset += catalogEntry.size;
      while (bytes[offset] === INDICATORS.extension) offset += catalogEntry.size;
    }
    if (header.indicator === INDICATORS.lastSection) break;
  }
  return found;
}
