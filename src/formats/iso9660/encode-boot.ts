// El Torito: the boot record, the catalog, and what firmware programs want to find in their own bytes.
import { alignUp, bytesSource, concat, readAll, u16le, u32le, u64le, utf8 } from '../../bytes/index.ts';
import type { Node, Nodes, Tree } from '../../tree/index.ts';
import type { Contents, Stored } from './encode-content.ts';
import { refuse } from './faults.ts';
import type { BootEntry, EncodeOptions } from './options.ts';
import {
  BOOT_INFO,
  bootInfoTable,
  bootRecord,
  catalogEntry,
  DESCRIPTOR_TYPES,
  EL_TORITO,
  GRUB2_INFO,
  INDICATORS,
  PLATFORM_IDS,
  SECTOR_SIZE,
  STANDARD_ID,
  sectionHeader,
  VALIDATION,
  validationEntry,
} from './structs.ts';

/** Sectors that a BIOS loads of a program unless told. */
const BIOS_SECTORS = 4;
const BOOT_SECTOR_SIZE = 512;
/** The primary descriptor's place, which boot info tables name. */
const PRIMARY_BLOCK = 16;
/** Bytes of an image that is changed on the way. */
const CHANGED_MOST = 64 * 1024 * 1024;
const ENTRIES_MOST = 32;

/** Boot entries with the nodes of their files. */
export interface Boots {
  readonly entries: readonly { readonly boot: BootEntry; readonly node: Node; readonly size: number }[];
  /** Files that are changed. */
  readonly changed: ReadonlySet<Node>;
}

/** Finds the files of the boot entries. Throws NO_ENTRY for one that is not there, BAD_VALUE for one that cannot be changed as asked. */
export function bootsOf(tree: Tree, nodes: Nodes, { bootEntries = [] }: EncodeOptions): Boots {
  if (bootEntries.length > ENTRIES_MOST) throw refuse(`${bootEntries.length} boot entries, at most ${ENTRIES_MOST} are written`);
  const changed = new Set<Node>();
  const entries = bootEntries.map((boot) => {
    const { path } = boot;
    const found = tree.get(path);
    const node = found === undefined ? undefined : nodes.of(found);
    if (node?.entry.kind !== 'file') throw refuse(`there is no file "${path}", which a boot entry is for`, path, 'NO_ENTRY');
    const { size } = node.entry.content;
    const least = boot.grub2BootInfo ? GRUB2_INFO.at + GRUB2_INFO.size : boot.bootInfoTable ? BOOT_INFO.sumAt : 1;
    if (size < least) throw refuse(`the boot image "${path}" has ${size} bytes, at least ${least} are needed`, path);
    if (boot.bootInfoTable || boot.grub2BootInfo) {
      if (size > CHANGED_MOST) throw refuse(`the boot image "${path}" has ${size} bytes, at most ${CHANGED_MOST} are changed`, path);
      changed.add(node);
    }
    return { boot, node, size };
  });
  return { entries, changed };
}

/** Puts the boot information into the images, whose places are known now. */
export function changeBootImages({ entries, changed }: Boots, contents: Contents): void {
  for (const node of changed) {
    const wanted = entries.filter((one) => one.node === node).map(({ boot }) => boot);
    const stored = contents.of(node);
    const bytes = readAll(stored.content).slice();
    if (wanted.some(({ grub2BootInfo }) => grub2BootInfo)) {
      const sector = stored.block * (SECTOR_SIZE / BOOT_SECTOR_SIZE) + GRUB2_INFO.ahead;
      u64le.set(new DataView(bytes.buffer), GRUB2_INFO.at, BigInt(sector));
    }
    // last, since its checksum is of what is stored
    if (wanted.some(({ bootInfoTable: isWanted }) => isWanted)) putBootInfo(bytes, stored);
    stored.content = bytesSource(bytes);
  }
}

function putBootInfo(bytes: Uint8Array, { block }: Stored): void {
  let checksum = 0;
  const view = new DataView(bytes.buffer);
  for (let at: number = BOOT_INFO.sumAt; at < bytes.length; at += 4) {
    const left = bytes.length - at;
    const word = left >= 4 ? u32le.get(view, at) : bytes.subarray(at).reduceRight((value, byte) => value * 256 + byte, 0);
    checksum = (checksum + word) >>> 0;
  }
  const table = { descriptorBlock: PRIMARY_BLOCK, imageBlock: block, imageSize: bytes.length, checksum, reserved: new Uint8Array(40) };
  bootInfoTable.encodeInto(view, BOOT_INFO.at, table);
}

/** The descriptor that leads to the catalog; always in sector 17. */
export function bootDescriptor(catalogBlock: number): Uint8Array {
  const fixed = { type: DESCRIPTOR_TYPES.boot, id: STANDARD_ID, version: 1, systemId: utf8(EL_TORITO), unused: new Uint8Array(0) };
  return bootRecord.encode({ ...fixed, catalogBlock });
}

function loadSectors({ platform, loadSectors: asked }: BootEntry, size: number): number {
  if (asked !== undefined) return asked;
  if (platform === 'bios') return BIOS_SECTORS;
  const whole = Math.ceil(size / BOOT_SECTOR_SIZE);
  return whole > 0xffff ? 0 : whole; // UEFI 13.3.2.1: 0 is the rest of the disc, a size that does not fit cannot be said
}

/** Bytes of the catalog. */
export function catalogSize(entryCount: number): number {
  // at worst each entry has a section of its own
  return alignUp(validationEntry.size + entryCount * (sectionHeader.size + catalogEntry.size), SECTOR_SIZE);
}

/** The catalog: the first entry is the default one, the others are in sections of one platform each. */
export function catalogBytes(boots: Boots, contents: Contents): Uint8Array {
  const catalog = new Uint8Array(catalogSize(boots.entries.length));
  const record = ({ boot, node, size }: Boots['entries'][number]): Uint8Array =>
    catalogEntry.encode({
      ...{ indicator: INDICATORS.bootable, media: 0, loadSegment: 0, systemType: 0, unused: 0, rest: new Uint8Array(0) },
      ...{ loadSectors: loadSectors(boot, size), block: contents.of(node).block },
    });
  const [first, ...others] = boots.entries;
  const parts = [validation(PLATFORM_IDS[first!.boot.platform]), record(first!)];
  const sections: Boots['entries'][number][][] = [];
  for (const entry of others) {
    const last = sections.at(-1);
    if (last?.[0]?.boot.platform === entry.boot.platform) last.push(entry);
    else sections.push([entry]);
  }
  for (const [index, section] of sections.entries()) {
    const indicator = index === sections.length - 1 ? INDICATORS.lastSection : INDICATORS.section;
    const platform = PLATFORM_IDS[section[0]!.boot.platform];
    parts.push(sectionHeader.encode({ indicator, platform, count: section.length, id: new Uint8Array(0) }), ...section.map(record));
  }
  catalog.set(concat(parts));
  return catalog;
}

function validation(platform: number): Uint8Array {
  const entry = validationEntry.encode({ ...VALIDATION, platform, reserved: 0, id: new Uint8Array(0), checksum: 0 });
  const view = new DataView(entry.buffer);
  let sum = 0;
  for (let at = 0; at < entry.length; at += 2) sum += u16le.get(view, at);
  u16le.set(view, validationEntry.offsetOf('checksum'), -sum & 0xffff);
  return entry;
}
