// pe: programs that UEFI starts, and Unified Kernel Images among them. Specification and findings: docs/formats/pe.md.
export { check } from './check.ts';
export { decode, detect, type Pe, type PeSection, section } from './decode.ts';
export { type NewSection, withSections } from './encode.ts';
export { decodeUki, encodeUki, type Uki, type UkiParts } from './uki.ts';
