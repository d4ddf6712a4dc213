// What a live archive is spared: the same with every module of its root in it, as boot archives of live media used to be. Sizes are estimates
// like those of a plan's forecast; `npm run bench -- --only live` makes both and lets GRUB read them from a stick.

import { type Forecast, forecast, type Plan, type Root } from '../plan/index.ts';
import { baseName, joinPath } from '../tree/index.ts';

/** Bytes a second at which a loader reads through firmware from a USB stick: what was measured with GRUB and an emulated one, rounded. */
export const LOADER_RATE = 10e6;

/** An archive of all modules, in bytes. */
export interface Monolithic {
  readonly modules: number;
  readonly archiveSize: number;
  readonly unpackedSize: number;
}

const MODULE = /\.ko(\.(gz|xz|zst))?$/;
const DEPTH_MOST = 16;

/** The sizes of an archive with all modules of the root in it; undefined where the root has none. */
export function monolithic(plan: Plan, root: Root): Monolithic | undefined {
  const top = plan.kernel.moduleTree;
  if (top === undefined) return undefined;
  const packed = new Set(plan.tree.entries.map(({ path }) => baseName(path)));
  const cast: Forecast = forecast(plan);
  const ratio = cast.archiveSize / Math.max(1, cast.contentSize);
  let [modules, archiveSize, unpackedSize] = [plan.packed.length, cast.archiveSize, cast.unpackedSize];
  const walk = (folder: string, depth: number): void => {
    for (const name of root.names(folder)) {
      const path = joinPath(folder, name);
      const entry = root.entry(path);
      if (entry?.kind === 'directory' && depth < DEPTH_MOST) walk(path, depth + 1);
      const compressed = MODULE.exec(name)?.[1] !== undefined;
      if (entry?.kind !== 'file' || !MODULE.test(name) || packed.has(name.replace(MODULE, '.ko'))) continue;
      modules += 1;
      archiveSize += compressed ? entry.content.size : Math.round(entry.content.size * ratio);
      unpackedSize += compressed ? Math.round(entry.content.size / ratio) : entry.content.size;
    }
  };
  walk(top, 0);
  return { modules, archiveSize, unpackedSize };
}
