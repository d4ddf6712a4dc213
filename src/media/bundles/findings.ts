// What is wrong with a stack of bundles although each of them is right: where one file sums up many and the order decides which sum is seen
// (docs/bundle.md, "Findings"). What can be made anew is made by `fixes`.
import { nameFromBytes, readAll } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import type { Finding, Severity } from '../../errors.ts';
import { baseName, type Tree } from '../../tree/index.ts';
import { staleCaches } from './caches.ts';
import { lostPackages, STATUS_PATH } from './dpkg.ts';
import { staleIndexes } from './indexes.ts';
import { compareBundleNames, parseBundleName } from './names.ts';
import { LD_CACHE_PATH, staleLibraries } from './stale-libraries.ts';
import type { Layer, Union } from './union.ts';

const EXAMPLES_MOST = 4;
const USER_FILES = ['etc/passwd', 'etc/group'];
const USER_FILE_MOST = 1 << 24;

/** Joins a few of many names. */
function some(names: readonly string[]): string {
  const shown = names.slice(0, EXAMPLES_MOST).join(', ');
  return names.length > EXAMPLES_MOST ? `${shown} and ${names.length - EXAMPLES_MOST} more` : shown;
}

/** All findings about a stack, lowest layer first. Decoders are for compressed modules. */
export function stackFindings(layers: readonly Layer[], union: Union, decoders: readonly Decoder[]): Finding[] {
  const nameOf = (index: number | undefined) => (index === undefined ? 'no bundle' : layers[index]!.name);
  const found: Finding[] = [];
  const report = (code: string, severity: Severity, message: string, path?: string, file?: string): void => {
    found.push({ code, severity, where: { ...(file === undefined ? {} : { file }), ...(path === undefined ? {} : { path }) }, message });
  };
  sameNumbers(layers, union, report);
  for (const { release, set, missing, goneCount } of staleIndexes(union.tree, 'the union', decoders)) {
    const bringers = [...new Set(missing.map((relative) => nameOf(union.originOf(`${set.tree}/${relative}`))))];
    const lacks = missing.length === 0 ? '' : `lacks ${missing.length} modules of ${some(bringers)} (${some(missing.map(baseName))})`;
    const gone = goneCount === 0 ? '' : `lists ${goneCount} that are not there`;
    report(
      'modules-dep-stale',
      'warning',
      `modules.dep of ${release} ${[lacks, gone].filter((text) => text !== '').join(', and ')}`,
      `${set.tree}/modules.dep`,
    );
  }
  libraryFindings(union, nameOf, report);
  const lost = lostPackages(layers, union);
  if (lost.length > 0) {
    const bringers = some([...new Set(lost.map(({ layer }) => nameOf(layer)))]);
    report(
      'dpkg-status-incomplete',
      'warning',
      `dpkg does not know ${lost.length} packages of ${bringers}: ${some(lost.map(({ name }) => name))}`,
      STATUS_PATH,
    );
  }
  for (const { path, layer, sources, tool } of staleCaches(layers, union)) {
    const bringers = some([...new Set(sources.map((source) => nameOf(source.layer)))]);
    const message = `made for ${nameOf(layer)} and below, does not know ${sources.length} files of ${bringers} (${some(sources.map((source) => baseName(source.path)))}); "${tool}" in the finished system makes it anew`;
    report('cache-stale', 'warning', message, path);
  }
  for (const path of USER_FILES) usersLost(path, layers, union, report);
  takenDirectories(layers, union, report);
  for (const { name, tree } of layers) strangeMarks(name, tree, report);
  for (const [index, { name }] of layers.entries()) {
    const idle = union.idle.filter(({ layer }) => layer === index).map(({ path }) => path);
    if (idle.length > 0)
      report('idle-whiteout', 'note', `${idle.length} marks hide nothing in the bundles below: ${some(idle)}`, undefined, name);
  }
  return found;
}

type Report = (code: string, severity: Severity, message: string, path?: string, file?: string) => void;

/** Two bundles of one number that hold different things at one path: only their names decide. */
function sameNumbers(layers: readonly Layer[], union: Union, report: Report): void {
  const numberOf = (index: number) => parseBundleName(layers[index]!.name)?.number;
  const pairs = new Map<string, string[]>();
  for (const { path, by, of } of union.shadows) {
    if (numberOf(by) === undefined || numberOf(by) !== numberOf(of)) continue;
    const pair = `${layers[of]!.name} and ${layers[by]!.name}`;
    pairs.set(pair, [...(pairs.get(pair) ?? []), path]);
  }
  for (const [pair, paths] of pairs) {
    report(
      'order-by-name',
      'warning',
      `${pair} have one number and ${paths.length} paths in common (${some(paths)}): only their names decide which is seen`,
    );
  }
  for (let index = 1; index < layers.length; index++) {
    const [before, after] = [layers[index - 1]!.name, layers[index]!.name];
    if (parseBundleName(before) && parseBundleName(after) && compareBundleNames(before, after) > 0) {
      report(
        'order-not-by-number',
        'warning',
        `${before} is given below ${after}; a boot stacks them the other way round`,
        undefined,
        after,
      );
    }
  }
}

