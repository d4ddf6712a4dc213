// Opening a root for the verbs that judge and change its archives: update, status, and whoever uses the same engine.

import { sha256 } from '../../node/digest.ts';
import { openUpdateRoot, type UpdateRoot } from '../../node/update/outside.ts';
import type { OptionSpec } from '../verb.ts';
import { parse } from '../verb.ts';
import { packageVersion } from '../version.ts';
import type { World } from '../world.ts';

/** `-R/--root` of verbs that change a root: a directory, and only that. */
export const UPDATE_ROOT_OPTION: OptionSpec = {
  short: 'R',
  value: 'ROOT',
  summary: 'the root to work on: a directory',
  default: '/',
  completes: 'directory',
};

/** Opens a root; who waits for another run is told so, unless `onWait` does that. To be closed. */
export function updateRoot(base: string, world: World, onWait?: (pid: number) => void): UpdateRoot {
  return openUpdateRoot(base, {
    version: packageVersion(),
    now: world.now,
    lock: {
      signal: world.signal,
      onWait: ({ pid }) =>
        onWait === undefined ? world.note(`another kindling is at work on ${base} (process ${pid}): waiting for it`) : onWait(pid),
    },
    async withImage(squashed, made) {
      // Loaded only where an archive is squashed.
      const { IMAGE_OPTIONS, imageWords, withImage } = await import('../layout-words.ts');
      const words = imageWords(parse({ name: 'update', options: IMAGE_OPTIONS, positionals: [] }, []));
      return await withImage(squashed, words, sha256, world, made);
    },
  });
}
