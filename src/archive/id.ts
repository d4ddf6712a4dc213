// The archive id: one digest of paths, types, modes, sizes and contents. Owners and times are left out: the archive has none of its own.
// It does not depend on codec, level, cutting or segment order, so two builds of one plan have one id.
import { nameToBytes, readAll, type Sha256, utf8 } from '../bytes/index.ts';
import { comparePaths, type Entry } from '../tree/index.ts';

/** Collects digests entry by entry (any order), then gives the id as 64 hex digits. */
export interface IdDigest {
  /** Adds an entry; the SHA-256 of a file's content where it is known already. */
  add(entry: Entry, content?: string): void;
  id(): string;
}

/** Starts an id. The lines that are hashed: `PATH-IN-HEX KIND MODE SIZE DETAIL`, sorted. */
export function idDigest(sha256: Sha256): IdDigest {
  const lines = new Map<string, string>();
  const names = new Map<string, string[]>();
  return {
    add(entry, content) {
      if (entry.kind !== 'hardlink') lines.set(entry.path, lineOf(entry, sha256, content));
      else if (names.has(entry.to)) names.get(entry.to)!.push(entry.path);
      else names.set(entry.to, [entry.path]);
    },
    id() {
      for (const [to, others] of names) setLinks(lines, to, others);
      const sorted = [...lines].map(([path, line]) => `${hex(path)} ${line}\n`).sort();
      return sha256(utf8(sorted.join('')));
    },
  };
}

/** Which of several names an entry calls the file and which the links is no content: the first in tree order counts as the file. */
function setLinks(lines: Map<string, string>, to: string, others: readonly string[]): void {
  const line = lines.get(to);
  if (line === undefined) return;
  const [first, ...rest] = [...new Set([to, ...others])].sort(comparePaths);
  lines.set(first!, line);
  // cpio has no hard links to symbolic links: each name is one.
  for (const path of rest) lines.set(path, line.startsWith('symlink ') ? line : `hardlink ${hex(first!)}`);
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hex(name: string): string {
  let text = '';
  for (const byte of nameToBytes(name)) text += HEX[byte];
  return text;
}

function lineOf(entry: Exclude<Entry, { kind: 'hardlink' }>, sha256: Sha256, content: string | undefined): string {
  const mode = entry.mode.toString(8);
  switch (entry.kind) {
    case 'file':
      return `file ${mode} ${entry.content.size} ${content ?? sha256(readAll(entry.content))}`;
    case 'symlink':
      return `symlink ${hex(entry.target)}`;
    case 'char':
    case 'block':
      return `${entry.kind} ${mode} ${entry.major}:${entry.minor}`;
    default:
      return `${entry.kind} ${mode}`;
  }
}

/** The id of a whole tree. */
export function idOf(entries: Iterable<Entry>, sha256: Sha256): string {
  const digest = idDigest(sha256);
  for (const entry of entries) digest.add(entry);
  return digest.id();
}
