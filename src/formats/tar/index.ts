// tar: ustar, GNU and pax archives. Specification and findings: docs/formats/tar.md.
export { decode } from './decode.ts';
export { encode, type WriteOptions } from './encode.ts';
export { detect, type ReadOptions, records, type TarRecord } from './read.ts';
export { header, loses } from './structs.ts';
