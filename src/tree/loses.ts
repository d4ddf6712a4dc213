// What an output format cannot hold, as data, and the check that reports it before a byte is written.
import { nameToBytes } from '../bytes/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import type { Entry, EntryKind } from './entry.ts';
import { baseName } from './names.ts';

/** The bounds of one format. Sizes are in bytes; a missing bound means there is none. */
export interface Loses {
  readonly format: string;
  /** Kinds of entry it has no form for. */
  readonly kinds?: readonly EntryKind[];
  /** True when extended attributes are dropped. */
  readonly xattrs?: boolean;
  /** Beginnings of the names of extended attributes it holds; others are dropped. */
  readonly xattrPrefixes?: readonly string[];
  readonly fileSizeMost?: number;
  readonly mtimeLeast?: number;
  readonly mtimeMost?: number;
  readonly idMost?: number;
  readonly majorMost?: number;
  readonly minorMost?: number;
  /** Longest path, in bytes, without a NUL. */
  readonly pathSizeMost?: number;
  readonly targetSizeMost?: number;
  /** Longest name of one component, in bytes. */
  readonly nameSizeMost?: number;
}

function droppedXattrs(names: readonly string[], { xattrs, xattrPrefixes }: Loses): readonly string[] {
  if (xattrs === true) return names;
  return xattrPrefixes === undefined ? [] : names.filter((name) => !xattrPrefixes.some((prefix) => name.startsWith(prefix)));
}

/**
 * What of these entries the format cannot hold: an `error` where the entry cannot be written at all, a `warning` where something of it
 * is left out (extended attributes).
 */
export function lossesOf(entries: Iterable<Entry>, loses: Loses): Finding[] {
  const findings: Finding[] = [];
  for (const entry of entries) {
    const report = (severity: 'error' | 'warning', message: string) =>
      findings.push({ code: 'not-expressible', severity, where: { path: entry.path }, message: `${loses.format}: ${message}` });
    const over = (what: string, value: number, most: number | undefined, least = 0) => {
      if (most !== undefined && (value > most || value < least))
        report('error', `${what} is ${value}, the format holds ${least} to ${most}`);
    };
    if (loses.kinds?.includes(entry.kind)) report('error', `has no form for a ${entry.kind}`);
    const dropped = entry.xattrs === undefined ? [] : droppedXattrs([...entry.xattrs.keys()], loses);
    if (dropped.length > 0) report('warning', `drops the extended attributes ${dropped.join(', ')}`);
    over('the mtime', entry.mtime, loses.mtimeMost, loses.mtimeLeast);
    over('the owner', entry.uid, loses.idMost);
    over('the group', entry.gid, loses.idMost);
    if (loses.pathSizeMost !== undefined) over('the path length', nameToBytes(entry.path).length, loses.pathSizeMost);
    if (loses.nameSizeMost !== undefined) over('the name length', nameToBytes(baseName(entry.path)).length, loses.nameSizeMost);
    if (entry.kind === 'file') over('the file size', entry.content.size, loses.fileSizeMost);
    if (entry.kind === 'symlink' && loses.targetSizeMost !== undefined) {
      over('the link target length', nameToBytes(entry.target).length, loses.targetSizeMost);
    }
    if (entry.kind === 'char' || entry.kind === 'block') {
      over('the major number', entry.major, loses.majorMost);
      over('the minor number', entry.minor, loses.minorMost);
    }
  }
  return findings;
}

/** Throws NOT_EXPRESSIBLE for the first entry that the format cannot hold at all. */
export function checkExpressible(entries: Iterable<Entry>, loses: Loses): void {
  const [first] = lossesOf(entries, loses).filter((finding) => finding.severity === 'error');
  if (first !== undefined) throw new KindlingError('NOT_EXPRESSIBLE', first.message, { ...first.where, structure: loses.format });
}
