// newc: the cpio form of the Linux initramfs. Specification and findings: docs/formats/newc.md.
export { decode, detect } from './decode.ts';
export { encode, encodedSize, encodeWhole } from './encode.ts';
export { header, loses, MAGIC, MAGIC_CRC } from './structs.ts';
