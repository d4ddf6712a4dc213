// The early userspace beside this program, as the tree that the planner takes: `init` at the top, all else below usr/lib/kindling/early.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bytesSource, compareNames } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { type Entry, file, makeTree, type Tree, withParents } from '../tree/index.ts';
import { system } from './errno.ts';

/** Where it is: beside src/ in a clone, beside dist/ in a package. */
const HOME = fileURLToPath(new URL('../../early/', import.meta.url));
const PLACE = 'usr/lib/kindling/early';

/** Reads early userspace. Throws NO_ENTRY when the installation lacks it. */
export function earlyTree(home: string = HOME): Tree {
  const names = system(() => readdirSync(home, { withFileTypes: true }), { file: home })
    .filter((one) => one.isFile())
    .map((one) => one.name);
  if (!names.includes('init'))
    throw new KindlingError('NO_ENTRY', 'early userspace has no "init": the installation is incomplete', { file: home });
  const entries = names.sort(compareNames).map((name): Entry => {
    const content = bytesSource(system(() => readFileSync(`${home}/${name}`), { file: `${home}/${name}` }));
    return name === 'init' ? file('init', content, 0o755) : file(`${PLACE}/${name}`, content, 0o644);
  });
  return makeTree(withParents(entries));
}
