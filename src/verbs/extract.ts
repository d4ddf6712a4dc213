// extract: which entries of an archive are written below a directory, and which archives are refused. `node/` does the writing.
import type { Archive } from '../archive/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import { comparePaths, type Entry, parentOf, type Tree } from '../tree/index.ts';
import { select } from './select.ts';

/** Findings that mean an archive tries to write somewhere it should not. */
const UNSAFE: ReadonlySet<string> = new Set(['dotdot-name', 'absolute-name', 'through-link', 'broken-link']);

/** What to write, in tree order with all parents, and what the archive holds that no system would unpack. */
export interface Extraction {
  readonly entries: readonly Entry[];
  readonly dropped: readonly Finding[];
}

/** The entries to write. Throws UNSAFE_PATH for an archive that must not be unpacked at all, NO_ENTRY for a path that is not there. */
export function extraction(archive: Archive, paths: readonly string[]): Extraction {
  const unsafe = archive.findings.find((finding) => UNSAFE.has(finding.code));
  if (unsafe !== undefined) throw new KindlingError('UNSAFE_PATH', `${unsafe.message}; nothing was written`, unsafe.where);
  const dropped = archive.findings.filter((finding) => finding.severity === 'error' && finding.code !== 'odc-archive');
  return { entries: complete(select(archive.tree, paths), archive.tree), dropped };
}

/** Adds the directories above, and makes the first chosen name of a hard-linked file the one that has the content. */
function complete(chosen: readonly Entry[], tree: Tree): Entry[] {
  const entries = new Map<string, Entry>();
  const firstName = new Map<string, string>();
  for (const entry of chosen) {
    for (let path = parentOf(entry.path); path !== '' && !entries.has(path); path = parentOf(path)) entries.set(path, tree.get(path)!);
    const to = entry.kind === 'hardlink' ? entry.to : entry.path;
    const first = firstName.get(to);
    if (first === undefined) firstName.set(to, entry.path);
    if (entry.kind !== 'hardlink') entries.set(entry.path, entry);
    else if (first === undefined) entries.set(entry.path, { ...tree.get(to)!, path: entry.path });
    else entries.set(entry.path, { ...entry, to: first });
  }
  return [...entries.values()].sort((a, b) => comparePaths(a.path, b.path));
}
