// A bundle as it is read: bytes in memory, the tree in them, and the manifest, which must agree file by file. What a bundle may hold is
// decided here, once, for making and for reading (docs/itu.md, "What a bundle may hold").
import { type Archive, decode } from '../../archive/index.ts';
import { bytesSource, readAll, type Sha256 } from '../../bytes/index.ts';
import type { Decoder } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import { comparePaths, type Entry, parentOf, type Tree } from '../../tree/index.ts';
import { ITU_DIRECTORY, type ItuFile, type ItuManifest, manifestPath, parseItuManifest } from './manifest.ts';

/** A bundle that was read and holds what its manifest says, and nothing else. */
export interface Bundle {
  readonly manifest: ItuManifest;
  readonly tree: Tree;
  /** Of the whole file. */
  readonly sha256: string;
  /** The whole file: what a signature is over, and what the tree's contents are views of or were unpacked from. */
  readonly bytes: Uint8Array;
}

/** Most bytes of a bundle as a file. */
export const BUNDLE_SIZE_MOST = 512 << 20;
const UNPACKED_MOST = 2 ** 30;
const ENTRIES_MOST = 1 << 15;
const MANIFEST_SIZE_MOST = 16 << 20;

/** Directories of a root that no bundle writes to: other file systems of a running machine, kindling's own records, and whom it trusts. */
const CLOSED = ['dev', 'proc', 'sys', 'run', 'tmp', 'var/tmp', 'var/lib/kindling', 'etc/kindling', ITU_DIRECTORY];
const ARCHIVES = /^boot\/kindling-/;
const INDEX = /^usr\/lib\/modules\/[^/]+\/modules\.[^/]+$/;

function unsafe(message: string, path: string): KindlingError {
  return new KindlingError('UNSAFE_PATH', `the bundle is refused: ${message}`, { path });
}

/** Where a relative link leads, as a path of the tree; undefined when it leaves it. */
function linkEnd(path: string, target: string): string | undefined {
  const at = parentOf(path).split('/');
  for (const part of target.split('/')) {
    if (part === '..') {
      if (at.length === 0) return undefined;
      at.pop();
    } else if (part !== '' && part !== '.') at.push(part);
  }
  return at.join('/');
}

function closedBy(path: string): string | undefined {
  const closed = CLOSED.find((directory) => path === directory || path.startsWith(`${directory}/`));
  return ARCHIVES.test(path) ? 'boot/kindling-*' : closed;
}

/** Whether no bundle may write to a path, apart from its own manifest. */
export function isClosed(path: string): boolean {
  return closedBy(path) !== undefined;
}

/** Throws UNSAFE_PATH for an entry that no bundle may hold. `name` is that of the bundle. */
export function checkEntry(entry: Entry, name: string): void {
  const { path, kind, mode } = entry;
  const own = manifestPath(name);
  if (kind !== 'directory' && kind !== 'file' && kind !== 'symlink') {
    throw unsafe(
      kind === 'hardlink' ? 'it holds a hard link' : `it holds a ${kind} entry, expected files, directories and symbolic links`,
      path,
    );
  }
  if (entry.uid !== 0 || entry.gid !== 0) throw unsafe(`an entry belongs to ${entry.uid}:${entry.gid}, expected 0:0`, path);
  if (kind === 'directory') {
    if (mode !== 0o755) throw unsafe(`a directory has the mode 0${mode.toString(8)}, expected 0755`, path);
    return;
  }
  if (kind === 'file' && (mode & 0o7022) !== 0) {
    throw unsafe(`a file has the mode 0${mode.toString(8)}: neither set-id bits nor writing by others are taken`, path);
  }
  if (path === own) return;
  if (!path.includes('/')) throw unsafe('a file or link right at the top of the root', path);
  const closed = closedBy(path);
  if (closed !== undefined) throw unsafe(`nothing is written to /${closed}`, path);
  if (INDEX.test(path)) throw unsafe("the modules' index files are made where the bundle is applied", path);
  if (kind !== 'symlink') return;
  const end = entry.target.startsWith('/') ? undefined : linkEnd(path, entry.target);
  if (end === undefined) throw unsafe(`a link leads to "${entry.target}", expected a relative path that stays in the tree`, path);
}

/** The kernel release whose module tree a path of a bundle is in, or undefined. */
export function releaseOf(path: string): string | undefined {
  return /^usr\/lib\/modules\/([^/]+)\/./.exec(path)?.[1];
}

