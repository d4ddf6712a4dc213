// Which kernel a plan is for: the versions a root holds, the newest of them, its module tree and its configuration.
import { nameFromBytes, readAll } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { parseConfig } from '../formats/kernel/index.ts';
import { joinPath } from '../tree/index.ts';
import type { KernelFacts } from './plan.ts';
import { findFile, type Root, resolve } from './root.ts';

/** What the caller knows about the kernel, from its image or from the command line. */
export interface KernelChoice {
  /** Release ("6.1.0-56-amd64"). */
  readonly version: string;
  readonly config?: ReadonlyMap<string, string> | undefined;
  /** Machine as ELF e_machine names it ("x86_64"). */
  readonly machine?: string | undefined;
}

const CONFIG_MOST = 4 * 1024 * 1024;

/** Order of kernel releases: runs of digits by value, all else by character; "6.10" is after "6.9", "6.1-rc1" before "6.1". */
export function compareVersions(a: string, b: string): number {
  const split = (text: string): string[] => text.match(/\d+|[^\d]+/g) ?? [];
  const left = split(a);
  const right = split(b);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const x = left[index];
    const y = right[index];
    if (x === y) continue;
    if (x === undefined) return y!.startsWith('-rc') ? 1 : -1;
    if (y === undefined) return x.startsWith('-rc') ? -1 : 1;
    const order = /^\d/.test(x) && /^\d/.test(y) ? Number(x) - Number(y) : x < y ? -1 : 1;
    if (order !== 0) return order;
  }
  return 0;
}

/** The directory of module trees of a root, links followed. */
function modulesHome(root: Root): string | undefined {
  for (const path of ['lib/modules', 'usr/lib/modules']) {
    const found = resolve(root, path);
    if (found.entry?.kind === 'directory') return found.path;
  }
  return undefined;
}

/** The module tree of a version, or undefined. A directory that only a removed package left behind (no module, no list) is none. */
export function moduleTreeOf(root: Root, version: string): string | undefined {
  for (const path of ['lib/modules', 'usr/lib/modules']) {
    const found = resolve(root, `${path}/${version}`);
    if (found.entry?.kind !== 'directory') continue;
    const names = root.names(found.path);
    if (names.some((name) => ['kernel', 'updates', 'extra', 'modules.builtin', 'modules.order'].includes(name))) return found.path;
  }
  return undefined;
}

/** All kernel releases of a root, newest first: those with a module tree, and those with only an image in /boot. */
export function kernelVersions(root: Root): string[] {
  const versions = new Set<string>();
  const home = modulesHome(root);
  if (home !== undefined) {
    for (const name of root.names(home)) if (moduleTreeOf(root, name) !== undefined) versions.add(name);
  }
  for (const name of root.names('boot')) {
    const version = /^(?:vmlinuz|vmlinux|Image)-(.+)$/.exec(name)?.[1];
    if (version !== undefined && /^\d/.test(version) && !/\.(old|bak|dpkg-\w+)$/.test(version)) versions.add(version);
  }
  return [...versions].sort((a, b) => compareVersions(b, a));
}

/** The path of the kernel image of a version in a root, or undefined. */
export function kernelImageOf(root: Root, version: string): string | undefined {
  const tree = moduleTreeOf(root, version);
  const places = [`boot/vmlinuz-${version}`, `boot/vmlinux-${version}`, `boot/Image-${version}`];
  if (tree !== undefined) places.push(joinPath(tree, 'vmlinuz'), joinPath(tree, 'Image'));
  return places.map((path) => resolve(root, path)).find(({ entry }) => entry?.kind === 'file')?.path;
}

/** The configuration of a kernel as files of the root hold it (beside its modules, in /boot, in a source tree); undefined when none does. */
export function kernelConfigOf(root: Root, version: string, tree = moduleTreeOf(root, version)): Map<string, string> | undefined {
  const places = [`boot/config-${version}`];
  if (tree !== undefined) places.unshift(`${tree}/config`, `${tree}/build/.config`, `${tree}/source/.config`);
  places.push(`usr/src/linux-${version}/.config`, `usr/src/linux-headers-${version}/.config`);
  for (const path of places) {
    const found = findFile(root, path);
    if (found === undefined || found.content.size > CONFIG_MOST) continue;
    const config = parseConfig(nameFromBytes(readAll(found.content)));
    if (config.size > 0) return config;
  }
  return undefined;
}

const MACHINE_OF_SYMBOL: readonly (readonly [string, string])[] = [
  ['X86_64', 'x86_64'],
  ['ARM64', 'aarch64'],
  ['X86_32', '386'],
  ['RISCV', 'riscv'],
  ['ARM', 'arm'],
  ['PPC64', 'ppc64'],
  ['S390', 's390'],
  ['SPARC64', 'sparcv9'],
  ['LOONGARCH', 'loongarch'],
];

/** The facts of the chosen kernel, or of the newest one. Throws NO_KERNEL when the root holds none, or not this one. */
export function kernelFacts(root: Root, choice: KernelChoice | undefined): KernelFacts {
  // Not asked where it does not matter: a list of all kernels would make each one's archive depend on all others.
  let known: string[] | undefined;
  const held = (): string[] => {
    known ??= kernelVersions(root);
    return known;
  };
  const version = choice?.version ?? held()[0];
  if (version === undefined) {
    throw new KindlingError('NO_KERNEL', `${root.label} holds no kernel: neither lib/modules/VERSION nor boot/vmlinuz-VERSION`, {
      file: root.label,
    });
  }
  const moduleTree = moduleTreeOf(root, version);
  const fromImage = choice?.config !== undefined || choice?.machine !== undefined;
  if (moduleTree === undefined && !fromImage && !held().includes(version)) {
    const others = held().length === 0 ? 'no kernel at all' : `only ${held().join(', ')}`;
    throw new KindlingError('NO_KERNEL', `${root.label} holds no kernel ${version}, ${others}`, { file: root.label });
  }
  const config = choice?.config ?? kernelConfigOf(root, version, moduleTree);
  const machine = choice?.machine ?? MACHINE_OF_SYMBOL.find(([symbol]) => config?.get(symbol) === 'y')?.[1];
  return { version, moduleTree, config, machine };
}
