// EROFS: read only. Specification and findings: docs/formats/erofs.md.
export { check } from './check.ts';
export { type DecodeOptions, decode, type ErofsImage } from './decode.ts';
export { detect, type ErofsDevice, type ErofsFacts } from './superblock.ts';
