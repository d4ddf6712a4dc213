// world: real Debian input for tests and for `npm start`: packages, kernels, roots, disk images. All of it is fetched or made once and kept.
export { type Architecture, fetchPackages, type PackageFile } from './apt.ts';
export { CLONE, cacheFolder, once } from './cache.ts';
export { type DebianRoot, debianRoot } from './debian-root.ts';
export {
  diskImage,
  type FileSystem,
  type ImageOptions,
  type Owners,
  type PartitionOptions,
  partitionedDisk,
  uuidOf,
} from './disk-image.ts';
export { debianKernel, type Kernel } from './kernel.ts';
export { linkTree, type ProbeOptions, probeRoot, staticBusybox } from './probe.ts';
export { mustRun, type Ran, type RunOptions, run } from './run.ts';
