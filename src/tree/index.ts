// tree: the value that flows between rooms, its names and its text form.

export { type Difference, type DiffOptions, diffTrees, type EntryFacts } from './diff.ts';
export {
  type DeviceEntry,
  type DirectoryEntry,
  device,
  directory,
  type Entry,
  type EntryCommon,
  type EntryKind,
  type FileEntry,
  file,
  type HardlinkEntry,
  type SpecialEntry,
  type SymlinkEntry,
  symlink,
} from './entry.ts';
export { escapeName, escapeText, unescapeName } from './escape.ts';
export { checkExpressible, type Loses, lossesOf } from './loses.ts';
export { type ContentOf, type ManifestOptions, manifestEntries, manifestLine, parseManifest, printManifest } from './manifest.ts';
export { mergeTrees, type SameBytes, sameContent, sameEntry } from './merge.ts';
export { baseName, checkPath, comparePaths, joinPath, NAME_MAX, PATH_MAX, parentOf, pathFault } from './names.ts';
export { type Node, type NodeEntry, type Nodes, nodesOf } from './nodes.ts';
export { makeTree, type Tree, withParents } from './tree.ts';
