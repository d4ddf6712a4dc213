// Rules for paths in trees, and their order.
import { compareNames, nameToBytes } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';

/** Longest name of one component, in bytes (Linux NAME_MAX). */
export const NAME_MAX = 255;
/** Most bytes of a path, as in Linux (limits.h), its terminating NUL included. */
/** Longest path with its NUL, in bytes (Linux PATH_MAX). */
export const PATH_MAX = 4096;

/** A component that is empty, "." or "..". */
const SUSPECT = /(?:^|\/)\.{0,2}(?:\/|$)/;

/** Why a path cannot be in a tree, or undefined when it can. */
export function pathFault(path: string): string | undefined {
  if (path === '') return undefined;
  // what nearly all paths are: short, and nothing in them to look at more closely
  if (path.length * 3 <= NAME_MAX && !path.includes('\0') && !SUSPECT.test(path)) return undefined;
  if (path.startsWith('/')) return 'is absolute';
  if (path.includes('\0')) return 'holds a NUL';
  for (const name of path.split('/')) {
    if (name === '') return 'has an empty component';
    if (name === '.' || name === '..') return `has the component "${name}"`;
    if (name.length * 3 > NAME_MAX && nameToBytes(name).length > NAME_MAX) return `has a component over ${NAME_MAX} bytes`;
  }
  if (path.length * 3 >= PATH_MAX && nameToBytes(path).length >= PATH_MAX) return `is over ${PATH_MAX - 1} bytes long`;
  return undefined;
}

/** Throws BAD_NAME when the path cannot be in a tree. */
export function checkPath(path: string): void {
  const fault = pathFault(path);
  if (fault !== undefined) throw new KindlingError('BAD_NAME', `the path ${JSON.stringify(path)} ${fault}`, { path });
}

/** Order of paths: component by component, byte-wise; a directory right before what it holds. */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0;
  let start = 0;
  for (;;) {
    const endA = a.indexOf('/', start);
    const endB = b.indexOf('/', start);
    const nameA = endA < 0 ? a.slice(start) : a.slice(start, endA);
    const nameB = endB < 0 ? b.slice(start) : b.slice(start, endB);
    const order = compareNames(nameA, nameB);
    if (order !== 0) return order;
    if (endA < 0) return endB < 0 ? 0 : -1;
    if (endB < 0) return 1;
    start = endA + 1;
  }
}

/** The directory a path is in; "" for a top-level name. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '' : path.slice(0, at);
}

/** The last component. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Joins a directory path of a tree and a name. */
export function joinPath(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}
