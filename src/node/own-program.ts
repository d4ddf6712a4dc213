// The running kindling as it lies in a root: usr/lib/kindling and the link on PATH. Installed, it is what runs; in a clone it is the package
// that `npm run package` made there.
import { readdirSync } from 'node:fs';
import { bytesSource, readAll } from '../bytes/index.ts';
import type { Decoder } from '../codecs/index.ts';
import { KindlingError } from '../errors.ts';
import { decode } from '../formats/deb/index.ts';
import { makeTree, symlink, type Tree, withParents } from '../tree/index.ts';
import { directoryTree } from './directory.ts';
import { HOME, IS_BUNDLED } from './home.ts';
import { fileSource } from './source.ts';

const PLACE = 'usr/lib/kindling';
const LINK = 'usr/bin/kindling';

/** The program as a tree with paths of a root. Throws NO_ENTRY in a clone without a package. */
export function ownProgram(decoders: readonly Decoder[]): Tree {
  return IS_BUNDLED ? installed() : packaged(decoders);
}

function installed(): Tree {
  const tree = directoryTree(HOME.replace(/\/$/, ''));
  const entries = tree.entries.filter(({ path }) => path !== '').map((entry) => ({ ...entry, path: `${PLACE}/${entry.path}` }));
  const moved = entries.map((entry) => (entry.kind === 'hardlink' ? { ...entry, to: `${PLACE}/${entry.to}` } : entry));
  return makeTree(withParents([...moved, symlink(LINK, '../lib/kindling/kindling')]));
}

function packaged(decoders: readonly Decoder[]): Tree {
  const folder = `${HOME}build`;
  const names = existing(folder).filter((name) => /^kindling_.*\.deb$/.test(name));
  const name = names.sort().at(-1);
  if (name === undefined) {
    throw new KindlingError('NO_ENTRY', 'there is no package of kindling to take it from; "npm run package" makes one', { file: folder });
  }
  const { data } = decode(bytesSource(readAll(fileSource(`${folder}/${name}`))), { decoders });
  return makeTree(withParents(data.entries.filter(({ path }) => path === LINK || path.startsWith(`${PLACE}/`))));
}

function existing(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not made yet
  }
}
