// Merging trees: equal entries are one, different ones at a path are a conflict, never an order.
import { KindlingError } from '../errors.ts';
import type { Entry } from './entry.ts';
import { manifestLine } from './manifest.ts';
import { makeTree, type Tree } from './tree.ts';

/** True when two entries say the same, content included; times are not compared. */
export function sameEntry(a: Entry, b: Entry): boolean {
  if (a === b) return true;
  if (manifestLine({ ...a, mtime: 0 }) !== manifestLine({ ...b, mtime: 0 })) return false;
  return a.kind !== 'file' || b.kind !== 'file' || sameContent(a.content, b.content);
}

/** Whether two byte strings of one length are equal; a platform may have a faster one. */
export type SameBytes = (a: Uint8Array, b: Uint8Array) => boolean;

function sameBytesPlainly(a: Uint8Array, b: Uint8Array): boolean {
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** True when two sources hold the same bytes. */
export function sameContent(
  a: { size: number; read(at: number, size: number): Uint8Array },
  b: typeof a,
  sameBytes: SameBytes = sameBytesPlainly,
): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  const step = 1 << 20;
  for (let at = 0; at < a.size; at += step) {
    const size = Math.min(step, a.size - at);
    if (!sameBytes(a.read(at, size), b.read(at, size))) return false;
  }
  return true;
}

/** All entries of all trees. Throws CONFLICT where two differ at one path. */
export function mergeTrees(trees: readonly Tree[]): Tree {
  const merged = new Map<string, Entry>();
  for (const tree of trees) {
    for (const entry of tree.entries) {
      const there = merged.get(entry.path);
      if (there === undefined) merged.set(entry.path, entry);
      else if (!sameEntry(there, entry)) {
        throw new KindlingError('CONFLICT', `"${entry.path}" differs: ${manifestLine(there)} and ${manifestLine(entry)}`, {
          path: entry.path,
        });
      }
    }
  }
  return makeTree(merged.values());
}
