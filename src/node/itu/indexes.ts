// The index files of a root's module trees, made again by kindling's own code: what depmod would do, for a root that cannot run it.
import { bytesSource, compareBytes, readAll } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { findFile, moduleTreeOf } from '../../plan/index.ts';
import { moduleIndexes, openModules } from '../../plan/modules/index.ts';
import { directoryRoot } from '../directory.ts';
import { inPath, putFile, removeName, temporaryName } from './disk.ts';
import type { Site } from './store.ts';

/** What the kernel's package owns: input of the indexes, never written. */
const INPUTS: ReadonlySet<string> = new Set(['modules.order', 'modules.builtin', 'modules.builtin.modinfo']);
/** Written by newer versions of depmod only: kept in step where they are, not added. */
const NEWER: ReadonlySet<string> = new Set(['modules.weakdep', 'modules.builtin.alias.bin']);

/** Makes the indexes of these kernels again; those without a module tree are passed by. */
export async function reindex(site: Site, kernels: readonly string[], decoders: readonly Decoder[]): Promise<void> {
  for (const release of kernels) {
    const root = directoryRoot(site.root);
    const tree = moduleTreeOf(root, release);
    if (tree === undefined) continue;
    const set = openModules(root, tree, decoders);
    const files = moduleIndexes(set, set.modules, { symbols: true }).filter(({ name }) => !INPUTS.has(name));
    await inPath(site.top, tree, undefined, async (directory) => {
      // modules.dep last: it must not be older than any directory of modules, or nobody trusts it.
      for (const { name, bytes } of [...files].sort((a, b) => Number(a.name === 'modules.dep') - Number(b.name === 'modules.dep'))) {
        const held = findFile(root, `${tree}/${name}`)?.content;
        if (held === undefined && NEWER.has(name)) continue;
        if (name !== 'modules.dep' && held?.size === bytes.length && compareBytes(readAll(held), bytes) === 0) {
          await removeName(site.disk, directory, temporaryName(name)); // of a run that was killed
          continue;
        }
        await putFile(site.disk, directory, name, bytesSource(bytes), { mode: 0o644 });
      }
    });
  }
}
