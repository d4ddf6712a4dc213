// Choosing modules of a set by where they lie, by name pattern, and by what they use.
import { open, symbols } from '../../formats/elf/index.ts';
import { matches, moduleName, uncompressedPath } from './names.ts';
import type { KernelModule } from './scan.ts';
import type { ModuleSet } from './set.ts';

/** Top directories that hold the same layout as `kernel/`: a driver moved to updates/ or extra/ is still found in its family. */
const TWINS = ['kernel/', 'updates/', 'extra/', 'updates/dkms/'];

/**
 * Modules in or below a directory, given as under the module tree ("kernel/drivers/ata") or as under each of its top directories
 * ("drivers/ata": also updates/drivers/ata). A path that ends in a file name pattern ("kernel/fs/nls/nls_*.ko") chooses by fnmatch.
 */
export function inDirectory(set: ModuleSet, directory: string): KernelModule[] {
  const trimmed = directory.replace(/^\/+|\/+$/g, '');
  const bases = TWINS.some((top) => `${trimmed}/`.startsWith(top)) ? [trimmed] : TWINS.map((top) => top + trimmed);
  if (trimmed.endsWith('.ko'))
    return set.modules.filter((module) => bases.some((base) => matches(base, uncompressedPath(module.relative))));
  return set.modules.filter((module) => bases.some((base) => module.relative.startsWith(`${base}/`)));
}

/** Modules whose name matches an fnmatch pattern ("sdhci*"), in any spelling. */
export function byPattern(set: ModuleSet, pattern: string): KernelModule[] {
  const wanted = moduleName(pattern);
  return set.modules.filter((module) => matches(wanted, module.name));
}

/**
 * Modules among `candidates` that use one of the named kernel symbols (dracut's way to tell a disk driver: `scsi_add_host`,
 * `blk_mq_alloc_disk`). Reads every symbol table: narrow the candidates first.
 */
export function usingSymbols(set: ModuleSet, candidates: readonly KernelModule[], names: ReadonlySet<string>): KernelModule[] {
  return candidates.filter((module) => symbols(open(set.elf(module))).some(({ name, defined }) => !defined && names.has(name)));
}
