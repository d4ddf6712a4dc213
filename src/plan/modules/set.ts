// The modules of one kernel in a root. The file list comes from a walk over names; what a module says comes from its own ELF, on demand.
// The root's modules.alias answers alias look-ups when the root's index files fit the files; otherwise all modules are read once.
import { type ByteSource, bytesSource, lazySource, readAll } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { type Finding, KindlingError, located } from '../../errors.ts';
import { modinfo } from '../../formats/elf/index.ts';
import { baseName, type FileEntry, joinPath, parentOf } from '../../tree/index.ts';
import { findFile, type Root } from '../root.ts';
import { type AliasTable, aliasTable } from './alias-table.ts';
import { type Builtins, openBuiltins } from './builtin.ts';
import { depmodConfig } from './depmod-config.ts';
import { moduleFacts, parseModuleFacts } from './module-facts.ts';
import { type ModuleInfo, moduleInfo } from './module-info.ts';
import { moduleName } from './names.ts';
import { type KernelModule, readLines, scanTree } from './scan.ts';

/** The modules of one kernel. Names are accepted in any spelling ("-" or "_") and given back in the kernel's ("_"). */
export interface ModuleSet {
  readonly root: Root;
  /** Path of the module tree in the root. */
  readonly tree: string;
  /** Kernel release: the tree's last component. */
  readonly version: string;
  /** All module files that count, in modules.order. */
  readonly modules: readonly KernelModule[];
  readonly builtins: Builtins;
  get(name: string): KernelModule | undefined;
  /** The regular file behind a module, links followed. Throws NO_ENTRY when the link dangles. */
  file(module: KernelModule): FileEntry;
  /** The module's ELF bytes, decompressed where the file is compressed. Throws what the codec throws, with the path. */
  elf(module: KernelModule): ByteSource;
  /** What the module says of itself; kept after the first time. Throws BAD_MAGIC, BAD_VALUE, TRUNCATED or LIMIT with the path. */
  info(module: KernelModule): ModuleInfo;
  /** Names that a module name or alias (a modalias, "fs-ext4", "crypto-crc32c") stands for, loadable ones first. */
  find(alias: string): readonly string[];
  /** Whether the root's own index files are used for all alias look-ups. Modules in directories that changed since are asked themselves. */
  readonly indexed: boolean;
  /** Oddities of the tree itself. */
  readonly findings: readonly Finding[];
}

const MODULE_SIZE_MOST = 1 << 29;

/** Kinds of what is kept of modules between runs: what they say of themselves, and their size unpacked. */
const MODULE = 'module';
const UNPACKED = 'unpacked';

/** What is kept of unpacked modules: the closure reads each for its `.modinfo`, and whoever packs it reads it again. */
const KEPT_SIZE_MOST = 96 << 20;

/** Opens a module tree ("usr/lib/modules/6.1.0-1-amd64"). Throws NO_KERNEL when it is no directory. Decoders are for compressed modules. */
export function openModules(root: Root, tree: string, decoders: readonly Decoder[]): ModuleSet {
  if (root.entry(tree)?.kind !== 'directory') {
    throw new KindlingError('NO_KERNEL', `there is no module tree "${tree}" in ${root.label}`, { path: tree });
  }
  const version = baseName(tree);
  const { modules, changed } = scanTree(root, tree, depmodConfig(root, version));
  const byName = new Map(modules.map((module) => [module.name, module]));
  const infos = new Map<KernelModule, ModuleInfo>();
  const builtins = openBuiltins(root, tree);
  const findings: Finding[] = [];
  const unindexed = beyondIndex(root, tree, modules, changed, findings);
  const indexed = unindexed?.length === 0;
  let loadable: AliasTable | undefined;
  let builtinAliases: AliasTable | undefined;

  const kept = new Map<KernelModule, ByteSource>();
  let keptSize = 0;
  const keep = (module: KernelModule, content: ByteSource) => {
    kept.set(module, content);
    keptSize += content.size;
    for (const [oldest, { size }] of kept) {
      if (keptSize <= KEPT_SIZE_MOST) break;
      kept.delete(oldest);
      keptSize -= size;
    }
  };

  const set: ModuleSet = {
    root,
    tree,
    version,
    modules,
    builtins,
    indexed,
    findings,
    get: (name) => byName.get(moduleName(name)),
    file(module) {
      // Nearly always the path leads nowhere else; following it would cost more than all else that is asked of a module.
      const entry = root.entry(module.path);
      const found = entry?.kind === 'file' ? entry : findFile(root, module.path);
      if (found === undefined) throw new KindlingError('NO_ENTRY', `module ${module.name} is no file`, { path: module.path });
      return found;
    },
    elf(module) {
      const held = kept.get(module);
      if (held !== undefined) return held;
      const entry = set.file(module);
      const size = unpackedSize(root.facts?.recall(UNPACKED, entry.path));
      // Told from the file alone, so that it need not be unpacked only to know where it goes.
      const lazy = size === undefined ? undefined : lazySource(size, () => readAll(uncompressed(entry, decoders).content));
      const { content, unpacked } = lazy === undefined ? uncompressed(entry, decoders) : { content: lazy, unpacked: true };
      if (unpacked) {
        keep(module, content);
        root.facts?.unpacked(content, entry.path);
        if (lazy === undefined) root.facts?.note(UNPACKED, entry.path, String(content.size));
      }
      return content;
    },
    info(module) {
      let info = infos.get(module);
      if (info === undefined) {
        try {
          info = recalled(root, set.file(module)) ?? noted(root, set.file(module), moduleInfo(modinfo(set.elf(module))));
        } catch (error) {
          throw located(error, { path: module.path });
        }
        infos.set(module, info);
      }
      return info;
    },
    find(alias) {
      const name = moduleName(alias);
      if (byName.has(name)) return [name];
      loadable ??= aliasTable([
        ...(unindexed === undefined ? [] : indexedAliases(root, tree, new Set(unindexed.map((one) => one.name)))),
        ...(unindexed ?? modules).flatMap((one) => set.info(one).aliases.map((text) => [text, one.name] as const)),
      ]);
      builtinAliases ??= aliasTable(builtins.aliases());
      const found = new Set(loadable.find(alias));
      if (builtins.has(name)) found.add(name);
      for (const one of builtinAliases.find(alias)) found.add(one);
      return [...found];
    },
  };
  return set;
}

