// Debian packages laid over one another in an empty folder by kindling's own readers, without maintainer scripts and without root privilege.
// Owners come from the packages and are kept in a list, since an ordinary user cannot give files away; disk-image.ts applies them.
import { chmodSync, linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readAll } from '../../src/bytes/index.ts';
import { decode, packagesTree } from '../../src/formats/deb/index.ts';
import { decode as decodeTar } from '../../src/formats/tar/index.ts';
import { nodeDecoders } from '../../src/node/codecs.ts';
import { fileSource } from '../../src/node/source.ts';
import { makeTree, type Tree } from '../../src/tree/index.ts';
import type { Owners } from './disk-image.ts';

/** Creates a folder with the links of a merged /usr and nothing else. */
export function makeMergedUsr(folder: string): void {
  for (const name of ['bin', 'lib', 'sbin']) {
    mkdirSync(join(folder, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(folder, name));
  }
}

// Folders get their modes and times last: a folder that may not be written in still has to be filled.
/** Writes a tree of directories, files and links into a folder, which is made where it is missing. */
export function writeTree(tree: Tree, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const entry of tree.entries) {
    const at = join(folder, entry.path);
    if (entry.kind === 'directory') mkdirSync(at, { recursive: true });
    else if (entry.kind === 'symlink') symlinkSync(entry.target, at);
    else if (entry.kind === 'hardlink') linkSync(join(folder, entry.to), at);
    else if (entry.kind === 'file') {
      writeFileSync(at, readAll(entry.content));
      chmodSync(at, entry.mode);
      utimesSync(at, entry.mtime, entry.mtime);
    } else throw new Error(`a package holds a ${entry.kind} at ${entry.path}`);
  }
  for (const entry of [...tree.entries].reverse()) {
    if (entry.kind !== 'directory') continue;
    chmodSync(join(folder, entry.path), entry.mode);
    utimesSync(join(folder, entry.path), entry.mtime, entry.mtime);
  }
}

/** Unpacks packages together into a new folder. Answers who owns what is not root's. */
export function unpackPackages(paths: readonly string[], folder: string): Owners {
  const decoders = nodeDecoders();
  const parts = paths.map((path) => ({ label: basename(path), data: decode(fileSource(path), { decoders }).data }));
  const tree = packagesTree(parts);
  writeTree(tree, folder);
  return ownersOf(tree);
}

/** Unpacks a tar of a whole system into a new folder, devices left out. Answers who owns what is not root's. */
export function unpackTar(path: string, folder: string): Owners {
  const whole = decodeTar(fileSource(path));
  const tree = makeTree(whole.entries.filter(({ kind }) => kind !== 'char' && kind !== 'block'));
  writeTree(tree, folder);
  return ownersOf(tree);
}

function ownersOf(tree: Tree): Owners {
  const foreign = tree.entries.filter((entry) => entry.uid !== 0 || entry.gid !== 0);
  return new Map(foreign.map(({ path, uid, gid }) => [path, { uid, gid }]));
}
