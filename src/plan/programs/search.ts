// Finding one library as the loader would (ld.so(8)): RPATH of the object and its loaders, RUNPATH of the object alone,
// the configured directories, the default ones. Objects of another class, byte order or machine are passed over.
import { joinPath, parentOf } from '../../tree/index.ts';
import { type Resolved, type Root, resolve } from '../root.ts';
import { configuredDirectories, muslDirectories } from './directories.ts';
import { defaultDirectories, libWords, machineKey, platformWord } from './machine.ts';
import { type ElfKind, type LoadedObject, readObject } from './objects.ts';

/** An object in the course of loading: `from` is who asked for it. */
export interface Loading {
  /** Real path in the root. */
  readonly path: string;
  readonly object: LoadedObject;
  readonly from: Loading | undefined;
}

/** A library that was found. */
export interface Found {
  /** Path as the loader would open it, links not followed. */
  readonly path: string;
  readonly resolved: Resolved;
  readonly object: LoadedObject;
  /** Only ld.so.conf leads to it, or only a hardware directory: the archive needs a link in this default directory. */
  readonly linkIn: string | undefined;
}

/** Finds libraries in one root. */
export interface LibrarySearch {
  /** The object at a path, or undefined when it is no ELF file; each file is opened once. */
  objectAt(resolved: Resolved): LoadedObject | undefined;
  find(name: string, by: Loading, loader: string | undefined): Found | undefined;
}

const HARDWARE = ['x86-64-v2', 'x86-64-v3', 'x86-64-v4', 'power9', 'power10', 'z13', 'z14', 'z15', 'z16'];

function expanded(path: string, by: Loading): string[] {
  const origin = `/${parentOf(by.path)}`;
  const plain = path.replace(/\$(ORIGIN\b|\{ORIGIN\})/g, origin).replace(/\$(PLATFORM\b|\{PLATFORM\})/g, platformWord(by.object.elf));
  if (!/\$(LIB\b|\{LIB\})/.test(plain)) return [plain];
  return libWords(by.object.elf).map((word) => plain.replace(/\$(LIB\b|\{LIB\})/g, word));
}

function ownDirectories(by: Loading): string[] {
  const needs = by.object.dynamic;
  if (needs === undefined) return [];
  const found: string[] = [];
  if (needs.runpath.length === 0) {
    for (let one: Loading | undefined = by; one !== undefined; one = one.from) {
      if (one.object.dynamic?.runpath.length === 0) for (const path of one.object.dynamic.rpath) found.push(...expanded(path, one));
    }
  }
  for (const path of needs.runpath) found.push(...expanded(path, by));
  return found.filter((path) => path.startsWith('/'));
}

/** A search over one root. */
export function librarySearch(root: Root): LibrarySearch {
  const objects = new Map<string, LoadedObject | undefined>();
  let configured: readonly string[] | undefined;

  const objectAt = (resolved: Resolved): LoadedObject | undefined => {
    if (objects.has(resolved.path)) return objects.get(resolved.path);
    const object = resolved.entry?.kind === 'file' ? readObject(resolved.entry, root.facts) : undefined;
    const elf = object?.kind === 'elf' ? object : undefined;
    objects.set(resolved.path, elf);
    return elf;
  };
  const fits = (path: string, like: ElfKind): Omit<Found, 'linkIn'> | undefined => {
    const resolved = resolve(root, path);
    const object = resolved.entry?.kind === 'file' ? objectAt(resolved) : undefined;
    return object === undefined || machineKey(object.elf) !== machineKey(like) ? undefined : { path, resolved, object };
  };

  return {
    objectAt,
    find(name, by, loader) {
      const like = by.object.elf;
      if (name.includes('/')) {
        for (const path of expanded(name, by)) {
          const found = fits(path.replace(/^\/+/, ''), like);
          if (found !== undefined) return { ...found, linkIn: undefined };
        }
        return undefined;
      }
      const musl = loader?.startsWith('ld-musl-') === true;
      const defaults = musl ? muslDirectories(root, loader) : defaultDirectories(like);
      configured ??= configuredDirectories(root);
      const isDefault = (directory: string): boolean => defaults.some((one) => resolve(root, one).path === resolve(root, directory).path);
      const home = defaults.find((one) => resolve(root, one).entry?.kind === 'directory') ?? defaults[0]!;
      for (const directory of ownDirectories(by)) {
        const found = fits(joinPath(directory.replace(/^\/+/, ''), name), like);
        if (found !== undefined) return { ...found, linkIn: undefined };
      }
      for (const directory of musl ? [] : configured) {
        const found = fits(joinPath(directory, name), like);
        if (found !== undefined) return { ...found, linkIn: isDefault(directory) ? undefined : home };
      }
      if (by.object.dynamic?.noDefaultLibraries === true) return undefined;
      for (const directory of defaults) {
        const found = fits(joinPath(directory, name), like);
        if (found !== undefined) return { ...found, linkIn: undefined };
      }
      // A copy for newer processors alone: it is better than none, though older machines will not run it.
      for (const directory of musl ? [] : [...configured, ...defaults]) {
        for (const level of HARDWARE) {
          const found = fits(`${directory}/glibc-hwcaps/${level}/${name}`, like);
          if (found !== undefined) return { ...found, linkIn: undefined };
        }
      }
      return undefined;
    },
  };
}
