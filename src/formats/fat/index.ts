// fat: FAT12, FAT16 and FAT32 with long names, read and written. Specification and findings: docs/formats/fat.md.
export { type EncodeOptions, encode, type FatPlan, leastSize } from './encode.ts';
export { loses, losses } from './loses.ts';
export type { FatType } from './structs.ts';
