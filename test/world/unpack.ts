// Debian packages laid over one another in a folder, without maintainer scripts and without root privilege.
// Owners come from the packages and are kept in a list, since an ordinary user cannot give files away; disk-image.ts applies them.
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from './run.ts';

/** Directories that a merged-/usr system keeps as links into /usr. */
export const MERGED = ['bin', 'lib', 'sbin'] as const;

/** Creates the folder of a merged-/usr root, before any package is unpacked into it. */
export function makeMergedUsr(folder: string, extra: readonly string[] = []): void {
  mkdirSync(join(folder, 'usr'), { recursive: true });
  for (const name of [...MERGED, ...extra]) {
    mkdirSync(join(folder, 'usr', name));
    symlinkSync(`usr/${name}`, join(folder, name));
  }
}

/** Unpacks a package over what is there. Links that stand for directories (merged /usr) are followed, as dpkg does. */
export async function unpackPackage(path: string, folder: string): Promise<void> {
  const tar = join(folder, '.package.tar');
  await mustRun('sh', ['-c', 'dpkg-deb --fsys-tarfile "$1" >"$2"', 'sh', path, tar]);
  await mustRun('tar', ['-x', '-p', '--no-same-owner', '--keep-directory-symlink', '-f', tar, '-C', folder]);
  await mustRun('rm', ['-f', tar]);
}
