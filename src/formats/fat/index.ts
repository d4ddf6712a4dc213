// fat: FAT12, FAT16 and FAT32 with long names, read and written. Specification and findings: docs/formats/fat.md.
export { check } from './check.ts';
export { type DecodeOptions, decode, type FatImage } from './decode.ts';
export { type EncodeOptions, encode, type FatPlan, leastSize } from './encode.ts';
export { loses, losses } from './loses.ts';
export type { FatType } from './structs.ts';
export { detect } from './volume.ts';
