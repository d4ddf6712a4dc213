// Directories that the root adds to its loader's search: ld.so.conf of glibc (ld.so reads only the cache made from it, so libraries
// found there are linked into a default directory), and musl's path file.
import { compareNames, nameFromBytes, readAll } from '../../bytes/index.ts';
import { joinPath } from '../../tree/index.ts';
import { findFile, type Root, resolve } from '../root.ts';

const INCLUDES_MOST = 16;
const FILE_MOST = 1024 * 1024;

function textOf(root: Root, path: string): string | undefined {
  const found = findFile(root, path);
  return found === undefined || found.content.size > FILE_MOST ? undefined : nameFromBytes(readAll(found.content));
}

function globbed(root: Root, pattern: string): string[] {
  const at = pattern.lastIndexOf('/');
  const home = resolve(root, pattern.slice(0, Math.max(0, at)));
  if (home.entry?.kind !== 'directory') return [];
  const form = new RegExp(
    `^${pattern
      .slice(at + 1)
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
  return root
    .names(home.path)
    .filter((name) => form.test(name))
    .sort(compareNames)
    .map((name) => joinPath(home.path, name));
}

function read(root: Root, path: string, depth: number, into: string[]): void {
  const text = depth > INCLUDES_MOST ? undefined : textOf(root, path);
  if (text === undefined) return;
  for (const raw of text.split('\n')) {
    const line = raw.replace(/#.*$/, '').trim();
    if (line === '') continue;
    const include = /^include\s+(.+)$/.exec(line);
    if (include !== null) {
      for (const pattern of include[1]!.split(/\s+/)) {
        const absolute = pattern.startsWith('/') ? pattern.slice(1) : joinPath('etc', pattern);
        for (const file of globbed(root, absolute)) read(root, file, depth + 1, into);
      }
    } else if (!line.startsWith('hwcap ')) {
      for (const directory of line.split(/[\s:,]+/))
        if (directory.startsWith('/')) into.push(directory.slice(1).replace(/=.*$/, '').replace(/\/+$/, ''));
    }
  }
}

/** Directories of etc/ld.so.conf and what it includes, in order. */
export function configuredDirectories(root: Root): string[] {
  const found: string[] = [];
  read(root, 'etc/ld.so.conf', 0, found);
  return [...new Set(found)];
}

/** Where musl's loader looks (etc/ld-musl-ARCH.path, else its built-in list), by the loader's own name ("ld-musl-x86_64.so.1"). */
export function muslDirectories(root: Root, loader: string): string[] {
  const text = textOf(root, `etc/${loader.replace(/\.so\.1$/, '.path')}`);
  const words = text === undefined ? ['/lib', '/usr/local/lib', '/usr/lib'] : text.split(/[\n:]+/);
  return words
    .map((word) => word.trim())
    .filter((word) => word.startsWith('/'))
    .map((word) => word.slice(1));
}
