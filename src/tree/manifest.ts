// The manifest: the text form of a tree, one line an entry, in tree order. Described in docs/manifest.md.
//   KIND MODE UID GID MTIME PATH [KEY=VALUE]...
// Keys: size and sha256 or data (file), target (symlink), to (hardlink), device=MAJOR:MINOR (char, block), xattr.NAME.
import { type ByteSource, bytesSource, nameFromBytes, nameToBytes, readAll, type Sha256 } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import type { Entry, EntryCommon, EntryKind } from './entry.ts';
import { escapeName, unescapeName } from './escape.ts';
import { makeTree, type Tree } from './tree.ts';

/** What to say about file content besides its size: nothing, its digest, or the bytes themselves. */
export interface ManifestOptions {
  readonly sha256?: Sha256;
  readonly data?: boolean;
}

/** One entry as a manifest line, without the line end. */
export function manifestLine(entry: Entry, options: ManifestOptions = {}): string {
  const head = [entry.kind, entry.mode.toString(8).padStart(4, '0'), entry.uid, entry.gid, entry.mtime];
  const words = [...head.map(String), entry.path === '' ? '.' : escapeName(entry.path)];
  switch (entry.kind) {
    case 'file':
      words.push(`size=${entry.content.size}`);
      if (options.sha256 !== undefined) words.push(`sha256=${options.sha256(readAll(entry.content))}`);
      if (options.data === true) words.push(`data=${escapeName(nameFromBytes(readAll(entry.content)))}`);
      break;
    case 'symlink':
      words.push(`target=${escapeName(entry.target)}`);
      break;
    case 'hardlink':
      words.push(`to=${escapeName(entry.to)}`);
      break;
    case 'char':
    case 'block':
      words.push(`device=${entry.major}:${entry.minor}`);
      break;
    default:
  }
  for (const [name, value] of [...(entry.xattrs ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))) {
    words.push(`xattr.${escapeName(name).replaceAll('=', '\\x3d')}=${escapeName(nameFromBytes(value))}`);
  }
  return words.join(' ');
}

/** A whole tree, each line ended by LF. */
export function printManifest(tree: Tree, options: ManifestOptions = {}): string {
  return tree.entries.map((entry) => `${manifestLine(entry, options)}\n`).join('');
}

/** Supplies the content of a file whose line has no `data`. */
export type ContentOf = (path: string, size: number) => ByteSource;

function noContent(path: string): never {
  throw new KindlingError('BAD_VALUE', 'the line has no data= and no content was supplied', { structure: 'manifest', path });
}

/** Reads a manifest; empty lines and lines that start with "#" are skipped. Throws BAD_VALUE with the line, and what `makeTree` throws. */
export function parseManifest(text: string, contentOf: ContentOf = noContent): Tree {
  return makeTree(manifestEntries(text, contentOf));
}

/** The entries of a manifest whose lines need not make a tree yet (parents missing, say). */
export function manifestEntries(text: string, contentOf: ContentOf = noContent): Entry[] {
  const entries: Entry[] = [];
  text.split('\n').forEach((line, index) => {
    if (line === '' || line.startsWith('#')) return;
    entries.push(parseLine(line, index + 1, contentOf));
  });
  return entries;
}

function bad(message: string, line: number): KindlingError {
  return new KindlingError('BAD_VALUE', `line ${line}: ${message}`, { structure: 'manifest' });
}

const KINDS: ReadonlySet<string> = new Set<EntryKind>(['directory', 'file', 'symlink', 'char', 'block', 'fifo', 'socket', 'hardlink']);

function parseLine(line: string, number: number, contentOf: ContentOf): Entry {
  const [kind = '', mode = '', uid = '', gid = '', mtime = '', escapedPath = '', ...rest] = line.split(' ');
  if (!KINDS.has(kind)) throw bad(`${JSON.stringify(kind)} is no kind of entry`, number);
  if (!/^[0-7]{1,5}$/.test(mode) || Number.parseInt(mode, 8) > 0o7777) throw bad(`${JSON.stringify(mode)} is no mode`, number);
  if (![uid, gid].every((id) => /^\d{1,10}$/.test(id)) || !/^-?\d{1,15}$/.test(mtime))
    throw bad('uid, gid and mtime must be numbers', number);
  if (escapedPath === '') throw bad('there is no path', number);
  const keys = new Map<string, string>();
  const xattrs = new Map<string, Uint8Array>();
  for (const word of rest) {
    const at = word.indexOf('=');
    if (at < 0) throw bad(`${JSON.stringify(word)} is not KEY=VALUE`, number);
    const [key, value] = [word.slice(0, at), unescapeName(word.slice(at + 1))];
    if (key.startsWith('xattr.')) xattrs.set(unescapeName(key.slice(6)), nameToBytes(value));
    else keys.set(key, value);
  }
  const common: EntryCommon = {
    path: escapedPath === '.' ? '' : unescapeName(escapedPath),
    mode: Number.parseInt(mode, 8),
    uid: Number(uid),
    gid: Number(gid),
    mtime: Number(mtime),
    ...(xattrs.size > 0 ? { xattrs } : {}),
  };
  return withKeys(kind as EntryKind, common, keys, number, contentOf);
}

function withKeys(kind: EntryKind, common: EntryCommon, keys: ReadonlyMap<string, string>, line: number, contentOf: ContentOf): Entry {
  const need = (key: string): string => {
    const value = keys.get(key);
    if (value === undefined) throw bad(`a ${kind} needs ${key}=`, line);
    return value;
  };
  switch (kind) {
    case 'file': {
      const data = keys.get('data');
      if (data !== undefined) return { ...common, kind, content: bytesSource(nameToBytes(data)) };
      const size = need('size');
      if (!/^\d{1,15}$/.test(size)) throw bad(`${JSON.stringify(size)} is no size`, line);
      return { ...common, kind, content: contentOf(common.path, Number(size)) };
    }
    case 'symlink':
      return { ...common, kind, target: need('target') };
    case 'hardlink':
      return { ...common, kind, to: need('to') };
    case 'char':
    case 'block': {
      const match = /^(\d{1,10}):(\d{1,10})$/.exec(need('device'));
      if (match === null) throw bad('device= is not MAJOR:MINOR', line);
      return { ...common, kind, major: Number(match[1]), minor: Number(match[2]) };
    }
    default:
      return { ...common, kind };
  }
}
