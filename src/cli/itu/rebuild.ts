// The archives of a root that bundles went into or out of are made anew, by the same engine as `kindling update`.
import { KindlingError } from '../../errors.ts';
import { kernelVersions } from '../../plan/index.ts';
import { type UpdateResult, update } from '../../verbs/update.ts';
import { errorLines, printable } from '../report.ts';
import { updateRoot } from '../update/root.ts';
import type { World } from '../world.ts';

/** What came of it. `why` is set where nothing was tried. */
export interface Rebuilt {
  readonly done: boolean;
  readonly why: string | undefined;
  readonly archives: readonly { readonly kernel: string; readonly archive: string; readonly outcome: UpdateResult['outcome'] }[];
}

const IN_STEP: ReadonlySet<UpdateResult['outcome']> = new Set(['in step', 'made', 'refreshed']);
const FOREIGN = /^(initrd\.img-|initramfs-|initrd-)/;

/** Makes the archives of a root anew where that is needed. A failure is reported, not thrown: the bundles are in their place all the same. */
export async function rebuildArchives(base: string, world: World): Promise<Rebuilt> {
  const root = updateRoot(base, world);
  try {
    const tree = root.outside.root();
    if (kernelVersions(tree).length === 0) {
      world.note(`${printable(base)} holds no kernel: there is no archive to rebuild`);
      return { done: true, why: 'no kernel', archives: [] };
    }
    world.progress.step('rebuilding archives');
    const results = await root.locked(() => update({ kernels: 'all', force: false }, root.outside));
    world.progress.clear();
    for (const { name, outcome, error, findings } of results) {
      world.note(`${printable(root.outside.store.boot)}/${printable(name)}: ${outcome === 'made' ? 'made anew' : outcome}`);
      for (const { message } of findings) world.warn(printable(message));
      if (error !== undefined) for (const line of errorLines(error, world.verbosity)) world.note(line);
    }
    sayForeign(root.outside.store.bootNames(), world);
    const archives = results.map(({ kernel, name, outcome }) => ({ kernel, archive: `${root.outside.store.boot}/${name}`, outcome }));
    return { done: results.every(({ outcome }) => IN_STEP.has(outcome)), why: undefined, archives };
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    world.progress.clear();
    for (const line of errorLines(error, world.verbosity)) world.note(line);
    world.warn('the archive was not rebuilt; `kindling update` does it later');
    return { done: false, why: error.message, archives: [] };
  } finally {
    root.close();
  }
}

/** Archives of other tools do not learn of the bundle from here. */
function sayForeign(names: readonly string[], world: World): void {
  const found = names.filter((name) => FOREIGN.test(name));
  if (found.length > 0) world.detail(`made by other tools, and not changed: ${found.map(printable).join(', ')}`);
}
