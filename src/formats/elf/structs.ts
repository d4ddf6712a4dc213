// ELF structures (System V ABI gABI 4.1 chapters 4 and 5): one declaration per structure and class, in both byte orders.
// Addresses are bigint here and never leave the folder; sizes and file offsets become numbers at once.
import { bytesField, type FieldKind, struct, toSize, u8, u16be, u16le, u32be, u32le, u64be, u64le } from '../../bytes/index.ts';

/** 32-bit or 64-bit objects. */
export type ElfClass = 32 | 64;
/** Byte order of every integer in the file (EI_DATA). */
export type Endian = 'little' | 'big';

function offset64(raw: FieldKind<bigint>): FieldKind<number> {
  return {
    size: 8,
    get: (view, at) => toSize(raw.get(view, at), 'an ELF offset or size'),
    set: (view, at, value) => raw.set(view, at, BigInt(value)),
  };
}

function address32(raw: FieldKind<number>): FieldKind<bigint> {
  return { size: 4, get: (view, at) => BigInt(raw.get(view, at)), set: (view, at, value) => raw.set(view, at, Number(value)) };
}

function layout(elfClass: ElfClass, endian: Endian) {
  const half = endian === 'little' ? u16le : u16be;
  const word = endian === 'little' ? u32le : u32be;
  const xword = endian === 'little' ? u64le : u64be;
  const wide = elfClass === 64;
  const offset = wide ? offset64(xword) : word;
  const address = wide ? xword : address32(word);
  const header = struct('ELF header', wide ? 64 : 52, {
    magic: bytesField(4),
    class: u8,
    encoding: u8,
    identVersion: u8,
    abi: u8,
    abiVersion: u8,
    padding: bytesField(7),
    type: half,
    machine: half,
    version: word,
    entry: address,
    segmentsAt: offset,
    sectionsAt: offset,
    flags: word,
    headerSize: half,
    segmentSize: half,
    segmentCount: half,
    sectionSize: half,
    sectionCount: half,
    namesIndex: half,
  });
  const section = struct('ELF section header', wide ? 64 : 40, {
    name: word,
    type: word,
    flags: address,
    address,
    at: offset,
    size: offset,
    link: word,
    info: word,
    align: address,
    entrySize: offset,
  });
  const segmentTail = { fileSize: offset, memorySize: address };
  const segmentHead = { at: offset, address, physical: address };
  // the flags moved when the structure grew, so that the 64-bit fields stay aligned
  const segment = wide
    ? struct('ELF program header', 56, { type: word, flags: word, ...segmentHead, ...segmentTail, align: address })
    : struct('ELF program header', 32, { type: word, ...segmentHead, ...segmentTail, flags: word, align: address });
  const symbolPlace = { info: u8, other: u8, section: half };
  const symbol = wide
    ? struct('ELF symbol', 24, { name: word, ...symbolPlace, value: address, size: address })
    : struct('ELF symbol', 16, { name: word, value: address, size: address, ...symbolPlace });
  const dynamic = struct('ELF dynamic entry', wide ? 16 : 8, { tag: address, value: address });
  const note = struct('ELF note', 12, { nameSize: word, descSize: word, type: word });
  return { class: elfClass, endian, header, section, segment, symbol, dynamic, note };
}

/** The structures of one class and byte order. */
export type Layout = ReturnType<typeof layout>;

const LAYOUTS = {
  '32little': layout(32, 'little'),
  '32big': layout(32, 'big'),
  '64little': layout(64, 'little'),
  '64big': layout(64, 'big'),
};

/** Picks the structures of one class and byte order. */
export function layoutOf(elfClass: ElfClass, endian: Endian): Layout {
  return LAYOUTS[`${elfClass}${endian}`];
}

export const MAGIC = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46);
/** Size of the larger of the two headers. */
export const HEADER_SIZE_MOST = 64;

/** Section types (sh_type) that are used here; a nobits section takes no bytes of the file. */
export const SECTION = { null: 0, progbits: 1, symtab: 2, strtab: 3, dynamic: 6, note: 7, nobits: 8, dynsym: 11 } as const;
/** Segment types (p_type) that are used here: what is loaded, and where its needs, interpreter and notes are. */
export const SEGMENT = { load: 1, dynamic: 2, interp: 3, note: 4 } as const;
/** Dynamic tags (d_tag) that are used here. */
export const TAG = { null: 0, needed: 1, strtab: 5, strsz: 10, soname: 14, rpath: 15, runpath: 29, flags1: 0x6ffffffb } as const;
/** e_shnum of 0 and e_shstrndx of this send the reader to section header 0; so does e_phnum of this. */
export const EXTENDED = 0xffff;

/** e_machine by name: the processors Linux runs on, named as EM_ constants in lower case. Others are "machine-N". */
export const MACHINES: ReadonlyMap<number, string> = new Map([
  [2, 'sparc'],
  [3, '386'],
  [4, '68k'],
  [8, 'mips'],
  [15, 'parisc'],
  [18, 'sparc32plus'],
  [20, 'ppc'],
  [21, 'ppc64'],
  [22, 's390'],
  [40, 'arm'],
  [42, 'sh'],
  [43, 'sparcv9'],
  [50, 'ia_64'],
  [62, 'x86_64'],
  [94, 'xtensa'],
  [183, 'aarch64'],
  [189, 'microblaze'],
  [195, 'arcv2'],
  [243, 'riscv'],
  [252, 'csky'],
  [258, 'loongarch'],
  [0x9026, 'alpha'],
]);

/** e_type by name. */
export const TYPES = ['none', 'relocatable', 'executable', 'shared', 'core'] as const;
