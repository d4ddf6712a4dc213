// From what a plan looked at to the inputs of a record.
import { type ByteSource, readAll, type Sha256 } from '../../bytes/index.ts';
import type { Seen } from '../../plan/index.ts';
import type { Tree } from '../../tree/index.ts';
import type { InputRecord } from './record.ts';

/** What is known about the archive that was made. */
export interface InputFacts {
  /** Everything the plan packed, microcode included: trees whose content comes, unwrapped or not, from the watched root. */
  readonly trees: readonly Tree[];
  readonly sha256: Sha256;
  /** SHA-256 of a content that was computed before; undefined makes it be computed. */
  digestOf?(content: ByteSource, path: string): string | undefined;
  /** Whether a machine boots with an old copy of the file at this path of the archive. */
  isSafe(path: string): boolean;
}

const COMPRESSED = /\.(xz|gz|zst|lzma|bz2)$/;

/** Kindling's own directory of run-time state: that it is there says nothing, and what counts below it is an input by itself. */
const RUN_TIME = 'run/kindling';

/** The inputs, sorted by path. */
export function inputsOf(seen: readonly Seen[], facts: InputFacts): InputRecord[] {
  const archived = new Map<ByteSource, string>();
  const links = new Map<string, string>();
  const paths = new Set<string>();
  for (const tree of facts.trees) {
    for (const entry of tree.entries) {
      paths.add(entry.path);
      if (entry.kind === 'file') archived.set(entry.content, entry.path);
      else if (entry.kind === 'symlink') links.set(entry.path, entry.target);
    }
  }
  // A module or firmware that the root keeps compressed is unpacked on its way into the archive.
  const unpackedAs = (path: string): string | undefined => {
    const plain = path.replace(COMPRESSED, '');
    return plain !== path && paths.has(plain) ? plain : undefined;
  };
  return seen
    .filter(({ path }) => path !== RUN_TIME)
    .map(({ path, entry, names, read, stat }): InputRecord => {
      if (entry === undefined) return { path, kind: 'absent', mode: 0, stat: undefined, packed: false, safe: false };
      const common = { path, kind: entry.kind, mode: entry.mode, stat };
      if (entry.kind === 'symlink') {
        const packed = links.get(path) === entry.target;
        return { ...common, target: entry.target, packed, safe: packed && facts.isSafe(path) };
      }
      if (entry.kind !== 'file')
        return { ...common, ...(names === undefined ? {} : { names: [...names].sort() }), packed: false, safe: false };
      const inside = archived.get(entry.content) ?? (read ? unpackedAs(path) : undefined);
      const counts = read || inside !== undefined;
      const content = counts ? (facts.digestOf?.(entry.content, path) ?? facts.sha256(readAll(entry.content))) : undefined;
      return {
        ...common,
        ...(content === undefined ? {} : { content }),
        packed: inside !== undefined,
        safe: inside !== undefined && facts.isSafe(inside),
      };
    });
}
