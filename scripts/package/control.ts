// The control file: what packaging/debian/control says, and what only a build knows: version, architecture, size, needed libraries.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteSource, bytesSource } from '../../src/bytes/index.ts';
import { controlFields, printControl } from '../../src/formats/deb/index.ts';
import { dynamic, open, versionNeeds } from '../../src/formats/elf/index.ts';
import { HOME } from '../../src/node/home.ts';
import type { Tree } from '../../src/tree/index.ts';

/** Debian's names of the architectures that a private Node is there for, by Node's own names of them. */
export const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' } as const;
/** A machine by Node's name. */
export type Machine = keyof typeof ARCHITECTURES;

const QEMU: Readonly<Record<Machine, string>> = { x64: 'qemu-system-x86', arm64: 'qemu-system-arm' };

// Libraries by the Debian package that has them, and the symbol versions whose numbers are versions of that package.
const LIBRARIES: readonly { readonly library: RegExp; readonly name: string; readonly version: RegExp }[] = [
  { library: /^(lib(c|m|dl|pthread|rt)|ld-linux-[a-z0-9-]+)\.so\.[0-9]$/, name: 'libc6', version: /^GLIBC_([0-9.]+)$/ },
  { library: /^libgcc_s\.so\.1$/, name: 'libgcc-s1', version: /^GCC_([0-9.]+)$/ },
  { library: /^libstdc\+\+\.so\.6$/, name: 'libstdc++6', version: /^GLIBCXX_([0-9.]+)$/ },
  { library: /^libatomic\.so\.1$/, name: 'libatomic1', version: /^never$/ },
];
// The release of GCC that brought a version of libstdc++'s symbols (its manual, "ABI Policy and Guidelines"); the package has GCC's number.
const GCC_BY_SYMBOLS: ReadonlyMap<string, string> = new Map(
  '3.4.18 4.8, 3.4.19 4.8.3, 3.4.20 4.9, 3.4.21 5.2, 3.4.22 6, 3.4.23 7, 3.4.24 7.2, 3.4.25 8, 3.4.26 9, 3.4.27 9.2, 3.4.28 9.3, 3.4.29 11, 3.4.30 12, 3.4.31 13.1, 3.4.32 13.2, 3.4.33 14'
    .split(', ')
    .map((pair) => pair.split(' ') as [string, string]),
);

function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The value of Depends for these programs and libraries: of each library's package the least version that has the symbols they need. */
export function dependsOf(objects: readonly ByteSource[]): string {
  const least = new Map<string, string | undefined>();
  for (const object of objects) {
    const elf = open(object);
    const needs = new Map(versionNeeds(elf).map(({ library, versions }) => [library, versions]));
    for (const library of dynamic(elf)?.needed ?? []) {
      const known = LIBRARIES.find((one) => one.library.test(library));
      if (known === undefined) throw new Error(`no Debian package is known for ${library}`);
      const versions = (needs.get(library) ?? []).flatMap((name) => known.version.exec(name)?.[1] ?? []);
      least.set(known.name, [...versions, least.get(known.name) ?? '0'].sort(compareVersions).at(-1));
    }
  }
  const clause = ([name, version]: [string, string | undefined]): string => {
    const wanted = name === 'libstdc++6' && version !== undefined && version !== '0' ? gccVersion(version) : version;
    return wanted === undefined || wanted === '0' ? name : `${name} (>= ${wanted})`;
  };
  return [...least].map(clause).sort().join(', ');
}

function gccVersion(symbols: string): string {
  const version = GCC_BY_SYMBOLS.get(symbols);
  if (version === undefined) throw new Error(`no release of libstdc++6 is known for GLIBCXX_${symbols}`);
  return version;
}

/** KiB that a tree takes as Debian policy counts it: files rounded up, 1 for anything else. */
function installedSize(tree: Tree): number {
  return tree.entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? Math.ceil(entry.content.size / 1024) : 1), 0);
}

/** The control file of a package that installs this tree. */
export function controlFile(tree: Tree, version: string, machine: Machine): Uint8Array {
  const fixed = controlFields(readFileSync(join(HOME, 'packaging/debian/control')));
  const objects = tree.entries.flatMap((entry) => (entry.kind === 'file' && isObject(entry.content) ? [entry.content] : []));
  const given: Readonly<Record<string, string>> = {
    Version: version,
    Architecture: ARCHITECTURES[machine],
    'Installed-Size': String(installedSize(tree)),
    Depends: dependsOf(objects),
    Recommends: `${fixed.get('Recommends')}, ${QEMU[machine]}`,
  };
  const order = [
    'Package',
    'Version',
    'Architecture',
    'Maintainer',
    'Installed-Size',
    'Depends',
    'Recommends',
    'Section',
    'Priority',
    'Description',
  ];
  return printControl(order.map((name) => [name, given[name] ?? fixed.get(name) ?? missing(name)] as const));
}

function isObject(content: ByteSource): boolean {
  return content.size > 64 && bytesSource(content.read(0, 4)).read(0, 4).join() === '127,69,76,70';
}

function missing(name: string): never {
  throw new Error(`packaging/debian/control has no field ${name}`);
}
