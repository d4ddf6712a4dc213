// ISO 9660 with Rock Ridge, Joliet and El Torito: the file system of optical discs. Layout and findings: docs/formats/iso9660.md.

export { check } from './check.ts';
export { type DecodeOptions, decode, type IsoImage, type NameSource } from './decode.ts';
export type { FoundBootEntry } from './decode-boot.ts';
export { detect } from './decode-volume.ts';
export { encode } from './encode.ts';
export { loses } from './loses.ts';
export type { BootEntry, BootPlatform, EncodeOptions, Extent, IsoLayout, IsoPlan, Trailer } from './options.ts';
