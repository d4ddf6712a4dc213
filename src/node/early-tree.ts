// The early userspace beside this program, as the tree that the planner takes: `init` at the top, all else below
// usr/lib/kindling/early; of that only what the kernel itself runs is executable.
import { readdirSync, readFileSync } from 'node:fs';
import { type ByteSource, bytesSource, compareNames } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { type Entry, file, makeTree, type Tree, withParents } from '../tree/index.ts';
import { system } from './errno.ts';
import { HOME as INSTALLED } from './home.ts';

const HOME = `${INSTALLED}early/`;
const PLACE = 'usr/lib/kindling/early';
const RUN_BY_KERNEL: ReadonlySet<string> = new Set(['hotplug']);

/** The files of a folder of early userspace by name. Throws NO_ENTRY when it has no "init". */
function filesOf(home: string): Map<string, ByteSource> {
  const names = system(() => readdirSync(home, { withFileTypes: true }), { file: home })
    .filter((one) => one.isFile())
    .map((one) => one.name);
  if (!names.includes('init'))
    throw new KindlingError('NO_ENTRY', 'early userspace has no "init": the installation is incomplete', { file: home });
  const read = (path: string): ByteSource => bytesSource(system(() => readFileSync(path), { file: path }));
  return new Map(names.sort(compareNames).map((name) => [name, read(`${home}/${name}`)]));
}

/** Reads early userspace. Throws NO_ENTRY when the installation lacks it. */
export function earlyTree(home: string = HOME): Tree {
  const entries = [...filesOf(home)].map(
    ([name, content]): Entry =>
      name === 'init' ? file('init', content, 0o755) : file(`${PLACE}/${name}`, content, RUN_BY_KERNEL.has(name) ? 0o755 : 0o644),
  );
  return makeTree(withParents(entries));
}

/** Reads the loader of squashed archives: its files by their own names. Throws NO_ENTRY when the installation lacks it. */
export function squashScripts(home: string = `${HOME}squash`): Tree {
  return makeTree([...filesOf(home)].map(([name, content]) => file(name, content)));
}
