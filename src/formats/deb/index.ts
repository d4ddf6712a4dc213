// deb: Debian packages, and several of them as one root. Specification and findings: docs/formats/deb.md.
export { controlFields, printControl } from './control.ts';
export { decode, type Package, type ReadOptions } from './decode.ts';
export { encode, type NewPackage, type WriteOptions } from './encode.ts';
export { type MergeOptions, type PackagePart, packagesTree } from './packages.ts';
