// deb: Debian packages, and several of them as one root. Specification and findings: docs/formats/deb.md.
export { controlFields } from './control.ts';
export { decode, type Package, type ReadOptions } from './decode.ts';
export { type MergeOptions, type PackagePart, packagesTree } from './packages.ts';
