// bundles: the squashfs layers of a live system: names and order, what a stack of them shows, differences as layers, roots split into them.
export { type DifferenceOptions, differenceLayer, type LayerDifference } from './difference.ts';
export { isMetacopy, isOpaque, isWhiteout, type MarkSpace, opaque, unmarked, whiteout } from './marks.ts';
export { BUNDLE_SUFFIX, type BundleName, compareBundleNames, parseBundleName } from './names.ts';
export { type LeftOut, matcher } from './patterns.ts';
export { type NewBundle, NOT_FOR_LIVE, type RootSplit, type SplitOptions, splitRoot } from './split.ts';
export { LAYERS_MOST, type Layer, type Shadow, type Union, type UnionOptions, unionOf } from './union.ts';
