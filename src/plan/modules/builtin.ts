// Modules that are part of the kernel image: modules.builtin (paths) and modules.builtin.modinfo (NUL-separated "module.key=value").
import { readAll } from '../../bytes/index.ts';
import { type ModinfoPair, parseModinfo } from '../../formats/elf/index.ts';
import { joinPath } from '../../tree/index.ts';
import { findFile, type Root } from '../root.ts';
import { type ModuleInfo, moduleInfo } from './module-info.ts';
import { moduleName, nameOfPath } from './names.ts';
import { readLines } from './scan.ts';

/** Built-in modules of one kernel. */
export interface Builtins {
  /** Names in the order of modules.builtin. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /** What a built-in module says of itself; undefined when the kernel recorded nothing (or is older than 5.2). */
  info(name: string): ModuleInfo | undefined;
  /** Every [alias, name] pair. */
  aliases(): readonly (readonly [string, string])[];
}

/** Reads both files on first use. */
export function openBuiltins(root: Root, tree: string): Builtins {
  let names: readonly string[] | undefined;
  let nameSet: ReadonlySet<string> | undefined;
  let pairsOf: ReadonlyMap<string, ModinfoPair[]> | undefined;
  const allNames = () => {
    names ??= readLines(root, joinPath(tree, 'modules.builtin')).flatMap((line) => nameOfPath(line) ?? []);
    return names;
  };
  const allPairs = () => {
    pairsOf ??= readPairs(root, joinPath(tree, 'modules.builtin.modinfo'));
    return pairsOf;
  };
  return {
    get names() {
      return allNames();
    },
    has(name) {
      nameSet ??= new Set(allNames());
      return nameSet.has(moduleName(name));
    },
    info(name) {
      const pairs = allPairs().get(moduleName(name));
      return pairs === undefined ? undefined : moduleInfo(pairs);
    },
    aliases() {
      return [...allPairs()].flatMap(([name, pairs]) => pairs.flatMap(([key, value]) => (key === 'alias' ? [[value, name] as const] : [])));
    },
  };
}

function readPairs(root: Root, path: string): Map<string, ModinfoPair[]> {
  const found = findFile(root, path);
  const byName = new Map<string, ModinfoPair[]>();
  if (found === undefined) return byName;
  for (const [key, value] of parseModinfo(readAll(found.content))) {
    const dot = key.indexOf('.');
    if (dot <= 0) continue;
    const name = moduleName(key.slice(0, dot));
    const pairs = byName.get(name);
    const pair: ModinfoPair = [key.slice(dot + 1), value];
    if (pairs === undefined) byName.set(name, [pair]);
    else pairs.push(pair);
  }
  return byName;
}
