// Writes small ELF objects from the same structures that are read: header, program headers, contents, section names, section headers.
// Virtual addresses equal file offsets, so an address can be computed before anything is written.
import { alignUp, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { type ElfClass, type Endian, type Layout, layoutOf, MACHINES, MAGIC, SECTION, TYPES } from './structs.ts';

/** A section to write. */
export interface SectionSpec {
  readonly name: string;
  readonly type: number;
  /** The bytes; or, where they hold addresses, their size and a function that makes them once all places are known. */
  readonly content: Uint8Array | { readonly size: number; make(addressOf: (section: string) => number): Uint8Array };
  /** Name of the section that sh_link is to point at. */
  readonly link?: string;
  readonly align?: number;
  readonly entrySize?: number;
}

/** A segment to write: over one section, or over the whole file. */
export interface SegmentSpec {
  readonly type: number;
  readonly section?: string;
  readonly align?: number;
}

/** An object to write. Machine and type are given by name, as `open` gives them. */
export interface ElfSpec {
  readonly class: ElfClass;
  readonly endian: Endian;
  readonly machine: string;
  readonly type: (typeof TYPES)[number];
  readonly sections: readonly SectionSpec[];
  readonly segments?: readonly SegmentSpec[];
}

/** Encodes an object. Throws BAD_VALUE for a machine, link or section name that is not there. */
export function encode(spec: ElfSpec): Uint8Array {
  const layout = layoutOf(spec.class, spec.endian);
  const segments = spec.segments ?? [];
  const names = sectionNames(spec.sections);
  const sections: SectionSpec[] = [...spec.sections, { name: '.shstrtab', type: SECTION.strtab, content: names.bytes }];
  const places: { at: number; size: number }[] = [];
  let at = layout.header.size + segments.length * layout.segment.size;
  for (const section of sections) {
    at = alignUp(at, section.align ?? 1);
    const { content } = section;
    const size = content instanceof Uint8Array ? content.length : content.size;
    places.push({ at, size });
    at += size;
  }
  const sectionsAt = alignUp(at, 8);
  const bytes = new Uint8Array(sectionsAt + (sections.length + 1) * layout.section.size);
  const indexOf = (name: string) => {
    const index = sections.findIndex((section) => section.name === name);
    if (index < 0) throw new KindlingError('BAD_VALUE', `there is no section "${name}" to point at`, { structure: 'ELF section header' });
    return index;
  };
  bytes.set(encodeHeader(spec, layout, segments.length, sections.length + 1, sectionsAt));
  for (const [index, segment] of segments.entries()) {
    const place = segment.section === undefined ? { at: 0, size: bytes.length } : places[indexOf(segment.section)]!;
    bytes.set(encodeSegment(layout, segment, place), layout.header.size + index * layout.segment.size);
  }
  for (const [index, section] of sections.entries()) {
    const place = places[index]!;
    const content = section.content instanceof Uint8Array ? section.content : section.content.make((name) => places[indexOf(name)]!.at);
    bytes.set(content, place.at);
    const row = layout.section.encode({
      name: names.at.get(section.name)!,
      type: section.type,
      flags: 0n,
      address: 0n,
      at: place.at,
      size: place.size,
      link: section.link === undefined ? 0 : indexOf(section.link) + 1,
      info: 0,
      align: BigInt(section.align ?? 1),
      entrySize: section.entrySize ?? 0,
    });
    bytes.set(row, sectionsAt + (index + 1) * layout.section.size);
  }
  return bytes;
}

function sectionNames(sections: readonly SectionSpec[]): { bytes: Uint8Array; at: Map<string, number> } {
  const at = new Map<string, number>();
  let text = '\0';
  for (const name of [...sections.map((section) => section.name), '.shstrtab']) {
    if (at.has(name)) continue;
    at.set(name, utf8(text).length);
    text += `${name}\0`;
  }
  return { bytes: utf8(text), at };
}

function encodeHeader(spec: ElfSpec, layout: Layout, segmentCount: number, sectionCount: number, sectionsAt: number): Uint8Array {
  const machine = [...MACHINES].find(([, name]) => name === spec.machine)?.[0];
  if (machine === undefined)
    throw new KindlingError('BAD_VALUE', `"${spec.machine}" is no machine known here`, { structure: 'ELF header' });
  return layout.header.encode({
    magic: MAGIC,
    class: spec.class === 32 ? 1 : 2,
    encoding: spec.endian === 'little' ? 1 : 2,
    identVersion: 1,
    abi: 0,
    abiVersion: 0,
    padding: new Uint8Array(7),
    type: TYPES.indexOf(spec.type),
    machine,
    version: 1,
    entry: 0n,
    segmentsAt: segmentCount === 0 ? 0 : layout.header.size,
    sectionsAt,
    flags: 0,
    headerSize: layout.header.size,
    segmentSize: layout.segment.size,
    segmentCount,
    sectionSize: layout.section.size,
    sectionCount,
    namesIndex: sectionCount - 1,
  });
}

function encodeSegment(layout: Layout, segment: SegmentSpec, place: { at: number; size: number }): Uint8Array {
  const address = BigInt(place.at);
  return layout.segment.encode({
    type: segment.type,
    flags: 5,
    at: place.at,
    address,
    physical: address,
    fileSize: place.size,
    memorySize: BigInt(place.size),
    align: BigInt(segment.align ?? 1),
  });
}
