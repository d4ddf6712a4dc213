// plan: from a root and a kernel to a tree with a reason for every entry. Nothing of the root is run.
export {
  type Assignment,
  assignment,
  type Configuration,
  DEFAULT_SETTINGS,
  merged,
  type ProjectFile,
  parseFile,
  printConfiguration,
  readConfiguration,
  SETTINGS,
  type SettingName,
  type SettingSpec,
  type Settings,
} from './config/index.ts';
export { EARLY_CONF, encodeEarly } from './early-conf.ts';
export { type Forecast, type ForecastImage, forecast, KERNEL_FLOOR } from './forecast.ts';
export { type FstabLine, fstab } from './fstab.ts';
export { type HostFacts, type MountFacts, parseFacts, printFacts } from './host.ts';
export {
  compareVersions,
  type KernelChoice,
  kernelConfigOf,
  kernelFacts,
  kernelImageOf,
  kernelVersions,
  moduleTreeOf,
} from './kernel.ts';
export { type ModuleSet, openModules } from './modules/index.ts';
export type { ModuleWant, Part, PartInput, PartWants, ProgramWant } from './part.ts';
export { type DirectoryTarget, type KdumpTarget, kdumpTarget, PARTS, type RawTarget } from './parts/index.ts';
export { MEDIA_CLASSES } from './parts/live.ts';
export type { KernelFacts, Plan, Reason, SegmentName, Wanted } from './plan.ts';
export { type Asked, applets, closeOverPrograms, findProgram, type ProgramClosure } from './programs/index.ts';
export { activeParts, type PlanRequest, plan } from './resolve-plan.ts';
export { type FileFacts, type FileStat, findFile, type Resolved, type Root, resolve, treeRoot } from './root.ts';
export { safeIn } from './safe.ts';
export {
  type ImageCodec,
  type InitKind,
  initKind,
  LOADER_PART,
  type Loader,
  type LoaderScripts,
  planLoader,
  type Split,
  SQUASH_CONF,
  SQUASH_LAYOUTS,
  type SquashLayout,
  type SquashMode,
  STOCK_INIT,
  split,
  squashFaults,
  usrTrees,
} from './squash/index.ts';
export { type Seen, type WatchedRoot, watchRoot } from './watch.ts';
