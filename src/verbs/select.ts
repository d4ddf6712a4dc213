// Paths a person names inside a tree.
import { KindlingError } from '../errors.ts';
import { type Entry, parentOf, type Tree } from '../tree/index.ts';

/** A path as a tree has it: without leading "/" or "./" and trailing "/"; "." and "/" are the root. */
export function treePath(given: string): string {
  return given
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .join('/');
}

/** The entries at the paths and everything below them, in tree order; all of them when no path is given. Throws NO_ENTRY for a path that is not there. */
export function select(tree: Tree, paths: readonly string[]): readonly Entry[] {
  if (paths.length === 0) return tree.entries;
  const wanted = new Set(paths.map(treePath));
  for (const path of wanted) {
    if (path !== '' && tree.get(path) === undefined) throw new KindlingError('NO_ENTRY', `there is no "${path}"`, { path });
  }
  if (wanted.has('')) return tree.entries;
  const inside = new Set<string>();
  return tree.entries.filter(({ path }) => {
    const chosen = wanted.has(path) || inside.has(parentOf(path));
    if (chosen) inside.add(path);
    return chosen;
  });
}
