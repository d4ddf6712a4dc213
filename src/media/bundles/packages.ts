// Debian packages as a bundle: their files, and what dpkg would note of them. Nothing of them is run; which scripts were not is told.
import { bytesSource, nameFromBytes, nameToBytes, readAll, utf8 } from '../../bytes/index.ts';
import { type Package, packagesTree } from '../../formats/deb/index.ts';
import { baseName, type Entry, file, makeTree, type Tree, withParents } from '../../tree/index.ts';
import { STATUS_PARTS } from './dpkg.ts';

/** A package file, opened. */
export interface PackageFile {
  readonly label: string;
  readonly content: Package;
}

/** What would have been run by dpkg. */
export interface UnrunScript {
  readonly package: string;
  readonly script: string;
}

/** The bundle's tree and what was left undone. */
export interface PackagesLayer {
  readonly tree: Tree;
  /** Names with versions, in the order given. */
  readonly packages: readonly { readonly name: string; readonly version: string; readonly architecture: string }[];
  readonly unrun: readonly UnrunScript[];
  /** Packages that these need and that are not among them, as their Depends and Pre-Depends say it. */
  readonly needs: readonly string[];
}

const SCRIPTS: ReadonlySet<string> = new Set(['preinst', 'postinst', 'prerm', 'postrm', 'config']);
/** Run when a package comes; the others only when it goes. */
const AT_INSTALL: ReadonlySet<string> = new Set(['preinst', 'postinst', 'config']);

/**
 * The files of the packages, with dpkg's notes of them: `var/lib/dpkg/info/NAME.*`, and their control data in `status.d`, from which
 * `fixes` completes dpkg's list. Throws CONFLICT where two packages hold different things at one path.
 */
export function packagesLayer(files: readonly PackageFile[]): PackagesLayer {
  const merged = packagesTree(files.map(({ label, content }) => ({ label, data: content.data })));
  // Links of a merged /usr (bin to usr/bin) are those of the bundle below: over one that has directories there they would hide them.
  const isOwn = (path: string) => files.some(({ content }) => content.data.get(path)?.kind === 'symlink');
  const data = merged.entries.filter(({ kind, path }) => kind !== 'symlink' || path.includes('/') || isOwn(path));
  const mtime = data.reduce((newest, entry) => Math.max(newest, entry.mtime), 0);
  const notes: Entry[] = [];
  const unrun: UnrunScript[] = [];
  const packages: { name: string; version: string; architecture: string }[] = [];
  const provided = new Set<string>();
  for (const { content } of files) {
    const [name, version, architecture] = ['Package', 'Version', 'Architecture'].map((key) => content.fields.get(key) ?? '') as [
      string,
      string,
      string,
    ];
    packages.push({ name, version, architecture });
    for (const one of [name, ...words(content.fields.get('Provides'))]) provided.add(one.replace(/ .*/s, ''));
    const stem = content.fields.get('Multi-Arch') === 'same' ? `${name}:${architecture}` : name;
    const note = (path: string, bytes: Uint8Array, mode = 0o644) => notes.push({ ...file(path, bytesSource(bytes), mode), mtime });
    note(`var/lib/dpkg/info/${stem}.list`, listOf(content.data));
    note(`${STATUS_PARTS}/${stem}`, withInstalled(content));
    for (const entry of content.control.entries) {
      const own = baseName(entry.path);
      if (entry.kind !== 'file' || own === 'control' || entry.path.includes('/')) continue;
      note(`var/lib/dpkg/info/${stem}.${own}`, readAll(entry.content), SCRIPTS.has(own) ? 0o755 : 0o644);
      if (AT_INSTALL.has(own)) unrun.push({ package: name, script: own });
    }
  }
  const wanted = files.flatMap(({ content }) => ['Depends', 'Pre-Depends'].flatMap((key) => words(content.fields.get(key))));
  const isThere = (need: string) => need.split('|').some((one) => provided.has(one.trim().replace(/[ (:].*/s, '')));
  const given = new Set([...data, ...notes].map(({ path }) => path));
  const whole = withParents([...data, ...notes]).map((entry) => (given.has(entry.path) ? entry : { ...entry, mtime }));
  const needs = [...new Set(wanted.filter((need) => !isThere(need)))].sort();
  return { tree: makeTree(whole), packages, unrun, needs };
}

function words(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((word) => word.trim().replace(/\s+/g, ' '))
    .filter((word) => word !== '');
}

/** Paths as dpkg lists them, the top as "/.". */
function listOf(data: Tree): Uint8Array {
  return nameToBytes(['/.', ...data.entries.flatMap(({ path }) => (path === '' ? [] : [`/${path}`]))].map((line) => `${line}\n`).join(''));
}

function withInstalled({ control }: Package): Uint8Array {
  const entry = control.get('control');
  if (entry?.kind !== 'file') return utf8('');
  const text = nameFromBytes(readAll(entry.content)).replace(/\n+$/, '');
  return nameToBytes(`${text.replace(/^(Package:.*)$/m, '$1\nStatus: install ok installed')}\n`);
}
