// The loader's cache of a union against the libraries that are there.
import type { ByteSource } from '../../bytes/index.ts';
import { located } from '../../errors.ts';
import { treeRoot } from '../../plan/index.ts';
import type { Tree } from '../../tree/index.ts';
import { type CachedLibrary, decodeLdCache } from './ld-cache.ts';
import { type Libraries, librariesOf } from './libraries.ts';

/** The loader's cache. */
export const LD_CACHE_PATH = 'etc/ld.so.cache';

/** What the cache should hold and does not. */
export interface StaleLibraries extends Libraries {
  /** False for a form of the cache that is not read. */
  readonly isKnown: boolean;
  readonly missing: readonly CachedLibrary[];
  /** Libraries it names that are not there. */
  readonly goneCount: number;
}

function cacheIn(content: ByteSource): readonly CachedLibrary[] | undefined {
  try {
    return decodeLdCache(content);
  } catch (error) {
    throw located(error, { path: LD_CACHE_PATH });
  }
}

/** Compares cache and libraries; undefined where the tree has no cache: then its loader needs none. */
export function staleLibraries(tree: Tree): StaleLibraries | undefined {
  const entry = tree.get(LD_CACHE_PATH);
  if (entry?.kind !== 'file') return undefined;
  const held = cacheIn(entry.content);
  const found = librariesOf(treeRoot(tree, 'the union'));
  if (held === undefined) return { ...found, isKnown: false, missing: [], goneCount: 0 };
  const key = ({ soname, path }: CachedLibrary) => `${soname} ${path}`;
  const left = new Set(held.map(key));
  const missing = found.libraries.filter((library) => !left.delete(key(library)));
  return { ...found, isKnown: true, missing, goneCount: left.size };
}
