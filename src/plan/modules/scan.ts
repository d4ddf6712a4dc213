// Finds the module files of a tree: names only, no file is opened. Of two files of one name the depmod.d rules choose.
import { nameFromBytes, readAll } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { joinPath } from '../../tree/index.ts';
import { findFile, type Root, resolve } from '../root.ts';
import { type DepmodConfig, rankOf } from './depmod-config.ts';
import { nameOfPath, uncompressedPath } from './names.ts';

/** One module file. */
export interface KernelModule {
  /** In the kernel's spelling ("crc32c_generic"). */
  readonly name: string;
  /** Path in the root. */
  readonly path: string;
  /** Path under the module tree ("kernel/fs/ext4/ext4.ko.xz"); for one from an external directory the path in the root with a "/" in front. */
  readonly relative: string;
}

const DEPTH_MOST = 32;
const MODULES_MOST = 1 << 17;
const INDEX_SIZE_MOST = 1 << 26;

/** What a walk found. */
export interface Scan {
  /** By modules.order, files it does not list after those it does, by path. */
  readonly modules: readonly KernelModule[];
  /** When each directory below the tree's top changed, in seconds since 1970, by its path in the root. */
  readonly changed: ReadonlyMap<string, number>;
}

/** Walks a module tree and the external directories of the rules. Throws LIMIT for a tree deeper or larger than any real one. */
export function scanTree(root: Root, tree: string, config: DepmodConfig): Scan {
  const best = new Map<string, KernelModule & { rank: number }>();
  const changed = new Map<string, number>();
  const seen = new Set<string>();
  const offer = (path: string, relative: string, rankPath: string | undefined) => {
    const name = nameOfPath(path);
    if (name === undefined) return false;
    const rank = rankOf(config, name, rankPath);
    const held = best.get(name);
    if (held === undefined || rank < held.rank) best.set(name, { name, path, relative, rank });
    if (best.size > MODULES_MOST) throw new KindlingError('LIMIT', `more than ${MODULES_MOST} modules`, { path: tree });
    return true;
  };
  const walk = (directory: string, base: string, external: boolean, depth: number) => {
    if (depth > DEPTH_MOST) throw new KindlingError('LIMIT', `directories nested deeper than ${DEPTH_MOST}`, { path: directory });
    const top = depth === 0 && !external;
    for (const name of root.names(directory)) {
      const path = joinPath(directory, name);
      const relative = base === '' ? name : `${base}/${name}`;
      if (offer(path, relative, external ? undefined : relative)) continue;
      if ((top && (name === 'build' || name === 'source' || name.startsWith('modules.'))) || config.exclude.has(name)) continue;
      let entry = root.entry(path);
      let at = path;
      if (entry?.kind === 'symlink') ({ entry, path: at } = resolve(root, path));
      if (entry?.kind !== 'directory' || seen.has(at)) continue;
      seen.add(at);
      changed.set(at, entry.mtime);
      walk(at, relative, external, depth + 1);
    }
  };
  walk(tree, '', false, 0);
  for (const directory of config.external) walk(directory, `/${directory}`, true, 0);
  const found = [...best.values()].map(({ name, path, relative }) => ({ name, path, relative }));
  return { modules: sortByOrder(found, readLines(root, joinPath(tree, 'modules.order'))), changed };
}

/** By the order of a modules.order file; files it does not list come last, by path. */
export function sortByOrder(modules: readonly KernelModule[], order: readonly string[]): KernelModule[] {
  const places = new Map(order.map((line, index) => [line, index]));
  const keyed = modules.map((module) => ({ module, place: places.get(uncompressedPath(module.relative)) ?? places.size }));
  keyed.sort((a, b) => a.place - b.place || (a.module.relative < b.module.relative ? -1 : 1));
  return keyed.map(({ module }) => module);
}

/** The text of an index file; undefined when it is not there. Throws LIMIT for one that is absurdly large. */
export function readText(root: Root, path: string): string | undefined {
  const found = findFile(root, path);
  if (found === undefined) return undefined;
  if (found.content.size > INDEX_SIZE_MOST) {
    throw new KindlingError('LIMIT', `${found.content.size} bytes, at most ${INDEX_SIZE_MOST} are read`, { path });
  }
  return nameFromBytes(readAll(found.content));
}

/** The lines of an index file that are not empty; none when it is not there. */
export function readLines(root: Root, path: string): string[] {
  return (readText(root, path) ?? '').split('\n').filter((line) => line !== '');
}
