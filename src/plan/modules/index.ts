// modules: the kernel modules of a root: finding them, asking what they need, closing over it, and writing the index files of a subset.

export type { AliasTable } from './alias-table.ts';
export type { Builtins } from './builtin.ts';
export { type CloseOptions, type Closure, closeOver, type ModuleReason } from './close.ts';
export { type ConfLine, confFiles, confLines, splitLines } from './conf-files.ts';
export { type DepmodConfig, depmodConfig } from './depmod-config.ts';
export { type Firmware, type FirmwareSearch, findFirmware, firmwarePlaces } from './firmware.ts';
export { HIDDEN, type HiddenNeed } from './hidden.ts';
export { exportedSymbols, type IndexFile, type IndexOptions, moduleIndexes } from './indexes.ts';
export { isRefusal, type ModprobeConfig, modprobeConfig } from './modprobe-config.ts';
export { type ModuleInfo, parseSoftdep, type Softdep } from './module-info.ts';
export { matches, moduleName, nameOfPath, normaliseAlias, uncompressedPath } from './names.ts';
export type { KernelModule } from './scan.ts';
export { byPattern, inDirectory, usingSymbols } from './select.ts';
export { type ModuleSet, openModules } from './set.ts';
export { decodeIndex, encodeIndex, type IndexValue } from './trie.ts';
