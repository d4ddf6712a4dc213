// tree: the value that flows between rooms, its names and its text form.
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
export { checkExpressible, type Loses, lossesOf } from './loses.ts';
export { baseName, checkPath, comparePaths, joinPath, NAME_MAX, PATH_MAX, parentOf, pathFault } from './names.ts';
export { makeTree, type Tree, withParents } from './tree.ts';
