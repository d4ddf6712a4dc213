// odc: the POSIX portable cpio form. Specification and findings: docs/formats/odc.md.
export { decode, detect } from './decode.ts';
export { encode, encodedSize, encodeWhole } from './encode.ts';
export { header, loses, MAGIC } from './structs.ts';
