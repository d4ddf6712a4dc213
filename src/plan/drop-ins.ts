// Lists of modules in the manner of modules-load.d(5), and lines of plain configuration files.
import { nameFromBytes, readAll } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import type { FileEntry } from '../tree/index.ts';
import { confFiles } from './modules/index.ts';
import { findFile, type Root } from './root.ts';

/** A drop-in file in force. */
export interface DropIn {
  /** Its base name. */
  readonly name: string;
  /** Where it is in the root. */
  readonly path: string;
  readonly entry: FileEntry;
}

const FILE_MOST = 1024 * 1024;

/** The `*.conf` files of a drop-in directory ("modprobe.d") in force: /etc before /run before /usr, sorted by name; a link to /dev/null masks. */
export function dropIns(root: Root, directory: string): DropIn[] {
  return confFiles(root, directory).flatMap((path) => {
    const entry = findFile(root, path);
    return entry === undefined ? [] : [{ name: path.slice(path.lastIndexOf('/') + 1), path, entry }];
  });
}

/** Lines of a file, without comments (`#` or `;` first) and empty ones. Throws LIMIT for one that is too big to be configuration. */
export function linesOf(entry: FileEntry): string[] {
  if (entry.content.size > FILE_MOST) {
    throw new KindlingError('LIMIT', `${entry.content.size} bytes of configuration, at most ${FILE_MOST} are read`, { path: entry.path });
  }
  return nameFromBytes(readAll(entry.content))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^[#;]/.test(line));
}
