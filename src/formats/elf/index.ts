// elf: programs, libraries, kernels and kernel modules, 32 and 64 bit, both byte orders.
export { type Elf, open, type Section, type Segment, sectionBytes } from './decode.ts';
export { type Dynamic, dynamic, interpreter } from './dynamic.ts';
export { type ElfSpec, encode, type SectionSpec, type SegmentSpec } from './encode.ts';
export { encodeNote, type ModuleSpec, makeModule, makeProgram, type ProgramSpec, type Target } from './make.ts';
export { type ModinfoPair, modinfo, parseModinfo } from './modinfo.ts';
export { type DlopenNote, dlopenNotes, type Note, notes, pvhEntry } from './notes.ts';
export { stripped } from './strip.ts';
export { type ElfClass, type Endian, MACHINES, SECTION, SEGMENT } from './structs.ts';
export { type ElfSymbol, symbols } from './symbols.ts';
export { type VersionNeed, versionNeeds } from './version-needs.ts';
