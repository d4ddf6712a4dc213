// elf: programs, libraries, kernels and kernel modules, 32 and 64 bit, both byte orders.
export { type Elf, open, type Section, type Segment, sectionBytes } from './decode.ts';
export { type Dynamic, dynamic, interpreter } from './dynamic.ts';
export { type ModinfoPair, modinfo, parseModinfo } from './modinfo.ts';
export { type DlopenNote, dlopenNotes, type Note, notes, pvhEntry } from './notes.ts';
export { type ElfClass, type Endian, MACHINES, SECTION, SEGMENT } from './structs.ts';
export { type Symbol, symbols } from './symbols.ts';
