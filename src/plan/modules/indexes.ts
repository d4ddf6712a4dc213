// The index files of a module tree, for a subset of its modules: the text forms that busybox and people read, and the tries kmod reads.
import { nameFromBytes, readAll, utf8 } from '../../bytes/index.ts';
import { open, symbols } from '../../formats/elf/index.ts';
import { joinPath } from '../../tree/index.ts';
import { findFile } from '../root.ts';
import { moduleName, nameOfPath, normaliseAlias, uncompressedPath } from './names.ts';
import type { KernelModule } from './scan.ts';
import type { ModuleSet } from './set.ts';
import { encodeIndex, type IndexValue } from './trie.ts';

/** One index file: its name in the module tree and its bytes. */
export interface IndexFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What may be changed about the indexes. */
export interface IndexOptions {
  /** Path under the module tree at which a module is stored. Default: as in the root. */
  readonly pathOf?: (module: KernelModule) => string;
  /** Whether modules.symbols is wanted; it takes reading every symbol table. Default false: nothing in an archive asks for symbols. */
  readonly symbols?: boolean;
}

/**
 * Index files for modules that are packed together. A dependency that is not among them and not built in is left out of modules.dep
 * (`closeOver` reports those). Equal input gives equal bytes.
 */
export function moduleIndexes(set: ModuleSet, modules: readonly KernelModule[], options: IndexOptions = {}): IndexFile[] {
  const places = new Map(set.modules.map((module, index) => [module, index]));
  const ordered = [...modules].sort((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0));
  const pathOf = options.pathOf ?? ((module: KernelModule) => module.relative);
  const byName = new Map(ordered.map((module) => [module.name, module]));
  const priority = (module: KernelModule) => places.get(module) ?? 0;

  const depLines = ordered.map((module) => {
    const needs = allNeeds(set, module, byName).map(pathOf);
    return { module, line: [`${pathOf(module)}:`, ...needs].join(' ') };
  });
  const aliases = ordered.flatMap((module) =>
    set.info(module).aliases.flatMap((written) => {
      const alias = normaliseAlias(written);
      return alias === undefined ? [] : [{ alias, written, module }];
    }),
  );
  const builtinAliases = set.builtins.aliases().flatMap(([written, name]) => {
    const alias = normaliseAlias(written);
    return alias === undefined ? [] : [{ key: alias, value: name, priority: 0 }];
  });
  const files: IndexFile[] = [
    text(
      'modules.dep',
      depLines.map(({ line }) => line),
    ),
    index(
      'modules.dep.bin',
      depLines.map(({ module, line }) => ({ key: module.name, value: line, priority: priority(module) })),
    ),
    text('modules.alias', [
      '# Aliases extracted from modules themselves.',
      ...aliases.map(({ written, module }) => `alias ${written} ${module.name}`),
    ]),
    index(
      'modules.alias.bin',
      aliases.map(({ alias, module }) => ({ key: alias, value: module.name, priority: priority(module) })),
    ),
    text('modules.softdep', [
      '# Soft dependencies extracted from modules themselves.',
      ...ordered.flatMap((module) => set.info(module).softdepLines.map((line) => `softdep ${module.name} ${line}`)),
    ]),
    text('modules.weakdep', [
      '# Weak dependencies extracted from modules themselves.',
      ...ordered.flatMap((module) =>
        set.info(module).weakdep.length > 0 ? [`weakdep ${module.name} ${set.info(module).weakdep.join(' ')}`] : [],
      ),
    ]),
    text('modules.devname', devnames(set, ordered)),
    index(
      'modules.builtin.bin',
      set.builtins.names.map((name) => ({ key: name, value: '', priority: 0 })),
    ),
    index('modules.builtin.alias.bin', builtinAliases),
    ...symbolFiles(set, ordered, options.symbols === true, priority),
  ];
  for (const name of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo']) {
    const found = findFile(set.root, joinPath(set.tree, name));
    const bytes = found === undefined ? new Uint8Array(0) : readAll(found.content);
    files.push({ name, bytes: name === 'modules.order' ? ownOrder(bytes, byName) : bytes });
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function text(name: string, lines: readonly string[]): IndexFile {
  return { name, bytes: utf8(lines.map((line) => `${line}\n`).join('')) };
}

function index(name: string, values: readonly IndexValue[]): IndexFile {
  return { name, bytes: encodeIndex(values) };
}

/** Dependencies of dependencies too, in the order depmod lists them: what is loaded first stands last. */
function allNeeds(set: ModuleSet, module: KernelModule, byName: ReadonlyMap<string, KernelModule>): KernelModule[] {
  const done = new Set<KernelModule>([module]);
  const loadOrder: KernelModule[] = [];
  const directOf = (one: KernelModule) => set.info(one).depends.flatMap((name) => byName.get(name) ?? []);
  const stack = [{ module, needs: directOf(module), next: 0 }];
  while (stack.length > 0) {
    const frame = stack.at(-1)!;
    const need = frame.needs[frame.next++];
    if (need === undefined) {
      stack.pop();
      if (frame.module !== module) loadOrder.push(frame.module);
    } else if (!done.has(need)) {
      done.add(need);
      stack.push({ module: need, needs: directOf(need), next: 0 });
    }
  }
  return loadOrder.reverse();
}

/** Device nodes by which a module can be asked for before it is loaded (systemd and busybox read this). */
function devnames(set: ModuleSet, modules: readonly KernelModule[]): string[] {
  const lines = ['# Device nodes to trigger on-demand module loading.'];
  for (const module of modules) {
    const { aliases } = set.info(module);
    const node = aliases.find((alias) => alias.startsWith('devname:'))?.slice('devname:'.length);
    const number = aliases.map((alias) => /^(char|block)-major-(\d+)-(\d+)$/.exec(alias)).find((match) => match !== null);
    if (node !== undefined && number) lines.push(`${module.name} ${node} ${number[1] === 'char' ? 'c' : 'b'}${number[2]}:${number[3]}`);
  }
  return lines;
}

function symbolFiles(
  set: ModuleSet,
  modules: readonly KernelModule[],
  wanted: boolean,
  priority: (module: KernelModule) => number,
): IndexFile[] {
  const rows = wanted ? modules.flatMap((module) => exportedSymbols(set, module).map((name) => ({ key: `symbol:${name}`, module }))) : [];
  return [
    text('modules.symbols', [
      '# Aliases for symbols, used by symbol_request().',
      ...rows.map(({ key, module }) => `alias ${key} ${module.name}`),
    ]),
    index(
      'modules.symbols.bin',
      rows.map(({ key, module }) => ({ key, value: module.name, priority: priority(module) })),
    ),
  ];
}

const EXPORTED = '__ksymtab_';

/** Names a module exports to others, sorted. */
export function exportedSymbols(set: ModuleSet, module: KernelModule): string[] {
  const names = symbols(open(set.elf(module))).flatMap(({ name, defined }) =>
    defined && name.startsWith(EXPORTED) ? [name.slice(EXPORTED.length)] : [],
  );
  return [...new Set(names)].sort();
}

/** modules.order without the modules that are not packed. */
function ownOrder(bytes: Uint8Array, byName: ReadonlyMap<string, KernelModule>): Uint8Array {
  const lines = nameFromBytes(bytes).split('\n');
  const kept = lines.filter((line) => {
    const name = nameOfPath(line);
    const module = name === undefined ? undefined : byName.get(moduleName(name));
    return module !== undefined && uncompressedPath(module.relative) === line;
  });
  return utf8(kept.map((line) => `${line}\n`).join(''));
}
