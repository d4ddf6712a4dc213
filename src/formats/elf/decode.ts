// Opens an ELF object: reads the header at once, the two tables when they are asked for, and contents only by range.
import { asciiFrom, type ByteSource, nameFromBytes } from '../../bytes/index.ts';
import { KindlingError, located } from '../../errors.ts';
import {
  type ElfClass,
  type Endian,
  EXTENDED,
  HEADER_SIZE_MOST,
  type Layout,
  layoutOf,
  MACHINES,
  MAGIC,
  SECTION,
  TYPES,
} from './structs.ts';

/** One section. `at` and `size` are in bytes of the file; a section without bytes (`.bss`) has `stored` false. */
export interface Section {
  readonly name: string;
  /** sh_type */
  readonly type: number;
  readonly at: number;
  readonly size: number;
  /** sh_link: index of a related section, the string table of a symbol table for one. */
  readonly link: number;
  readonly align: number;
  readonly stored: boolean;
}

/** One segment. `at` and `size` are in bytes of the file. */
export interface Segment {
  /** p_type */
  readonly type: number;
  readonly at: number;
  readonly size: number;
  readonly align: number;
}

/** An opened object. Tables are read on first use and checked against the size of the file. */
export interface Elf {
  readonly class: ElfClass;
  readonly endian: Endian;
  /** e_machine by name, as in `MACHINES` ("x86_64", "aarch64", "machine-999"). */
  readonly machine: string;
  /** e_type by name ("relocatable", "executable", "shared", "core", "type-65280"). */
  readonly type: string;
  readonly source: ByteSource;
  readonly sections: readonly Section[];
  readonly segments: readonly Segment[];
  /** Where a virtual address lies in the file, or undefined when no loadable segment holds it. */
  fileOffsetOf(address: bigint): number | undefined;
  readonly layout: Layout;
}

/** More sections than the largest real kernel built with one section per function has. */
const SECTIONS_MOST = 1 << 18;
const SEGMENTS_MOST = 1 << 12;
const NAMES_SIZE_MOST = 1 << 24;

/** The header of an ELF file and its layout. Throws BAD_MAGIC, BAD_VALUE or TRUNCATED. */
export function openHeader(source: ByteSource) {
  const ident = source.read(0, Math.min(source.size, HEADER_SIZE_MOST));
  for (let at = 0; at < MAGIC.length; at++) {
    if (ident[at] !== MAGIC[at]) {
      const found = asciiFrom(ident.subarray(0, 4));
      throw new KindlingError('BAD_MAGIC', `the file starts with ${JSON.stringify(found)}, not with "\\u007fELF"`, place('ELF header', 0));
    }
  }
  const [elfClass, encoding] = [ident[4], ident[5]];
  if (elfClass !== 1 && elfClass !== 2) throw bad(`the ELF class is ${elfClass}, not 1 (32-bit) or 2 (64-bit)`, 'ELF header', 4);
  if (encoding !== 1 && encoding !== 2) throw bad(`the byte order is ${encoding}, not 1 (little) or 2 (big)`, 'ELF header', 5);
  const layout = layoutOf(elfClass === 1 ? 32 : 64, encoding === 1 ? 'little' : 'big');
  const header = layout.header.decode(ident);
  return { layout, header };
}

/** Opens an ELF file. Throws BAD_MAGIC, BAD_VALUE, TRUNCATED or LIMIT; the tables throw the same on first use. */
export function open(source: ByteSource): Elf {
  const { layout, header } = openHeader(source);
  let sections: readonly Section[] | undefined;
  let segments: readonly MappedSegment[] | undefined;
  const mapped = () => {
    segments ??= readSegments(source, layout, header);
    return segments;
  };
  return {
    class: layout.class,
    endian: layout.endian,
    machine: MACHINES.get(header.machine) ?? `machine-${header.machine}`,
    type: TYPES[header.type] ?? `type-${header.type}`,
    source,
    layout,
    get sections() {
      sections ??= readSections(source, layout, header);
      return sections;
    },
    get segments() {
      return mapped();
    },
    fileOffsetOf(address) {
      for (const segment of mapped()) {
        if (segment.type !== 1 || address < segment.address) continue;
        const distance = address - segment.address;
        if (distance < BigInt(segment.size)) return segment.at + Number(distance);
      }
      return undefined;
    },
  };
}

type Header = ReturnType<Layout['header']['decode']>;
interface MappedSegment extends Segment {
  readonly address: bigint;
}

