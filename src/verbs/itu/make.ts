// itu make: a bundle out of modules, firmware, files, configuration and packages. Equal input gives equal bytes.
import { bytesSource, readAll, type Sha256 } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { type Finding, KindlingError } from '../../errors.ts';
import type { Package } from '../../formats/deb/index.ts';
import { packagesTree } from '../../formats/deb/index.ts';
import { open } from '../../formats/elf/index.ts';
import { moduleTreeOf, type Root } from '../../plan/index.ts';
import { nameOfPath, openModules } from '../../plan/modules/index.ts';
import {
  baseName,
  comparePaths,
  type Entry,
  type FileEntry,
  file,
  makeTree,
  parentOf,
  symlink,
  type Tree,
  withParents,
} from '../../tree/index.ts';
import { checkBundleTree, checkEntry, releaseOf } from './bundle.ts';
import { fit } from './fit.ts';
import { encodeItuManifest, type ItuFile, type ItuManifest, manifestFault, manifestPath } from './manifest.ts';
import { type LookedAt, lookAtModule, moduleEntry, stockFamily } from './modules.ts';

/** A file that goes in: its entry (name and content count), and the word after "=" or what stands for it. */
export interface ItuInput {
  readonly entry: FileEntry;
  /** How messages call it. */
  readonly label: string;
  readonly to: string | undefined;
}

/** What a person said. */
export interface ItuWords {
  readonly name: string;
  readonly number: number;
  readonly version: string;
  readonly description: string;
  /** Releases it is for; those of its modules when none is named. */
  readonly kernels: readonly string[];
  /** `to` is a directory below `updates`. */
  readonly modules: readonly ItuInput[];
  /** `to` is a path below usr/lib/firmware. */
  readonly firmware: readonly ItuInput[];
  /** `to` is a path in the root. */
  readonly files: readonly ItuInput[];
  readonly configs: readonly ItuInput[];
  readonly packages: readonly { readonly label: string; readonly package: Package }[];
  /** Modules to load at once; all that were named as modules unless told. */
  readonly load: readonly string[] | undefined;
}

/** What making needs of the outside. */
export interface ItuMakeOutside {
  readonly decoders: readonly Decoder[];
  readonly sha256: Sha256;
  /** The root it is made for, where there is one. */
  readonly root: Root | undefined;
}

/** A bundle that can be written. */
export interface MadeBundle {
  readonly manifest: ItuManifest;
  readonly tree: Tree;
  readonly findings: readonly Finding[];
}

/** ELF's names for Debian's architectures. */
const MACHINES: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64', i386: '386', riscv64: 'riscv', s390x: 's390' };

function finding(code: string, severity: Finding['severity'], message: string, where: Finding['where']): Finding {
  return { code, severity, where, message };
}

