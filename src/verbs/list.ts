// list: the paths of an archive, one a line and sorted, or the manifest.
import { compareBytes, concat, nameToBytes, utf8 } from '../bytes/index.ts';
import { type Entry, manifestLine, type Tree } from '../tree/index.ts';
import { select } from './select.ts';

/** How to list. */
export interface ListOptions {
  /** Manifest lines in tree order instead of paths. */
  readonly long: boolean;
  /** End each path with NUL instead of LF. */
  readonly nul: boolean;
}

function nameOf(entry: Entry): string {
  return entry.path === '' ? '.' : entry.path;
}

/** The text of the list. Paths are raw bytes in the order of `LC_ALL=C sort`; only the long form escapes. Throws NO_ENTRY. */
export function list(tree: Tree, paths: readonly string[], options: ListOptions): Uint8Array {
  const entries = select(tree, paths);
  const end = options.nul ? '\0' : '\n';
  if (options.long)
    return lines(
      entries.map((entry) => manifestLine(entry)),
      end,
    );
  const names = entries.map(nameOf);
  // Without surrogates (escaped bytes, and what lies beyond 16 bits) the order of UTF-16 is that of the bytes, and the fastest.
  if (!/[\ud800-\udfff]/.test(names.join(''))) return lines(names.sort(), end);
  const rows = names.map(nameToBytes).sort(compareBytes);
  return concat(rows.flatMap((row) => [row, utf8(end)]));
}

function lines(rows: readonly string[], end: string): Uint8Array {
  return utf8(rows.map((row) => `${row}${end}`).join(''));
}

/** One entry as `list --json` shows it. */
export function entryDocument(entry: Entry): Record<string, unknown> {
  const { path, kind, mode, uid, gid, mtime } = entry;
  const common = { path, kind, mode: mode.toString(8).padStart(4, '0'), uid, gid, mtime };
  switch (entry.kind) {
    case 'file':
      return { ...common, size: entry.content.size };
    case 'symlink':
      return { ...common, target: entry.target };
    case 'hardlink':
      return { ...common, to: entry.to };
    case 'char':
    case 'block':
      return { ...common, major: entry.major, minor: entry.minor };
    default:
      return common;
  }
}
