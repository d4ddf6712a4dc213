// What a module says of itself (`.modinfo`), sorted by what the planner asks for.
import type { ModinfoPair } from '../../formats/elf/index.ts';
import { moduleName } from './names.ts';

/** Names or aliases to load before and after a module. */
export interface Softdep {
  readonly pre: readonly string[];
  readonly post: readonly string[];
}

/** A module's own words. Names in `depends` are in the kernel's spelling; softdep and weakdep words are as written, and may be aliases. */
export interface ModuleInfo {
  /** The `name` key; undefined in modules of kernels before 4.13. */
  readonly name: string | undefined;
  /** Direct dependencies. */
  readonly depends: readonly string[];
  readonly softdep: Softdep;
  readonly weakdep: readonly string[];
  readonly aliases: readonly string[];
  /** Names under lib/firmware; may hold wildcards. */
  readonly firmware: readonly string[];
  readonly vermagic: string | undefined;
  /** The softdep lines as written, for modules.softdep. */
  readonly softdepLines: readonly string[];
}

const NOTHING: readonly string[] = [];

/** Sorts the pairs of one module. Unknown keys are passed over. */
export function moduleInfo(pairs: readonly ModinfoPair[]): ModuleInfo {
  const depends: string[] = [];
  const weakdep: string[] = [];
  const aliases: string[] = [];
  const firmware: string[] = [];
  const softdepLines: string[] = [];
  let name: string | undefined;
  let vermagic: string | undefined;
  for (const [key, value] of pairs) {
    if (key === 'alias') aliases.push(value);
    else if (key === 'firmware') firmware.push(value);
    else if (key === 'depends') depends.push(...value.split(',').filter(Boolean).map(moduleName));
    else if (key === 'softdep') softdepLines.push(value);
    else if (key === 'weakdep') weakdep.push(...words(value));
    else if (key === 'vermagic') vermagic = value;
    else if (key === 'name') name = moduleName(value);
  }
  const softdep = mergeSoftdeps(softdepLines.map(parseSoftdep));
  return { name, depends, softdep, weakdep, aliases, firmware, vermagic, softdepLines };
}

/**
 * Reads "pre: a b post: c". Words before any marker count as `pre`: real modules write `softdep: gcm` and mean it
 * (kmod ignores those words; loading one module more does no harm).
 */
export function parseSoftdep(line: string): Softdep {
  const pre: string[] = [];
  const post: string[] = [];
  let list = pre;
  for (const word of words(line)) {
    if (word === 'pre:') list = pre;
    else if (word === 'post:') list = post;
    else list.push(word);
  }
  return { pre, post };
}

/** Joins several soft dependencies of one module. */
export function mergeSoftdeps(softdeps: readonly Softdep[]): Softdep {
  if (softdeps.length === 0) return { pre: NOTHING, post: NOTHING };
  return { pre: softdeps.flatMap((one) => one.pre), post: softdeps.flatMap((one) => one.post) };
}

/** Words separated by blanks. */
export function words(line: string): string[] {
  return line.split(/[ \t\r\n]+/).filter(Boolean);
}
