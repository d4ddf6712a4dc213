// Roots made by fixtures, as directories on disk: what the command line works on in tests.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readAll } from '../src/bytes/index.ts';
import type { Root } from '../src/plan/index.ts';

/** Writes a root below a folder, which it returns; `mask` takes permission bits away, as another umask would. */
export function writeRoot(root: Root, base: string, mask = 0): string {
  const write = (path: string): void => {
    const entry = root.entry(path);
    const at = join(base, path);
    if (entry === undefined || entry.kind === 'directory') {
      mkdirSync(at, { recursive: true });
      for (const child of root.names(path)) write(path === '' ? child : `${path}/${child}`);
      chmodSync(at, 0o777 & ~mask);
    } else if (entry.kind === 'symlink') symlinkSync(entry.target, at);
    else if (entry.kind === 'file') {
      mkdirSync(dirname(at), { recursive: true });
      writeFileSync(at, readAll(entry.content));
      chmodSync(at, entry.mode & ~mask);
    }
  };
  write('');
  return base;
}
