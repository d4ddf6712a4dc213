// Reads the headers of a PE image; the sections stay where they are. Kernels are such images as well, some with headers that are barely filled in:
// what a reader of sections does not need may be missing.
import { asciiFrom, type ByteSource, sliceSource, u32le } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import {
  CERTIFICATES,
  COFF_HEADER,
  DATA_DIRECTORY,
  MACHINES,
  MAGIC,
  PE_POINTER_AT,
  PE_SIGNATURE,
  PE32_HEADER,
  PE32_PLUS_HEADER,
  SECTION_HEADER,
  SECTIONS_MOST,
} from './structs.ts';

/** A section of an image. */
export interface PeSection {
  readonly name: string;
  /** Where its bytes are in the file, and how many are its own: padding is not among them. */
  readonly at: number;
  readonly size: number;
  /** Where it is in memory, and how much it takes there. */
  readonly address: number;
  readonly memorySize: number;
}

/** What the headers of a PE image say, and where its sections are. */
export interface Pe {
  /** As ELF names it. */
  readonly machine: string;
  readonly bits: 32 | 64 | undefined;
  /** 10: a program that firmware starts; undefined where there is no optional header. */
  readonly subsystem: number | undefined;
  readonly sections: readonly PeSection[];
  /** Where a table of signatures is; undefined for an image without. */
  readonly signatures: { readonly at: number; readonly size: number } | undefined;
}

/** Where the "PE" signature is, or undefined when the file is no PE image. */
export function signatureAt(source: ByteSource): number | undefined {
  if (source.size < PE_POINTER_AT + 4 || asciiFrom(source.read(0, 2)) !== 'MZ') return undefined;
  const pointer = source.read(PE_POINTER_AT, 4);
  const at = u32le.get(new DataView(pointer.buffer, pointer.byteOffset, 4), 0);
  if (at + 4 + COFF_HEADER.size > source.size || asciiFrom(source.read(at, 4)) !== PE_SIGNATURE) return undefined;
  return at;
}

/** Whether a file is a PE image. */
export function detect(source: ByteSource): boolean {
  return signatureAt(source) !== undefined;
}

/** Reads the headers. Throws BAD_MAGIC for what is no PE image, TRUNCATED or LIMIT for a damaged one. */
export function decode(source: ByteSource): Pe {
  const at = signatureAt(source);
  if (at === undefined)
    throw new KindlingError('BAD_MAGIC', 'no PE image: there is no "MZ" that leads to a "PE"', { structure: 'PE', offset: 0 });
  const header = COFF_HEADER.decode(source.read(at + 4, COFF_HEADER.size));
  if (header.sectionCount > SECTIONS_MOST) {
    throw new KindlingError('LIMIT', `${header.sectionCount} sections, at most ${SECTIONS_MOST} are read`, {
      structure: 'COFF header',
      offset: at + 4,
    });
  }
  const optionalAt = at + 4 + COFF_HEADER.size;
  const optional = source.read(optionalAt, header.optionalSize);
  const table = source.read(optionalAt + header.optionalSize, header.sectionCount * SECTION_HEADER.size);
  const sections = Array.from({ length: header.sectionCount }, (_, index): PeSection => {
    const raw = SECTION_HEADER.decode(table, index * SECTION_HEADER.size);
    // the raw size is padded to the file alignment; the virtual size is the real one where it is smaller
    const size = raw.virtualSize > 0 ? Math.min(raw.virtualSize, raw.rawSize) : raw.rawSize;
    const name = asciiFrom(raw.name).replace(/\0.*$/s, '');
    return { name, at: raw.rawAt, size, address: raw.virtualAddress, memorySize: raw.virtualSize };
  });
  return { machine: MACHINES.get(header.machine) ?? `coff-${header.machine}`, ...optionalOf(optional), sections };
}

function optionalOf(bytes: Uint8Array): Pick<Pe, 'bits' | 'subsystem' | 'signatures'> {
  const magic = bytes.length < 2 ? 0 : bytes[0]! | (bytes[1]! << 8);
  const layout = magic === MAGIC.pe32Plus ? PE32_PLUS_HEADER : magic === MAGIC.pe32 ? PE32_HEADER : undefined;
  if (layout === undefined || bytes.length < layout.size) return { bits: undefined, subsystem: undefined, signatures: undefined };
  const { subsystem, directoryCount } = layout.decode(bytes);
  const directoryAt = layout.size + CERTIFICATES * DATA_DIRECTORY.size;
  const isListed = directoryCount > CERTIFICATES && directoryAt + DATA_DIRECTORY.size <= bytes.length;
  const { address, size } = isListed ? DATA_DIRECTORY.decode(bytes, directoryAt) : { address: 0, size: 0 };
  return { bits: layout === PE32_HEADER ? 32 : 64, subsystem, signatures: size === 0 ? undefined : { at: address, size } };
}

/** The bytes of a section; undefined when there is none of that name. Throws TRUNCATED. */
export function section(source: ByteSource, pe: Pe, name: string): ByteSource | undefined {
  const found = pe.sections.find((one) => one.name === name);
  return found === undefined ? undefined : sliceSource(source, found.at, found.size);
}
