// The files that make a stack right again, as a bundle to go on top: indexes of modules, the loader's cache, dpkg's list of packages.
import { bytesSource, compareBytes, readAll } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { type Entry, file, makeTree, type Tree } from '../../tree/index.ts';
import { lostPackages, mergedStatus, STATUS_PATH } from './dpkg.ts';
import { newIndexes, staleIndexes } from './indexes.ts';
import { encodeLdCache } from './ld-cache.ts';
import { pick } from './pick.ts';
import { LD_CACHE_PATH, staleLibraries } from './stale-libraries.ts';
import type { Layer, Union } from './union.ts';

/** The bundle, and why each file is in it. */
export interface Fixes {
  readonly tree: Tree;
  readonly files: readonly { readonly path: string; readonly reason: string }[];
}

/** What has to be laid over the stack. Empty where nothing is to be made anew. Equal stacks give equal fixes. */
export function fixes(layers: readonly Layer[], union: Union, decoders: readonly Decoder[]): Fixes {
  const contents = new Map<string, { bytes: Uint8Array; reason: string }>();
  const offer = (path: string, bytes: Uint8Array, reason: string): void => {
    const held = union.tree.get(path);
    const isSame = held?.kind === 'file' && held.content.size === bytes.length && compareBytes(readAll(held.content), bytes) === 0;
    if (!isSame) contents.set(path, { bytes, reason });
  };
  for (const stale of staleIndexes(union.tree, 'the union', decoders)) {
    for (const [path, bytes] of newIndexes(stale)) offer(path, bytes, `modules of all bundles for ${stale.release}`);
  }
  const libraries = staleLibraries(union.tree);
  // A cache that lacks the libraries of a machine would be worse than an old one.
  if (libraries !== undefined && libraries.unknownMachines.length === 0 && libraries.missing.length + libraries.goneCount > 0) {
    offer(LD_CACHE_PATH, encodeLdCache(libraries.libraries), 'libraries of all bundles');
  }
  const lost = lostPackages(layers, union);
  if (lost.length > 0) offer(STATUS_PATH, mergedStatus(union, lost), `${lost.length} packages that dpkg did not know`);
  // Not older than any directory of modules, or nobody trusts modules.dep.
  const mtime = union.tree.entries.reduce((newest, entry) => Math.max(newest, entry.mtime), 0);
  const entries: Entry[] = [...contents].map(([path, { bytes }]) => {
    const held = union.tree.get(path);
    const owner = held?.kind === 'file' ? { mode: held.mode, uid: held.uid, gid: held.gid } : {};
    return { ...file(path, bytesSource(bytes)), ...owner, mtime };
  });
  const tree = entries.length === 0 ? makeTree([]) : pick(union.tree, entries, () => true);
  return { tree, files: [...contents].map(([path, { reason }]) => ({ path, reason })) };
}