const REFUSED: ReadonlySet<string> = new Set(['dotdot-name', 'absolute-name', 'through-link', 'broken-link']);

function whole(archive: Archive): Archive {
  const found = archive.findings.find(({ severity }) => severity === 'error');
  if (found === undefined) return archive;
  const code = REFUSED.has(found.code) ? 'UNSAFE_PATH' : 'BAD_VALUE';
  throw new KindlingError(code, `the bundle is refused: ${found.message}`, found.where);
}

function manifestOf(tree: Tree): ItuManifest {
  const names = tree.children(ITU_DIRECTORY);
  if (names.length !== 1) {
    const found = names.length === 0 ? 'there is no manifest' : `there are ${names.length}`;
    throw new KindlingError('BAD_MAGIC', `expected one manifest below ${ITU_DIRECTORY}, ${found}: this is no install-time update`, {});
  }
  const entry = tree.get(`${names[0]!.path}/manifest`);
  if (entry?.kind !== 'file') throw new KindlingError('BAD_MAGIC', 'the manifest is no file', { path: names[0]!.path });
  if (entry.content.size > MANIFEST_SIZE_MOST) {
    throw new KindlingError('LIMIT', `the manifest has ${entry.content.size} bytes, at most ${MANIFEST_SIZE_MOST} are read`, {
      path: entry.path,
    });
  }
  const manifest = parseItuManifest(readAll(entry.content));
  if (entry.path === manifestPath(manifest.name)) return manifest;
  throw new KindlingError('BAD_VALUE', `the manifest is that of "${manifest.name}", expected it at ${manifestPath(manifest.name)}`, {
    path: entry.path,
  });
}

function agree(said: ItuFile | undefined, entry: Entry, sha256: Sha256): boolean {
  if (said === undefined) return false;
  if (entry.kind === 'symlink') return said.kind === 'link' && said.target === entry.target;
  if (entry.kind !== 'file' || said.kind === 'link') return false;
  return said.mode === entry.mode && said.size === entry.content.size && said.sha256 === sha256(readAll(entry.content));
}

/** Throws UNSAFE_PATH or BAD_VALUE unless tree and manifest say the same, within what a bundle may hold. */
export function checkBundleTree(tree: Tree, manifest: ItuManifest, sha256: Sha256): void {
  const said = new Map(manifest.files.map((file) => [file.path, file]));
  if (said.size !== manifest.files.length) throw new KindlingError('BAD_VALUE', 'a path is listed twice', { structure: 'itu manifest' });
  const own = manifestPath(manifest.name);
  for (const entry of tree.entries) {
    checkEntry(entry, manifest.name);
    if (entry.kind === 'directory' || entry.path === own) continue;
    if (!agree(said.get(entry.path), entry, sha256)) {
      const what = said.has(entry.path) ? 'is not what the manifest says' : 'is not in the manifest';
      throw new KindlingError('BAD_CHECKSUM', `a file of the bundle ${what}`, { path: entry.path });
    }
    const release = releaseOf(entry.path);
    if (release !== undefined && !manifest.kernels.includes(release)) {
      throw new KindlingError('BAD_VALUE', `a file for kernel ${release}, which the manifest does not name`, { path: entry.path });
    }
    said.delete(entry.path);
  }
  const [missing] = [...said.keys()].sort(comparePaths);
  if (missing !== undefined)
    throw new KindlingError('BAD_VALUE', 'the manifest names a file that the bundle does not hold', { path: missing });
}

/**
 * Reads a bundle. Throws LIMIT, UNRECOGNISED and what reading an archive throws; BAD_MAGIC for an archive that is no bundle; UNSAFE_PATH
 * for one that holds what no bundle may; BAD_CHECKSUM or BAD_VALUE where manifest and content differ.
 */
export function openBundle(bytes: Uint8Array, outside: { readonly decoders: readonly Decoder[]; readonly sha256: Sha256 }): Bundle {
  if (bytes.length > BUNDLE_SIZE_MOST) {
    throw new KindlingError('LIMIT', `the bundle has ${bytes.length} bytes, at most ${BUNDLE_SIZE_MOST} are read`);
  }
  const { decoders, sha256 } = outside;
  const limits = { unpackedMost: UNPACKED_MOST, entriesMost: ENTRIES_MOST };
  const { outer: tree } = whole(decode(bytesSource(bytes), { decoders, limits }));
  const manifest = manifestOf(tree);
  checkBundleTree(tree, manifest, sha256);
  return { manifest, tree, sha256: sha256(bytes), bytes };
}
