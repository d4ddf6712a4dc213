// The archive id: one digest of paths, types, modes, sizes and contents. Owners and times are left out: the archive has none of its own.
// It does not depend on codec, level, cutting or segment order, so two builds of one plan have one id.
import { nameToBytes, readAll, type Sha256, utf8 } from '../bytes/index.ts';
import type { Entry } from '../tree/index.ts';

/** Collects digests entry by entry (any order), then gives the id as 64 hex digits. */
export interface IdDigest {
  add(entry: Entry): void;
  id(): string;
}

/** Starts an id. The lines that are hashed: `PATH-IN-HEX KIND MODE SIZE DETAIL`, sorted. */
export function idDigest(sha256: Sha256): IdDigest {
  const lines = new Map<string, string>();
  return {
    add(entry) {
      lines.set(entry.path, lineOf(entry, sha256));
    },
    id() {
      const hexPath = (path: string) => Array.from(nameToBytes(path), (byte) => byte.toString(16).padStart(2, '0')).join('');
      const sorted = [...lines].map(([path, line]) => `${hexPath(path)} ${line}\n`).sort();
      return sha256(utf8(sorted.join('')));
    },
  };
}

function lineOf(entry: Entry, sha256: Sha256): string {
  const mode = entry.mode.toString(8);
  switch (entry.kind) {
    case 'file':
      return `file ${mode} ${entry.content.size} ${sha256(readAll(entry.content))}`;
    case 'symlink':
      return `symlink ${mode} ${sha256(nameToBytes(entry.target))}`;
    case 'hardlink':
      return `hardlink ${sha256(nameToBytes(entry.to))}`;
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
