// Replay: records into the tree that the kernel's unpacker (init/initramfs.c) would leave in the root file system.
// The last of two entries at a path wins, a different type is removed first (silently kept when it is a full directory), an entry
// without a parent directory is dropped without a message, links inside parent paths are followed, hard links share one inode.
import { type ByteSource, EMPTY, nameFromBytes, readAll } from '../../bytes/index.ts';
import type { Finding } from '../../errors.ts';
import {
  baseName,
  comparePaths,
  type Entry,
  joinPath,
  makeTree,
  NAME_MAX,
  PATH_MAX,
  parentOf,
  pathFault,
  type Tree,
} from '../../tree/index.ts';
import type { CpioRecord } from './read.ts';
import { kindOf, S_IFMT } from './types.ts';

interface Inode {
  readonly kind: Exclude<Entry['kind'], 'hardlink'>;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  content: ByteSource;
  target: string;
  major: number;
  minor: number;
  /** For directories: how many names it holds. */
  held: number;
  /** True for what the kernel's built-in archive holds already; shown only when the archive puts something below it. */
  builtin: boolean;
}

/** A root file system being unpacked. */
export interface Replay {
  /** Applies one record. */
  add(record: CpioRecord): void;
  /** A TRAILER!!! was read: links to what came before are forgotten. */
  trailer(): void;
  /** What is there now. */
  tree(): Tree;
  readonly findings: readonly Finding[];
}

const LINKS_MOST = 40;

/** Starts from what the kernel itself provides: `dev`, `dev/console` and `root`. */
export function replay(): Replay {
  const nodes = new Map<string, Inode>();
  const links = new Map<string, string>();
  const findings: Finding[] = [];
  let rootNode: Inode | undefined;
  const blank = { uid: 0, gid: 0, mtime: 0, content: EMPTY, target: '', major: 0, minor: 0, held: 0, builtin: true };
  nodes.set('dev', { ...blank, kind: 'directory', mode: 0o755, held: 1 });
  nodes.set('dev/console', { ...blank, kind: 'char', mode: 0o600, major: 5, minor: 1 });
  nodes.set('root', { ...blank, kind: 'directory', mode: 0o700 });

  const put = (path: string, node: Inode) => {
    nodes.set(path, node);
    const parent = nodes.get(parentOf(path));
    if (parent !== undefined) parent.held++;
  };
  const remove = (path: string) => {
    nodes.delete(path);
    const parent = nodes.get(parentOf(path));
    if (parent !== undefined) parent.held--;
  };

  /** The real directory a path names, links followed, or undefined. */
  const directoryAt = (path: string): string | undefined => {
    if (path === '' || nodes.get(path)?.kind === 'directory') return path;
    let rest = path.split('/');
    let at = '';
    let crossed = 0;
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      if (name === '' || name === '.') continue;
      if (name === '..') {
        at = parentOf(at);
        continue;
      }
      const node = nodes.get(joinPath(at, name));
      if (node?.kind === 'directory') at = joinPath(at, name);
      else if (node?.kind === 'symlink') {
        if (++crossed > LINKS_MOST) return undefined;
        if (node.target.startsWith('/')) at = '';
        rest = [...node.target.split('/'), ...rest];
      } else return undefined;
    }
    return at;
  };

  const crossesLink = (path: string): boolean => {
    for (let at = parentOf(path); at !== ''; at = parentOf(at)) if (nodes.get(at)?.kind === 'symlink') return true;
    return false;
  };

  const note = (record: CpioRecord, path: string, severity: Finding['severity'], code: string, message: string) => {
    findings.push({ code, severity, where: { structure: 'cpio record', offset: record.headerAt, path }, message });
  };

  /** Where a record's name leads, or undefined when the kernel drops it or nobody should want it. */
  const place = (record: CpioRecord): string | undefined => {
    const stored = nameFromBytes(record.name);
    if (stored === '') {
      note(record, stored, 'error', 'empty-name', 'the name is empty; the kernel drops the entry');
      return undefined;
    }
    let path = stored;
    // Most names are paths as they are; "./", "//", "/" in front or at the end are what this is about.
    if (/(?:^|\/)(?:\.{0,2})(?:\/|$)/.test(stored)) {
      const names = stored.split('/').filter((name) => name !== '' && name !== '.');
      if (names.includes('..')) {
        note(record, stored, 'error', 'dotdot-name', 'the name holds ".."');
        return undefined;
      }
      path = names.join('/');
    }
    if (pathFault(path) !== undefined) {
      note(record, stored, 'error', 'long-name', `the name has a component over ${NAME_MAX} bytes; the kernel drops the entry`);
      return undefined;
    }
    if (stored.startsWith('/')) note(record, stored, 'error', 'absolute-name', 'the name is absolute');
    if (path === '') return '';
    const parent = directoryAt(parentOf(path));
    if (parent === undefined && crossesLink(path)) {
      note(record, path, 'error', 'through-link', 'its parent path goes through a symbolic link that leads to no directory of the archive');
      return undefined;
    }
    if (parent === undefined) {
      note(record, path, 'error', 'orphan', 'there is no entry for its parent directory; the kernel drops it without a message');
      return undefined;
    }
    const placed = joinPath(parent, baseName(path));
    if (pathFault(placed) !== undefined) {
      note(record, path, 'error', 'long-name', 'the path is too long behind its links');
      return undefined;
    }
    return placed;
  };

  /** Removes what is there when its type differs, as the kernel's clean_path; symbolic links never survive. */
  const clean = (path: string, kind: Inode['kind'] | undefined) => {
    const there = nodes.get(path);
    if (there === undefined || there.kind === kind) return;
    if (there.kind === 'directory' && there.held > 0) return;
    remove(path);
  };

  /** -1: a link that failed, 0: a first or only name, 1: linked to an earlier name. */
  const maybeLink = (record: CpioRecord, path: string): -1 | 0 | 1 => {
    if (record.nlink < 2) return 0;
    const key = `${record.devMajor}:${record.devMinor}:${record.ino}:${record.mode & S_IFMT}`;
    const old = links.get(key);
    if (old === undefined) {
      links.set(key, path);
      return 0;
    }
    if (old === path) return 1;
    clean(path, undefined);
    const named = nodes.get(old);
    if (named === undefined || named.kind !== kindOf(record.mode) || nodes.has(path)) {
      note(record, path, 'error', 'broken-link', `the hard link to "${old}" cannot be made: that name is gone or of another type`);
      return -1;
    }
    put(path, named);
    return 1;
  };

  const full = (record: CpioRecord, path: string) =>
    note(
      record,
      path,
      'error',
      'type-conflict',
      'something of another type is already there and is not removed; the kernel drops this entry',
    );

  const add = (record: CpioRecord) => {
    const kind = kindOf(record.mode);
    const path = place(record);
    if (path === undefined) return;
    const { uid, gid, mtime } = record;
    const fresh: Inode = { ...blank, kind: kind ?? 'file', mode: record.mode & 0o7777, uid, gid, mtime, builtin: false };
    const own = (node: Inode) => Object.assign(node, { mode: fresh.mode, uid, gid, mtime, builtin: false });
    if (kind === undefined) return note(record, path, 'error', 'unknown-type', `mode 0${record.mode.toString(8)} has no known file type`);
    if (kind !== 'file' && kind !== 'symlink' && record.fileSize > 0) {
      return note(record, path, 'error', 'body-skipped', `a ${kind} with ${record.fileSize} bytes of content; the kernel skips it`);
    }
    if (path === '') {
      if (kind === 'directory') rootNode = fresh;
      else full(record, path);
      return;
    }
    if (kind === 'symlink') {
      if (record.fileSize > PATH_MAX || record.fileSize === 0) {
        return note(record, path, 'error', 'bad-target', `a link target of ${record.fileSize} bytes; the kernel skips it`);
      }
      clean(path, undefined);
      if (nodes.has(path)) return full(record, path);
      const bytes = readAll(record.content);
      const end = bytes.indexOf(0);
      put(path, { ...fresh, target: nameFromBytes(end < 0 ? bytes : bytes.subarray(0, end)) });
      return;
    }
    clean(path, kind);
    const there = nodes.get(path);
    if (there !== undefined && there.kind !== kind) return full(record, path);
    if (kind === 'directory') {
      if (there === undefined) put(path, fresh);
      else own(there);
      return;
    }
    const linked = maybeLink(record, path);
    if (linked < 0) return;
    let node = nodes.get(path);
    if (node === undefined) {
      node = fresh;
      put(path, node);
    }
    if (kind === 'file' || linked === 0) own(node);
    if (kind === 'file') {
      if (linked === 0 || record.fileSize > 0) node.content = record.content;
    } else if (there === undefined && linked === 0) Object.assign(node, { major: record.rdevMajor, minor: record.rdevMinor });
  };

  return { add, findings, trailer: () => links.clear(), tree: () => treeOf(nodes, rootNode) };
}

