// ar: the archive around the parts of a Debian package. Specification and findings: docs/formats/ar.md.
export { decode, detect, type Member, type ReadOptions } from './decode.ts';
export { encode, type NameStyle, type NewMember } from './encode.ts';
export { header, MAGIC } from './structs.ts';
