// Headers of PE images, Microsoft "PE Format" (the Portable Executable specification), as UEFI 2.10 section 2.1.1 uses them; told in
// docs/formats/pe.md. All little-endian.
import { bytesField, struct, u8, u16le, u32le, u64le } from '../../bytes/index.ts';

/** COFF file header, after "PE\0\0". */
export const COFF_HEADER = struct('COFF header', 20, {
  machine: u16le,
  sectionCount: u16le,
  time: u32le,
  symbolsAt: u32le,
  symbolCount: u32le,
  optionalSize: u16le,
  characteristics: u16le,
});

/** The optional header of PE32+, without its data directories. Images of 32 bits (PE32) have the same size, and other fields at 24. */
export const PE32_PLUS_HEADER = struct('PE32+ header', 112, {
  magic: u16le,
  majorLinker: u8,
  minorLinker: u8,
  codeSize: u32le,
  initializedSize: u32le,
  uninitializedSize: u32le,
  entryAddress: u32le,
  codeAddress: u32le,
  imageBase: u64le,
  sectionAlignment: u32le,
  fileAlignment: u32le,
  versions: bytesField(12), // of operating system, image, subsystem
  win32Version: u32le,
  imageSize: u32le,
  headersSize: u32le,
  checksum: u32le,
  subsystem: u16le,
  dllCharacteristics: u16le,
  stackReserve: u64le,
  stackCommit: u64le,
  heapReserve: u64le,
  heapCommit: u64le,
  loaderFlags: u32le,
  directoryCount: u32le,
});

/** The optional header of PE32, without its data directories. */
export const PE32_HEADER = struct('PE32 header', 96, {
  magic: u16le,
  linkerAndSizes: bytesField(14),
  entryAddress: u32le,
  bases: bytesField(12),
  sectionAlignment: u32le,
  fileAlignment: u32le,
  versions: bytesField(12),
  win32Version: u32le,
  imageSize: u32le,
  headersSize: u32le,
  checksum: u32le,
  subsystem: u16le,
  dllCharacteristics: u16le,
  stackAndHeap: bytesField(16),
  loaderFlags: u32le,
  directoryCount: u32le,
});

/** One of the data directories behind the optional header. */
export const DATA_DIRECTORY = struct('PE data directory', 8, { address: u32le, size: u32le });

/** One entry of the section table, which follows the optional header. */
export const SECTION_HEADER = struct('COFF section header', 40, {
  name: bytesField(8),
  virtualSize: u32le,
  virtualAddress: u32le,
  rawSize: u32le,
  rawAt: u32le,
  relocationsAt: u32le,
  linesAt: u32le,
  relocationCount: u16le,
  lineCount: u16le,
  characteristics: u32le,
});

/** Where a DOS header says where the PE header is. */
export const PE_POINTER_AT = 0x3c;
export const PE_SIGNATURE = 'PE\0\0';
export const MAGIC = { pe32: 0x10b, pe32Plus: 0x20b } as const;
/** Subsystem of programs that firmware starts. */
export const EFI_APPLICATION = 10;
/** The data directory of signatures; its "address" is a place in the file. */
export const CERTIFICATES = 4;
/** A section of initialized data, to be read. */
export const DATA_TO_READ = 0x4000_0040;
/** More sections than this are not read. */
export const SECTIONS_MOST = 512;

/** COFF machine numbers by the name ELF has for them. */
export const MACHINES: ReadonlyMap<number, string> = new Map([
  [0x014c, '386'],
  [0x8664, 'x86_64'],
  [0xaa64, 'aarch64'],
  [0x01c0, 'arm'],
  [0x01c2, 'arm'],
  [0x5032, 'riscv'],
  [0x5064, 'riscv'],
  [0x6232, 'loongarch'],
  [0x6264, 'loongarch'],
]);
