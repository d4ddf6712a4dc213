// Debian packages laid over one another in a folder, without maintainer scripts and without root privilege.
// Owners come from the packages and are kept in a list, since an ordinary user cannot give files away; disk-image.ts applies them.
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Owners } from './disk-image.ts';
import { mustRun } from './run.ts';

/** Directories that a merged-/usr system keeps as links into /usr. */
const MERGED = ['bin', 'lib', 'sbin'] as const;

/** Creates the folder of a merged-/usr root, before any package is unpacked into it. */
export function makeMergedUsr(folder: string, extra: readonly string[] = []): void {
  mkdirSync(join(folder, 'usr'), { recursive: true });
  for (const name of [...MERGED, ...extra]) {
    mkdirSync(join(folder, 'usr', name));
    symlinkSync(`usr/${name}`, join(folder, name));
  }
}

/** The path an entry of a package has after /usr was merged. */
function merged(path: string): string {
  return /^(bin|sbin|lib|lib32|lib64|libx32)(\/|$)/.test(path) ? `usr/${path}` : path;
}

/** Unpacks a package over what is there. Links that stand for directories (merged /usr) are followed, as dpkg does. Answers who owns what is not root's. */
export async function unpackPackage(path: string, folder: string): Promise<Owners> {
  const tar = join(folder, '.package.tar');
  await mustRun('sh', ['-c', 'dpkg-deb --fsys-tarfile "$1" >"$2"', 'sh', path, tar]);
  await mustRun('tar', ['-x', '-p', '--no-same-owner', '--keep-directory-symlink', '-f', tar, '-C', folder]);
  const owners = new Map<string, { uid: number; gid: number }>();
  for (const line of (await mustRun('tar', ['-t', '-v', '--numeric-owner', '-f', tar])).split('\n')) {
    const found = /^\S+ +(\d+)\/(\d+) +\S+ \S+ \S+ \.\/(.*?)\/?(?: (?:->|link to) .*)?$/.exec(line);
    if (found === null || (found[1] === '0' && found[2] === '0')) continue;
    owners.set(merged(found[3] ?? ''), { uid: Number(found[1]), gid: Number(found[2]) });
  }
  await mustRun('rm', ['-f', tar]);
  return owners;
}