function recalled({ facts }: Root, { path }: FileEntry): ModuleInfo | undefined {
  const text = facts?.recall(MODULE, path);
  return text === undefined ? undefined : parseModuleFacts(text);
}

function noted({ facts }: Root, { path }: FileEntry, info: ModuleInfo): ModuleInfo {
  facts?.note(MODULE, path, moduleFacts(info));
  return info;
}

function unpackedSize(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,9}$/.test(text) && Number(text) <= MODULE_SIZE_MOST ? Number(text) : undefined;
}

function uncompressed(entry: FileEntry, decoders: readonly Decoder[]): { content: ByteSource; unpacked: boolean } {
  const { content, path } = entry;
  // the usual case costs no read; a file that belies its name is refused by the ELF reader
  if (path.endsWith('.ko')) return { content, unpacked: false };
  const head = content.read(0, Math.min(16, content.size));
  if (head[0] === 0x7f) return { content, unpacked: false };
  const decoder = decoders.find((one) => one.detect(head));
  if (decoder === undefined) return { content, unpacked: false }; // then the ELF reader says what is wrong with it
  try {
    return { content: bytesSource(decoder.decode(readAll(content), MODULE_SIZE_MOST).bytes), unpacked: true };
  } catch (error) {
    throw located(error, { path });
  }
}

/**
 * The modules that the root's index files say nothing of: those in directories that changed after they were written. Undefined when the files
 * are not there, or do not list exactly the modules that are.
 */
function beyondIndex(
  root: Root,
  tree: string,
  modules: readonly KernelModule[],
  changed: ReadonlyMap<string, number>,
  findings: Finding[],
): readonly KernelModule[] | undefined {
  const path = joinPath(tree, 'modules.dep');
  const dep = findFile(root, path);
  if (dep === undefined || findFile(root, joinPath(tree, 'modules.alias')) === undefined) return undefined;
  const listed = new Set(readLines(root, path).map((line) => line.slice(0, line.indexOf(':'))));
  const strangers = modules.filter((module) => !listed.delete(module.relative));
  if (strangers.length === 0 && listed.size === 0) {
    return modules.filter((module) => (changed.get(parentOf(module.path)) ?? 0) > dep.mtime);
  }
  findings.push({
    code: 'modules-dep-stale',
    severity: 'warning',
    where: { path },
    message: `modules.dep does not list what is there: ${strangers.length} modules are missing from it, ${listed.size} of its lines name no module that counts`,
  });
  return undefined;
}

function* indexedAliases(root: Root, tree: string, except: ReadonlySet<string>): Generator<readonly [string, string]> {
  for (const line of readLines(root, joinPath(tree, 'modules.alias'))) {
    if (!line.startsWith('alias ')) continue;
    const gap = line.lastIndexOf(' ');
    const name = moduleName(line.slice(gap + 1));
    if (gap > 6 && !except.has(name)) yield [line.slice(6, gap), name];
  }
}
