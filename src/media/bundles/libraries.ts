// Which libraries belong in /etc/ld.so.cache: what ldconfig of glibc finds in the directories of ld.so.conf and its own (elf/ldconfig.c),
// found in a tree without running anything.
import { bytesSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { dynamic, type Elf, open } from '../../formats/elf/index.ts';
import { type Root, resolve } from '../../plan/index.ts';
import { configuredDirectories } from '../../plan/programs/index.ts';
import { type FileEntry, joinPath } from '../../tree/index.ts';
import { type CachedLibrary, compareSonames } from './ld-cache.ts';

/** FLAG_ELF_LIBC6 with the bits of the machine. */
const FLAGS: Readonly<Record<string, number>> = {
  'x86_64-64': 0x0303,
  'x86_64-32': 0x0803,
  '386-32': 0x0003,
  'aarch64-64': 0x0a03,
  'loongarch-64': 0x1203,
};
/** The multiarch directory that Debian builds into its ldconfig, by the same words. */
const TRIPLETS: Readonly<Record<string, string>> = { 'x86_64-64': 'x86_64-linux-gnu', 'aarch64-64': 'aarch64-linux-gnu' };
const PLAIN_DIRECTORIES = ['lib', 'lib32', 'libx32', 'usr/lib', 'usr/lib32', 'usr/libx32'];
/** Where other distributions have what Debian has in a multiarch directory; Debian's ldconfig does not look there. */
const WIDE_DIRECTORIES = ['lib64', 'usr/lib64'];
const HWCAPS = 'glibc-hwcaps';
const NAME = /^(?:lib|ld-).*\.so/s;
const NO_NAME = /\.#prelink#|-gdb\.py$|\.dpkg-(?:new|tmp)$/;
const HEAD_SIZE = 64;

/** What was found, and files that look like libraries and are damaged. */
export interface Libraries {
  readonly libraries: readonly CachedLibrary[];
  /** Machines whose libraries are left out, because their kind in the cache is not known here. */
  readonly unknownMachines: readonly string[];
  readonly damaged: readonly { readonly path: string; readonly message: string }[];
}

interface Candidate {
  readonly name: string;
  readonly soname: string;
  readonly isLink: boolean;
  readonly flags: number;
}

/** The libraries of a root as its loader is to find them. */
export function librariesOf(root: Root): Libraries {
  const found: CachedLibrary[] = [];
  const unknown = new Set<string>();
  const damaged: { path: string; message: string }[] = [];
  const done = new Set<string>();
  const multiarch = Object.values(TRIPLETS).flatMap((one) => [`lib/${one}`, `usr/lib/${one}`]);
  const isMultiarch = multiarch.some((directory) => resolve(root, directory).entry?.kind === 'directory');
  const own = [...(isMultiarch ? multiarch : WIDE_DIRECTORIES), ...PLAIN_DIRECTORIES];
  for (const directory of [...configuredDirectories(root), ...own]) {
    const place = resolve(root, directory);
    if (place.entry?.kind !== 'directory' || done.has(place.path)) continue;
    done.add(place.path);
    add(directory, place.path, undefined);
    const levels = resolve(root, joinPath(place.path, HWCAPS));
    if (levels.entry?.kind !== 'directory') continue;
    for (const level of root.names(levels.path)) {
      const at = resolve(root, joinPath(levels.path, level));
      if (at.entry?.kind === 'directory') add(`${directory}/${HWCAPS}/${level}`, at.path, level);
    }
  }
  return { libraries: found, unknownMachines: [...unknown].sort(), damaged };

  function add(shown: string, path: string, level: string | undefined): void {
    const best = new Map<string, Candidate>();
    for (const name of root.names(path)) {
      if (!NAME.test(name) || NO_NAME.test(name)) continue;
      const candidate = look(joinPath(path, name), name);
      if (candidate === undefined) continue;
      const held = best.get(candidate.soname);
      if (held === undefined || isBetter(candidate, held)) best.set(candidate.soname, candidate);
    }
    for (const { name, soname, flags } of best.values()) {
      // ldconfig would make a link of the soname; where there is none the file itself is as good for the loader
      const file = root.entry(joinPath(path, soname)) === undefined ? name : soname;
      found.push({ soname, path: `/${shown}/${file}`, flags, ...(level === undefined ? {} : { level }) });
    }
  }

  function look(path: string, name: string): Candidate | undefined {
    const own = root.entry(path);
    if (own?.kind !== 'file' && own?.kind !== 'symlink') return undefined;
    const real = own.kind === 'file' ? { path, entry: own } : resolve(root, path);
    if (real.entry?.kind !== 'file') return undefined;
    try {
      const elf = objectIn(real.entry);
      const needs = elf?.type === 'shared' ? dynamic(elf) : undefined;
      if (elf === undefined || needs === undefined) return undefined;
      const machine = `${elf.machine}-${elf.class}`;
      const flags = FLAGS[machine];
      if (flags === undefined || elf.endian !== 'little') {
        unknown.add(machine);
        return undefined;
      }
      const ownName = needs.soname ?? name;
      const isLink = own.kind === 'symlink' && isMeant(name, ownName);
      return { name, soname: isLink ? name : ownName, isLink, flags };
    } catch (error) {
      if (!(error instanceof KindlingError)) throw error;
      damaged.push({ path, message: error.message });
      return undefined;
    }
  }
}

/** A file is better than a link, then the higher version. */
function isBetter(one: Candidate, held: Candidate): boolean {
  if (one.isLink !== held.isLink) return held.isLink;
  return compareSonames(held.name, one.name) < 0;
}

/** Whether a link counts as one: it is called as the soname, or is the ".so" that compilers use. Any other is a file like others. */
function isMeant(name: string, soname: string): boolean {
  return name === soname || (name.endsWith('.so') && soname.startsWith(name));
}

function objectIn({ content }: FileEntry): Elf | undefined {
  const head = content.read(0, Math.min(HEAD_SIZE, content.size));
  if (head[0] !== 0x7f || head[1] !== 0x45 || head[2] !== 0x4c || head[3] !== 0x46) return undefined;
  return open(content.size < HEAD_SIZE ? bytesSource(head) : content);
}