/** A path of a person ("/etc/x", "etc/x") as one of the tree. */
function treePathOf(word: string | undefined, label: string): string {
  const path = (word ?? '').replace(/^\/+/, '').replace(/^(bin|sbin|lib)\//, 'usr/$1/');
  if (path === '' || path.endsWith('/')) throw new KindlingError('USAGE', `${label}: where it goes is missing, write FILE=PATH`);
  return path;
}

function plainFile(path: string, { content, mode }: FileEntry): FileEntry {
  return file(path, content, (mode & 0o111) === 0 ? 0o644 : 0o755);
}

interface Gathered {
  readonly entry: Entry;
  readonly config: boolean;
  readonly label: string;
}

/** What a package installs, with the modes and owners a bundle has; documentation is left out. */
function packageEntries(words: ItuWords, findings: Finding[]): Gathered[] {
  if (words.packages.length === 0) return [];
  const tree = packagesTree(words.packages.map(({ label, package: { data } }) => ({ label, data })));
  for (const { label, package: one } of words.packages) {
    const scripts = ['preinst', 'postinst', 'prerm', 'postrm'].filter((script) => one.control.get(script) !== undefined);
    if (scripts.length > 0)
      findings.push(
        finding('itu-scripts-left', 'warning', `its ${scripts.join(', ')} will not be run: a bundle is files only`, { file: label }),
      );
  }
  const configs = new Set(words.packages.flatMap(({ package: { control } }) => conffiles(control)));
  const gathered: Gathered[] = [];
  for (const entry of tree.entries) {
    const { path } = entry;
    if (entry.kind === 'directory' || /^usr\/share\/(doc|man|lintian)\//.test(path)) continue;
    if (entry.kind === 'symlink') {
      // the link of a merged /usr that packagesTree adds is the root's own
      if (path.includes('/')) gathered.push({ entry: symlink(path, relativeTarget(path, entry.target)), config: false, label: 'package' });
      continue;
    }
    const named = entry.kind === 'hardlink' ? tree.get(entry.to) : entry;
    if (named?.kind !== 'file' || (named.mode & 0o7000) !== 0) {
      const what = named?.kind === 'file' ? 'a set-id file' : `a ${entry.kind} entry`;
      throw new KindlingError('NOT_EXPRESSIBLE', `a package holds ${what}, which no bundle takes`, { path });
    }
    gathered.push({ entry: plainFile(path, named), config: configs.has(path), label: 'package' });
  }
  return gathered;
}

function conffiles(control: Tree): string[] {
  const entry = control.get('conffiles');
  if (entry?.kind !== 'file') return [];
  const lines = new TextDecoder().decode(readAll(entry.content)).split('\n');
  return lines.map((line) => line.trim().replace(/^\//, '')).filter((line) => line.startsWith('etc/'));
}

/** An absolute target as one that is relative to where the link is. */
function relativeTarget(path: string, target: string): string {
  if (!target.startsWith('/')) return target;
  const up = parentOf(path)
    .split('/')
    .map(() => '..');
  return [...up, ...target.split('/').filter((part) => part !== '')].join('/');
}

/** Gathers, checks and orders what goes into a bundle. Findings of severity `error` mean that it must not be written. */
export function makeBundle(words: ItuWords, { decoders, sha256, root }: ItuMakeOutside): MadeBundle {
  const findings: Finding[] = [];
  const looked: LookedAt[] = [];
  const gathered: Gathered[] = [];
  const stockOf = (release: string) => {
    const at = root === undefined ? undefined : moduleTreeOf(root, release);
    return root === undefined || at === undefined ? undefined : openModules(root, at, decoders);
  };
  for (const { entry, label, to } of words.modules) {
    const one = lookAtModule(entry, label, decoders);
    looked.push(one);
    const stock = stockOf(one.release);
    const family = (to ?? (stock === undefined ? undefined : stockFamily(stock, one.name)) ?? one.family).replace(/^\/+|\/+$/g, '');
    const place = family === '' ? 'updates' : `updates/${family}`;
    const path = `usr/lib/modules/${one.release}/${place}/${baseName(entry.path)}`;
    gathered.push({ entry: moduleEntry(path, entry), config: false, label });
    if (words.kernels.length === 0 || words.kernels.includes(one.release)) continue;
    findings.push(
      finding('vermagic', 'error', `the module is for kernel ${one.release}, the bundle for ${words.kernels.join(', ')}`, { file: label }),
    );
  }
  for (const { entry, label, to } of words.firmware) {
    const path = `usr/lib/firmware/${(to ?? baseName(entry.path)).replace(/^\/*(usr\/)?(lib\/firmware\/)?/, '')}`;
    gathered.push({ entry: file(path, entry.content, 0o644), config: false, label });
  }
  for (const { entry, label, to } of words.files) gathered.push({ entry: plainFile(treePathOf(to, label), entry), config: false, label });
  for (const { entry, label, to } of words.configs) {
    const path = treePathOf(to, label);
    if (!path.startsWith('etc/')) throw new KindlingError('USAGE', `${label}: configuration goes below /etc, not to /${path}`);
    gathered.push({ entry: plainFile(path, entry), config: true, label });
  }
  gathered.push(...packageEntries(words, findings));
  return finished(words, gathered, looked, { decoders, sha256, root }, findings);
}

function finished(
  words: ItuWords,
  gathered: readonly Gathered[],
  looked: readonly LookedAt[],
  outside: ItuMakeOutside,
  findings: Finding[],
): MadeBundle {
  if (gathered.length === 0) throw new KindlingError('USAGE', 'itu make: there is nothing to put into the bundle');
  const { sha256, root, decoders } = outside;
  const byPath = new Map<string, Gathered>();
  for (const one of gathered) {
    const { path } = one.entry;
    checkEntry(one.entry, words.name);
    if (byPath.has(path)) throw new KindlingError('CONFLICT', `${byPath.get(path)!.label} and ${one.label} both go to ${path}`, { path });
    byPath.set(path, one);
  }
  const ordered = [...byPath.values()].sort((a, b) => comparePaths(a.entry.path, b.entry.path));
  const used = ordered.flatMap(({ entry }) => (nameOfPath(entry.path) === undefined ? [] : (releaseOf(entry.path) ?? [])));
  const kernels = [...new Set([...words.kernels, ...used])].sort();
  const machines = machinesOf(words, ordered, looked);
  if (machines.length > 1) findings.push(finding('itu-architecture', 'error', `it holds programs for ${machines.join(' and ')}`, {}));
  const { name, number, version, description } = words;
  const load = words.load ?? looked.map((one) => one.name);
  const said = { name, number, version, description, architecture: machines[0] ?? 'any', kernels, load: [...new Set(load)] };
  const fault = manifestFault(said);
  if (fault !== undefined) throw new KindlingError('USAGE', `itu make: ${fault}`);
  const files = ordered.map(({ entry, config }) => fileOf(entry, config, sha256));
  const manifest: ItuManifest = { ...said, files };
  const own = file(manifestPath(name), bytesSource(encodeItuManifest(manifest)));
  const tree = makeTree(withParents([...ordered.map(({ entry }) => entry), own]));
  checkBundleTree(tree, manifest, sha256);
  findings.push(...fit({ manifest, tree, root, decoders }).findings);
  return { manifest, tree, findings };
}

function fileOf(entry: Entry, config: boolean, sha256: Sha256): ItuFile {
  const { path, mode } = entry;
  if (entry.kind === 'symlink') return { kind: 'link', path, target: entry.target };
  if (entry.kind !== 'file') throw new KindlingError('INTERNAL', `a ${entry.kind} was gathered`, { path });
  return { kind: config ? 'config' : 'file', path, mode, size: entry.content.size, sha256: sha256(readAll(entry.content)) };
}

function machinesOf(words: ItuWords, ordered: readonly Gathered[], looked: readonly LookedAt[]): string[] {
  const machines = new Set(looked.map(({ machine }) => machine));
  for (const { package: one } of words.packages) {
    const word = one.fields.get('Architecture');
    if (word !== undefined && word !== 'all') machines.add(MACHINES[word] ?? word);
  }
  for (const { entry } of ordered) {
    if (entry.kind !== 'file' || entry.path.startsWith('usr/lib/firmware/') || !startsAsElf(entry)) continue;
    machines.add(open(entry.content).machine);
  }
  return [...machines].sort();
}

function startsAsElf({ content }: FileEntry): boolean {
  return content.size >= 64 && content.read(0, 4).join() === '127,69,76,70';
}
