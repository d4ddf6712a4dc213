// media: the medium as a tree, its menu, its loaders, and the images it is written as. Bundles have a front door of their own (media/bundles).

export {
  bytesVolume,
  type DiskMedium,
  type DiskPiece,
  type DiskRequest,
  diskMedium,
  roomForData,
  sourceVolume,
  type Volume,
} from './disk.ts';
export { EFI_PATH, type EspOptions, espImage, espSize, volumeTree } from './esp.ts';
export { type CoreRequest, coreRequests, diskCode, hybridCode, markerPath, placedCore } from './grub.ts';
export { grubLoader, grubPrefix, type SignedPrograms, signedGrubLoader } from './grub-loader.ts';
export { DISC_CORE_PATH, ESP_PATH, guidOf, type IsoMedium, type IsoOptions, isoMedium, serialOf } from './iso.ts';
export { type BiosLoader, type Loader, type Startup, withLoader, withWholeLoader } from './loader.ts';
export {
  type BundleDigest,
  type BundleFile,
  DATA_DIRECTORY,
  dataDirectories,
  espSumsPath,
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
export { ROOT_HASHES, ROOT_HASHES_SIGNATURE, type SealOptions, sealFiles, VERITY_SUFFIX } from './seal.ts';
export { ENTRIES_PATH, systemdBootLoader, ukiLoader } from './systemd-loader.ts';
export { VERITY_BLOCK, type VerityFacts, type VerityOptions, type VerityTree, verityCheck, verityFacts, verityTree } from './verity.ts';
