// Firmware in a root (Documentation/driver-api/firmware/fw_search_path.rst): the kernel tries four directories with the plain name,
// then all four again with each compression suffix it was built for.
import type { Finding } from '../../errors.ts';
import { type Entry, type FileEntry, joinPath } from '../../tree/index.ts';
import { type Root, resolve } from '../root.ts';
import { matches, wildcardAt } from './names.ts';
import type { KernelModule } from './scan.ts';
import type { ModuleSet } from './set.ts';

/** How a kernel looks for firmware. */
export interface FirmwareSearch {
  /** Suffixes tried after the plain name, in order. Default: ".zst" then ".xz" (a kernel may have neither, see CONFIG_FW_LOADER_COMPRESS_*). */
  readonly suffixes?: readonly ('.zst' | '.xz')[];
}

/** One firmware file that a module asks for. */
export interface Firmware {
  /** The name asked for, without suffix ("intel/ibt-1.sfi"). */
  readonly name: string;
  /** Where the kernel finds it: a path in the root. */
  readonly path: string;
  /** The file, at the end of all links; its own path differs from `path` when there are links. */
  readonly file: FileEntry;
  /** Symbolic links below lib/firmware on the way, in order. */
  readonly links: readonly Entry[];
  /** Names of the modules that ask for it. */
  readonly wantedBy: readonly string[];
}

/** Finds the firmware of loadable and built-in modules. A name that is not there is a finding (a note: the device may not be). */
export function findFirmware(
  set: ModuleSet,
  modules: readonly KernelModule[],
  builtins: readonly string[],
  search: FirmwareSearch = {},
): { found: Firmware[]; findings: Finding[] } {
  const wanted = new Map<string, string[]>();
  const want = (names: readonly string[], by: string) => {
    for (const name of names) {
      const held = wanted.get(name);
      if (held === undefined) wanted.set(name, [by]);
      else if (!held.includes(by)) held.push(by);
    }
  };
  for (const module of modules) want(set.info(module).firmware, module.name);
  for (const name of builtins) want(set.builtins.info(name)?.firmware ?? [], name);

  const places = firmwarePlaces(set.root, set.version);
  const suffixes = ['', ...(search.suffixes ?? ['.zst', '.xz'])];
  const byPath = new Map<string, Firmware>();
  const findings: Finding[] = [];
  for (const [name, wantedBy] of wanted) {
    const found = wildcardAt(name) < 0 ? [name] : expand(set.root, places, suffixes, name);
    const files = found.flatMap((one) => locate(set.root, places, suffixes, one, wantedBy) ?? []);
    for (const file of files) {
      const held = byPath.get(file.path);
      byPath.set(file.path, held === undefined ? file : { ...held, wantedBy: [...new Set([...held.wantedBy, ...wantedBy])] });
    }
    if (files.length > 0) continue;
    findings.push({
      code: 'firmware-missing',
      severity: 'note',
      where: { path: `lib/firmware/${name}` },
      message: `firmware ${name}, which ${wantedBy.join(', ')} may ask for, is not in ${set.root.label}`,
    });
  }
  return { found: [...byPath.values()], findings };
}

/** The directories the kernel searches, as real paths in the root, in order; those that are not there are left out. */
export function firmwarePlaces(root: Root, version: string): string[] {
  const places: string[] = [];
  for (const tail of [`updates/${version}`, 'updates', version, '']) {
    // a root made of packages has no /lib link yet, so the merged directory is looked at by its own name as well
    for (const base of ['lib/firmware', 'usr/lib/firmware']) {
      const { path, entry } = resolve(root, tail === '' ? base : `${base}/${tail}`);
      if (entry?.kind === 'directory' && !places.includes(path)) places.push(path);
    }
  }
  return places;
}

function locate(
  root: Root,
  places: readonly string[],
  suffixes: readonly string[],
  name: string,
  wantedBy: readonly string[],
): Firmware | undefined {
  if (name.startsWith('/') || name.split('/').includes('..')) return undefined;
  for (const suffix of suffixes) {
    for (const place of places) {
      const path = joinPath(place, name + suffix);
      const { entry, links } = resolve(root, path);
      if (entry?.kind === 'file') return { name, path, file: entry, links, wantedBy };
    }
  }
  return undefined;
}

/** Names (without suffix) that a pattern stands for. Wildcards do not cross "/". */
function expand(root: Root, places: readonly string[], suffixes: readonly string[], pattern: string): string[] {
  const found = new Set<string>();
  const parts = pattern.split('/');
  for (const place of places) {
    let prefixes = [''];
    for (const part of parts.slice(0, -1)) {
      prefixes = prefixes.flatMap((prefix) =>
        wildcardAt(part) < 0
          ? [joinPath(prefix, part)]
          : namesIn(root, joinPath(place, prefix))
              .filter((name) => matches(part, name))
              .map((name) => joinPath(prefix, name)),
      );
    }
    for (const prefix of prefixes) {
      for (const name of namesIn(root, prefix === '' ? place : joinPath(place, prefix))) {
        for (const suffix of suffixes) {
          if (!name.endsWith(suffix)) continue;
          const bare = name.slice(0, name.length - suffix.length);
          if (matches(parts.at(-1)!, bare)) found.add(joinPath(prefix, bare));
        }
      }
    }
  }
  return [...found].sort();
}

function namesIn(root: Root, path: string): readonly string[] {
  const { path: at, entry } = resolve(root, path);
  return entry?.kind === 'directory' ? root.names(at) : [];
}
