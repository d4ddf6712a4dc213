// depmod.d(5): which of two modules of the same name counts.
import type { Root } from '../root.ts';
import { type ConfLine, confLines } from './conf-files.ts';
import { moduleName } from './names.ts';

/** The rules for one kernel version. */
export interface DepmodConfig {
  /** Directories under the module tree, the most important first; "built-in" stands for all that no other names. */
  readonly search: readonly string[];
  /** Module name to the directory (under the module tree) whose copy wins over any search order. */
  readonly overrides: ReadonlyMap<string, string>;
  /** Directories outside the module tree that are searched too, as paths in the root. */
  readonly external: readonly string[];
  /** Directories that are not searched, by name. */
  readonly exclude: ReadonlySet<string>;
}

/** What depmod does when nothing is configured. */
export const DEPMOD_DEFAULT: DepmodConfig = { search: ['updates', 'built-in'], overrides: new Map(), external: [], exclude: new Set() };

/** Reads the rules of a root for one kernel version. Unknown lines are passed over, as depmod does. */
export function depmodConfig(root: Root, version: string): DepmodConfig {
  return parseDepmod(confLines(root, 'depmod.d'), version);
}

/** The rules in configuration lines. */
export function parseDepmod(lines: readonly ConfLine[], version: string): DepmodConfig {
  const search: string[] = [];
  const overrides = new Map<string, string>();
  const external: string[] = [];
  const exclude = new Set<string>();
  for (const { words } of lines) {
    const [command, first, second, third] = words;
    if (command === 'search') search.push(...words.slice(1));
    else if (command === 'override' && first !== undefined && second !== undefined && third !== undefined) {
      if (versionFits(second, version)) overrides.set(moduleName(first), trimSlashes(third));
    } else if (command === 'external' && first !== undefined && second !== undefined) {
      if (versionFits(first, version)) external.push(trimSlashes(second));
    } else if (command === 'exclude') for (const name of words.slice(1)) exclude.add(name);
  }
  return { search: search.length > 0 ? search.map(trimSlashes) : DEPMOD_DEFAULT.search, overrides, external, exclude };
}

/** "*" or a regular expression over the version (only plain versions and "*" are in use; others match by prefix before the first wildcard). */
function versionFits(pattern: string, version: string): boolean {
  if (pattern === '*' || pattern === version) return true;
  const wildcard = pattern.indexOf('*');
  return wildcard > 0 && version.startsWith(pattern.slice(0, wildcard));
}

function trimSlashes(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}

/**
 * How good a path is, smaller is better: -1 for an override, else the index of its search directory.
 * `relative` is under the module tree, or undefined for an external one (then it counts as built-in, as depmod has it).
 */
export function rankOf(config: DepmodConfig, name: string, relative: string | undefined): number {
  const builtIn = config.search.indexOf('built-in');
  const fallback = builtIn < 0 ? config.search.length : builtIn;
  if (relative === undefined) return fallback;
  const override = config.overrides.get(name);
  if (override !== undefined && isUnder(relative, override)) return -1;
  let rank = -1;
  for (const [index, directory] of config.search.entries()) {
    if (directory !== 'built-in' && isUnder(relative, directory)) {
      rank = index;
      break;
    }
  }
  return rank < 0 ? fallback : rank;
}

function isUnder(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`);
}