function treeOf(nodes: ReadonlyMap<string, Inode>, rootNode: Inode | undefined): Tree {
  const wanted = new Set<string>();
  for (const [path, node] of nodes) {
    if (node.builtin) continue;
    for (let at = path; at !== '' && !wanted.has(at); at = parentOf(at)) wanted.add(at);
  }
  // The name that other hard links point to is the first one in tree order.
  const shared = new Map<Inode, string[]>();
  for (const path of wanted) {
    const node = nodes.get(path)!;
    if (node.kind === 'directory') continue;
    const paths = shared.get(node);
    if (paths === undefined) shared.set(node, [path]);
    else paths.push(path);
  }
  const entries: Entry[] = [];
  if (rootNode !== undefined) entries.push(entryOf('', rootNode));
  for (const path of wanted) {
    const node = nodes.get(path)!;
    const paths = shared.get(node);
    if (paths !== undefined && paths.length > 1) {
      const first = paths.sort(comparePaths)[0]!;
      if (first !== path) {
        const { mode, uid, gid, mtime } = node;
        entries.push({ kind: 'hardlink', path, to: first, mode, uid, gid, mtime });
        continue;
      }
    }
    entries.push(entryOf(path, node));
  }
  return makeTree(entries);
}

function entryOf(path: string, node: Inode): Entry {
  const { mode, uid, gid, mtime } = node;
  const common = { path, mode, uid, gid, mtime };
  switch (node.kind) {
    case 'file':
      return { kind: 'file', ...common, content: node.content };
    case 'symlink':
      return { kind: 'symlink', ...common, target: node.target };
    case 'char':
    case 'block':
      return { kind: node.kind, ...common, major: node.major, minor: node.minor };
    default:
      return { kind: node.kind, ...common };
  }
}