function readSegments(source: ByteSource, layout: Layout, header: Header): MappedSegment[] {
  if (header.segmentsAt === 0) return [];
  let count = header.segmentCount;
  if (count === EXTENDED && header.sectionsAt !== 0) count = firstSection(source, layout, header).info;
  if (count === 0) return [];
  const entrySize = checkedEntrySize(header.segmentSize, layout.segment.size, 'ELF program header');
  if (count > SEGMENTS_MOST) throw limit(`${count} program headers, at most ${SEGMENTS_MOST} are read`, 'ELF program header');
  const table = ranged(source, header.segmentsAt, count * entrySize, 'ELF program header table');
  const segments: MappedSegment[] = [];
  for (let index = 0; index < count; index++) {
    const raw = layout.segment.decode(table, index * entrySize);
    segments.push({ type: raw.type, at: raw.at, size: raw.fileSize, align: alignment(raw.align), address: raw.address });
  }
  return segments;
}

function readSections(source: ByteSource, layout: Layout, header: Header): Section[] {
  const table = openSectionTable(source, layout, header);
  if (table === undefined) return [];
  const sections: Section[] = [];
  for (let index = 0; index < table.count; index++) {
    const raw = layout.section.decode(table.bytes, index * table.entrySize);
    const stored = raw.type !== SECTION.nobits && raw.type !== SECTION.null;
    const name = stringAt(table.names, raw.name);
    sections.push({ name, type: raw.type, at: raw.at, size: raw.size, link: raw.link, align: alignment(raw.align), stored });
  }
  return sections;
}

/** The raw section header table and the section name strings; undefined for a file without sections. */
export function openSectionTable(source: ByteSource, layout: Layout, header: Header) {
  if (header.sectionsAt === 0) return undefined;
  const entrySize = checkedEntrySize(header.sectionSize, layout.section.size, 'ELF section header');
  let count = header.sectionCount;
  let namesIndex = header.namesIndex;
  if (count === 0 || namesIndex === EXTENDED) {
    const first = firstSection(source, layout, header);
    if (count === 0) count = first.size;
    if (namesIndex === EXTENDED) namesIndex = first.link;
  }
  if (count > SECTIONS_MOST) throw limit(`${count} section headers, at most ${SECTIONS_MOST} are read`, 'ELF section header');
  const bytes = ranged(source, header.sectionsAt, count * entrySize, 'ELF section header table');
  let names: Uint8Array = new Uint8Array(0);
  if (namesIndex !== 0 && count > 0) {
    if (namesIndex >= count)
      throw bad(`section names are in section ${namesIndex} of ${count}`, 'ELF header', layout.header.offsetOf('namesIndex'));
    const raw = layout.section.decode(bytes, namesIndex * entrySize);
    if (raw.type !== SECTION.nobits) {
      if (raw.size > NAMES_SIZE_MOST)
        throw limit(`${raw.size} bytes of section names, at most ${NAMES_SIZE_MOST} are read`, 'ELF section names');
      names = ranged(source, raw.at, raw.size, 'ELF section names');
    }
  }
  return { bytes, count, entrySize, names };
}

function firstSection(source: ByteSource, layout: Layout, header: Header) {
  return layout.section.decode(ranged(source, header.sectionsAt, layout.section.size, 'ELF section header table'));
}

function checkedEntrySize(found: number, expected: number, structure: string): number {
  if (found < expected) throw bad(`the header says ${found} bytes for each, expected ${expected}`, structure, 0);
  return found;
}

function alignment(raw: bigint): number {
  return raw > 0x40000000n ? 0 : Number(raw);
}

/** The NUL-ended string at `at` of a string table; empty outside it. */
export function stringAt(table: Uint8Array, at: number): string {
  if (at >= table.length) return '';
  const end = table.indexOf(0, at);
  return nameFromBytes(table.subarray(at, end < 0 ? table.length : end));
}

/** Reads a range, naming the structure when it leaves the file. */
export function ranged(source: ByteSource, at: number, size: number, structure: string): Uint8Array {
  try {
    return source.read(at, size);
  } catch (error) {
    throw located(error, place(structure, at));
  }
}

/** The bytes of one section; empty for one that stores none. Throws LIMIT above `most` bytes, TRUNCATED outside the file. */
export function sectionBytes(elf: Elf, section: Section, most = 1 << 28): Uint8Array {
  if (!section.stored) return new Uint8Array(0);
  if (section.size > most)
    throw limit(`section ${section.name} has ${section.size} bytes, at most ${most} are read`, `ELF section ${section.name}`);
  return ranged(elf.source, section.at, section.size, `ELF section ${section.name}`);
}

function place(structure: string, offset: number) {
  return { structure, offset };
}
function bad(message: string, structure: string, offset: number): KindlingError {
  return new KindlingError('BAD_VALUE', message, place(structure, offset));
}
function limit(message: string, structure: string): KindlingError {
  return new KindlingError('LIMIT', message, { structure });
}