function libraryFindings(union: Union, nameOf: (index: number | undefined) => string, report: Report): void {
  const stale = staleLibraries(union.tree);
  if (stale === undefined) return;
  const { isKnown, missing, goneCount, unknownMachines, damaged } = stale;
  for (const { path, message } of damaged) report('library-damaged', 'warning', `looks like a library and is damaged: ${message}`, path);
  if (!isKnown) {
    report('ld-so-cache-unknown', 'note', 'the cache is in a form that is not read (glibc before 2.32)', LD_CACHE_PATH);
    return;
  }
  if (unknownMachines.length > 0) {
    report('ld-so-cache-unknown', 'note', `how a cache names libraries for ${some(unknownMachines)} is not known here`, LD_CACHE_PATH);
    return;
  }
  if (missing.length + goneCount === 0) return;
  const bringers = [...new Set(missing.map(({ path }) => nameOf(originThrough(union, path))))];
  const lacks =
    missing.length === 0 ? '' : `lacks ${missing.length} libraries of ${some(bringers)} (${some(missing.map(({ soname }) => soname))})`;
  const gone = goneCount === 0 ? '' : `names ${goneCount} that are not there`;
  report('ld-so-cache-stale', 'warning', `the loader's cache ${[lacks, gone].filter((text) => text !== '').join(', and ')}`, LD_CACHE_PATH);
}

/** The layer of a library whose directory may be reached through a link (lib to usr/lib). */
function originThrough(union: Union, path: string): number | undefined {
  const plain = path.replace(/^\/+/, '');
  return union.originOf(plain) ?? union.originOf(`usr/${plain}`);
}

/** Names in hidden versions of a user list that the visible one lacks: two bundles were made beside each other, not one on the other. */
function usersLost(path: string, layers: readonly Layer[], union: Union, report: Report): void {
  const visible = union.originOf(path);
  if (visible === undefined) return;
  const names = (tree: Tree): string[] => {
    const entry = tree.get(path);
    if (entry?.kind !== 'file' || entry.content.size > USER_FILE_MOST) return [];
    return nameFromBytes(readAll(entry.content))
      .split('\n')
      .flatMap((line) => (/^[^#:+-][^:]*:/.test(line) ? [line.slice(0, line.indexOf(':'))] : []));
  };
  const seen = new Set(names(union.tree));
  for (const [index, { name, tree }] of layers.entries()) {
    const lost = index < visible ? names(tree).filter((one) => !seen.has(one)) : [];
    if (lost.length === 0) continue;
    report(
      'users-lost',
      'warning',
      `${layers[visible]!.name} brings its own and lacks ${lost.length} names of ${name}: ${some(lost)}`,
      path,
    );
    for (const one of lost) seen.add(one);
  }
}

/** Directories that a bundle gives to another user: a bundle made by an ordinary user takes `usr` away from root. */
function takenDirectories(layers: readonly Layer[], union: Union, report: Report): void {
  const taken = new Map<number, string[]>();
  for (const { path, kind, uid, gid } of union.tree.entries) {
    const layer = kind === 'directory' ? (union.originOf(path) ?? 0) : 0;
    for (let below = layer - 1; below >= 0; below--) {
      const held = layers[below]!.tree.get(path);
      if (held === undefined) continue;
      if (held.kind === 'directory' && held.uid === 0 && (uid !== 0 || (held.gid === 0 && gid !== 0)))
        taken.set(layer, [...(taken.get(layer) ?? []), path]);
      break;
    }
  }
  for (const [layer, paths] of taken) {
    const shown = some(paths.map((path) => `/${path}`));
    report(
      'directory-taken',
      'warning',
      `${paths.length} directories of root get another owner: ${shown}; "kindling bundle make --all-root" gives all to root`,
      undefined,
      layers[layer]!.name,
    );
  }
}

/** Marks that overlayfs, mounted as the live system does, would show as files or not heed. */
function strangeMarks(file: string, tree: Tree, report: Report): void {
  const aufs = tree.entries.filter(({ path }) => baseName(path).startsWith('.wh.')).map(({ path }) => path);
  const user = tree.entries.filter(({ xattrs }) => xattrs?.has('user.overlay.opaque') === true).map(({ path }) => path);
  const newer = tree.entries.filter(({ xattrs }) => xattrs?.has('trusted.overlay.whiteout') === true).map(({ path }) => path);
  if (aufs.length > 0) {
    report(
      'aufs-marks',
      'warning',
      `${aufs.length} whiteouts of aufs are files to overlayfs (${some(aufs)}); "kindling bundle make" turns them into its own`,
      undefined,
      file,
    );
  }
  if (user.length > 0)
    report('user-marks', 'warning', `${user.length} directories are opaque only for mounts with userxattr: ${some(user)}`, undefined, file);
  if (newer.length > 0)
    report('newer-whiteouts', 'warning', `${newer.length} whiteouts need Linux 6.7 or later: ${some(newer)}`, undefined, file);
}
