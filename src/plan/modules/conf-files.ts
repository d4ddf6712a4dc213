// Configuration directories in the manner of modprobe.d(5) and depmod.d(5): *.conf files from five places, one order for all, and a file
// in an earlier place hides files of the same name in later ones (an empty file or a link to /dev/null switches one off).
import { compareNames, nameFromBytes, readAll } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { joinPath } from '../../tree/index.ts';
import { findFile, type Root, resolve } from '../root.ts';

const PLACES = ['etc', 'run', 'usr/local/lib', 'usr/lib', 'lib'];
const FILE_SIZE_MOST = 1 << 22;

/** One line that says something: comments and empty lines are gone, continued lines are joined. */
export interface ConfLine {
  readonly words: readonly string[];
  /** The whole line, blanks trimmed at both ends. */
  readonly text: string;
  readonly file: string;
  /** Counted from 1; of a continued line the first. */
  readonly line: number;
}

/** Paths of the files that count, in the order they are read. `name` is "modprobe.d" or "depmod.d". */
export function confFiles(root: Root, name: string): string[] {
  const byName = new Map<string, string>();
  for (const place of PLACES) {
    const directory = resolve(root, joinPath(place, name));
    if (directory.entry?.kind !== 'directory') continue;
    for (const base of root.names(directory.path)) {
      if (!base.endsWith('.conf') || base.startsWith('.') || byName.has(base)) continue;
      byName.set(base, joinPath(directory.path, base));
    }
  }
  return [...byName].sort(([a], [b]) => compareNames(a, b)).map(([, path]) => path);
}

/** All lines of all files that count. Throws LIMIT for a file that is too big to be configuration. */
export function confLines(root: Root, name: string): ConfLine[] {
  return confFiles(root, name).flatMap((path) => {
    const found = findFile(root, path);
    if (found === undefined) return []; // a link to /dev/null, or to nothing
    if (found.content.size > FILE_SIZE_MOST) {
      throw new KindlingError('LIMIT', `${found.content.size} bytes of configuration, at most ${FILE_SIZE_MOST} are read`, { path });
    }
    return splitLines(nameFromBytes(readAll(found.content)), path);
  });
}

/** Splits configuration text into lines. */
export function splitLines(text: string, file: string): ConfLine[] {
  const lines: ConfLine[] = [];
  let joined = '';
  let start = 0;
  for (const [index, raw] of text.split('\n').entries()) {
    if (joined === '') start = index + 1;
    if (raw.endsWith('\\')) {
      joined += `${raw.slice(0, -1)} `;
      continue;
    }
    const trimmed = (joined + raw).trim();
    joined = '';
    if (trimmed !== '' && !trimmed.startsWith('#')) lines.push({ words: trimmed.split(/[ \t]+/), text: trimmed, file, line: start });
  }
  const rest = joined.trim();
  if (rest !== '' && !rest.startsWith('#')) lines.push({ words: rest.split(/[ \t]+/), text: rest, file, line: start });
  return lines;
}
