// The indexes of kernel modules over several bundles: modules.dep of one bundle does not list the modules of another.
import { nameFromBytes, readAll } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { findFile, kernelVersions, moduleTreeOf, treeRoot } from '../../plan/index.ts';
import { type ModuleSet, moduleIndexes, openModules } from '../../plan/modules/index.ts';
import { joinPath, type Tree } from '../../tree/index.ts';

/** The modules of one kernel whose indexes are not those of its files. */
export interface StaleIndexes {
  readonly release: string;
  readonly set: ModuleSet;
  /** Paths in the tree of modules that modules.dep does not list. */
  readonly missing: readonly string[];
  /** Lines of it without a file. */
  readonly goneCount: number;
}

/** What the kernel's package brings: input of the indexes, never written. */
const INPUTS: ReadonlySet<string> = new Set(['modules.order', 'modules.builtin', 'modules.builtin.modinfo']);
/** Written by newer versions of depmod only: kept in step where they are, not added. */
const NEWER: ReadonlySet<string> = new Set(['modules.weakdep', 'modules.builtin.alias.bin']);

/** Kernels of a tree whose modules.dep does not list exactly the modules that are there. */
export function staleIndexes(tree: Tree, label: string, decoders: readonly Decoder[]): StaleIndexes[] {
  const root = treeRoot(tree, label);
  const stale: StaleIndexes[] = [];
  for (const release of kernelVersions(root)) {
    const path = moduleTreeOf(root, release);
    if (path === undefined) continue;
    const set = openModules(root, path, decoders);
    if (set.modules.length === 0) continue;
    const dep = findFile(root, joinPath(path, 'modules.dep'));
    const lines =
      dep === undefined
        ? []
        : nameFromBytes(readAll(dep.content))
            .split('\n')
            .filter((line) => line !== '');
    const listed = new Set(lines.map((line) => line.slice(0, Math.max(0, line.indexOf(':')))));
    const missing = set.modules.map(({ relative }) => relative).filter((relative) => !listed.delete(relative));
    if (missing.length + listed.size > 0) stale.push({ release, set, missing, goneCount: listed.size });
  }
  return stale;
}

/** The index files of a kernel's modules, by path in the root: those that depmod of its time writes. */
export function newIndexes({ set }: StaleIndexes): ReadonlyMap<string, Uint8Array> {
  const files = moduleIndexes(set, set.modules, { symbols: true });
  const there = (name: string) => findFile(set.root, joinPath(set.tree, name)) !== undefined;
  const wanted = files.filter(({ name }) => !INPUTS.has(name) && (!NEWER.has(name) || there(name)));
  return new Map(wanted.map(({ name, bytes }) => [joinPath(set.tree, name), bytes]));
}
