// Layers for tests of this room: small trees by path and text, packages, modules, libraries.
import { bytesSource, readAll, utf8 } from '../../bytes/index.ts';
import { makeProgram } from '../../formats/elf/index.ts';
import { SAMPLE_TREE, sampleModule } from '../../plan/modules/sample-tree.ts';
import { directory, type Entry, file, makeTree, symlink, type Tree, withParents } from '../../tree/index.ts';
import { encodeLdCache, type Layer } from './index.ts';

/** A file with a text. */
export const text = (path: string, content = path): Entry => file(path, bytesSource(utf8(content)));

/** A tree of entries and of files by path; directories are added. */
export const tree = (...entries: readonly (Entry | string)[]): Tree =>
  makeTree(withParents([directory(''), ...entries.map((entry) => (typeof entry === 'string' ? text(entry) : entry))]));

/** A stack, lowest first, of bundles called 01.sb, 02.sb and so on. */
export const stack = (...trees: readonly Tree[]): Layer[] => trees.map((one, index) => ({ name: `0${index + 1}.sb`, tree: one }));

/** What a file of a tree says; undefined where there is none. */
export function saying(of: Tree, path: string): string | undefined {
  const entry = of.get(path);
  return entry?.kind === 'file' ? new TextDecoder().decode(readAll(entry.content)) : undefined;
}

/** A paragraph of dpkg's list, and the list of files that says it is installed. */
export const paragraph = (name: string): string => `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n`;
export const listed = (name: string): Entry => text(`var/lib/dpkg/info/${name}.list`, '/.\n');

/** A bundle with kernel modules and a modules.dep that lists `dep` of them. */
export function modulesTree(names: readonly string[], dep: readonly string[] | undefined): Tree {
  const modules = names.map((name) =>
    file(`${SAMPLE_TREE}/kernel/${name}.ko`, bytesSource(sampleModule(`kernel/${name}.ko`, { depends: '', alias: `test:${name}` }))),
  );
  const lines = (dep ?? []).map((name) => `kernel/${name}.ko:\n`).join('');
  return tree(
    ...modules,
    ...(dep === undefined ? [] : [text(`${SAMPLE_TREE}/modules.dep`, lines), text(`${SAMPLE_TREE}/modules.alias`, '')]),
  );
}

const LIBRARIES = 'usr/lib/x86_64-linux-gnu';

/** A library with its soname as a link, as packages have them. */
export function library(name: string): Entry[] {
  return [
    file(`${LIBRARIES}/${name}.so.1.0`, bytesSource(makeProgram({ soname: `${name}.so.1` })), 0o755),
    symlink(`${LIBRARIES}/${name}.so.1`, `${name}.so.1.0`),
  ];
}

/** The loader's cache of these libraries. */
export function cacheOf(...names: readonly string[]): Entry {
  const libraries = names.map((name) => ({ soname: `${name}.so.1`, path: `/${LIBRARIES}/${name}.so.1`, flags: 0x0303 }));
  return file('etc/ld.so.cache', bytesSource(encodeLdCache(libraries)));
}
