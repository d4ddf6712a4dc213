// PE/COFF, as far as kernels need it: is it one, for which machine, and where is a section (a unified kernel image keeps the kernel in ".linux").
import { asciiFrom, type ByteSource, sliceSource, u32le } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { COFF_HEADER, COFF_MACHINES, COFF_SECTION, MZ_PE_POINTER_AT } from './structs.ts';

/** A PE file's machine (as ELF names it) and sections. */
export interface Pe {
  readonly machine: string;
  readonly sections: readonly { readonly name: string; readonly at: number; readonly size: number }[];
}

const SECTIONS_MOST = 512;

/** Reads the PE headers; undefined when the file is no PE. Throws TRUNCATED or LIMIT when it is a damaged one. */
export function openPe(source: ByteSource): Pe | undefined {
  if (source.size < MZ_PE_POINTER_AT + 4 || asciiFrom(source.read(0, 2)) !== 'MZ') return undefined;
  const pointer = source.read(MZ_PE_POINTER_AT, 4);
  const peAt = u32le.get(new DataView(pointer.buffer, pointer.byteOffset, 4), 0);
  if (peAt + 4 + COFF_HEADER.size > source.size || asciiFrom(source.read(peAt, 4)) !== 'PE\0\0') return undefined;
  const header = COFF_HEADER.decode(source.read(peAt + 4, COFF_HEADER.size));
  if (header.sectionCount > SECTIONS_MOST) {
    throw new KindlingError('LIMIT', `${header.sectionCount} sections, at most ${SECTIONS_MOST} are read`, {
      structure: 'COFF header',
      offset: peAt + 4,
    });
  }
  const tableAt = peAt + 4 + COFF_HEADER.size + header.optionalSize;
  const table = source.read(tableAt, header.sectionCount * COFF_SECTION.size);
  const sections = Array.from({ length: header.sectionCount }, (_, index) => {
    const raw = COFF_SECTION.decode(table, index * COFF_SECTION.size);
    // the raw size is padded to the file alignment; the virtual size is the real one where it is smaller
    const size = raw.virtualSize > 0 ? Math.min(raw.virtualSize, raw.rawSize) : raw.rawSize;
    return { name: asciiFrom(raw.name).replace(/\0.*$/s, ''), at: raw.rawAt, size };
  });
  return { machine: COFF_MACHINES.get(header.machine) ?? `coff-${header.machine}`, sections };
}

/** The bytes of a section; undefined when there is none of that name. Throws TRUNCATED. */
export function peSection(source: ByteSource, pe: Pe, name: string): ByteSource | undefined {
  const section = pe.sections.find((one) => one.name === name);
  return section === undefined ? undefined : sliceSource(source, section.at, section.size);
}
