// bundles: the squashfs layers of a live system: names and order, what a stack of them shows, differences as layers, roots split into
// bundles, and what is wrong with a stack although each of its bundles is right.
export { type Converted, overlayForm } from './convert.ts';
export { cutTree } from './cut.ts';
export { type DifferenceOptions, differenceLayer, type LayerDifference } from './difference.ts';
export { type BundleFacts, bundleFacts } from './facts.ts';
export { stackFindings } from './findings.ts';
export { type Fixes, fixes } from './fixes.ts';
export { type CachedLibrary, decodeLdCache, encodeLdCache } from './ld-cache.ts';
export { type Libraries, librariesOf } from './libraries.ts';
export { isMetacopy, isOpaque, isWhiteout, type MarkSpace, opaque, unmarked, whiteout } from './marks.ts';
export { BUNDLE_SUFFIX, type BundleName, compareBundleNames, parseBundleName } from './names.ts';
export { type PackageFile, type PackagesLayer, packagesLayer, type UnrunScript } from './packages.ts';
export { type LeftOut, matcher, withoutMatches } from './patterns.ts';
export { pick } from './pick.ts';
export { type NewBundle, NOT_FOR_LIVE, type RootSplit, type SplitOptions, splitRoot } from './split.ts';
export { LAYERS_MOST, type Layer, type Shadow, type Union, type UnionOptions, unionOf } from './union.ts';
export { VOLATILE } from './volatile.ts';
