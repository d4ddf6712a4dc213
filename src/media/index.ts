// media: the medium as a tree, its menu, its loaders, and the images it is written as. Bundles have a front door of their own (media/bundles).

export { type CoreRequest, coreRequests, diskCode, hybridCode, markerPath, placedCore } from './loaders.ts';
export {
  type BundleDigest,
  type BundleFile,
  DATA_DIRECTORY,
  dataDirectories,
  type MediumBundle,
  type MediumFile,
  type MediumParts,
  mediumId,
  mediumPath,
  mediumText,
  mediumTree,
  parseMedium,
  parseSums,
  type SourceDigest,
  sumsPath,
  sumsText,
  textOf,
} from './medium.ts';
export {
  ARCHIVE_PATH,
  grubMenu,
  KERNEL_PATH,
  LOOPBACK_PATH,
  loopbackMenu,
  MENU_PATH,
  type MenuEntry,
  type MenuOptions,
  menuEntries,
} from './menu.ts';
