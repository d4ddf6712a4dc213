// A real Debian root from packages alone: unpacked, with the little that maintainer scripts would have done added as data. Nothing in it is run.

import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Architecture, fetchPackages } from './apt.ts';
import { once } from './cache.ts';
import { ROOT_PACKAGES } from './debian-packages.ts';
import type { Owners } from './disk-image.ts';
import { debianKernel, type Kernel } from './kernel.ts';
import { DIRECTORIES, FILES, GROUP, LINKS, PASSWD } from './maintainer-data.ts';
import { writeModuleIndexes } from './module-indexes.ts';
import { linkTree } from './probe.ts';
import { unpackPackages } from './unpack.ts';

/** A Debian system to boot into. */
export interface DebianRoot {
  /** The folder; merged /usr, kernel and module indexes included. */
  readonly folder: string;
  /** What does not belong to root:root in it. */
  readonly owners: Owners;
  readonly kernel: Kernel;
}

const SHADOW_GID = 42;
// Counts changes in how a root is made, so that a kept one of an older kind is not taken.
const LAYOUT = 2;
const OWNERS_FILE = 'owners.json';

function has(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function addData(folder: string): void {
  for (const [path, mode] of Object.entries(DIRECTORIES)) {
    mkdirSync(join(folder, path), { recursive: true });
    chmodSync(join(folder, path), mode);
  }
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  for (const [path, target] of Object.entries(LINKS)) {
    if (has(join(folder, path))) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    symlinkSync(target, join(folder, path));
  }
}

function addAccounts(folder: string): void {
  const master = (name: string) => readFileSync(join(folder, 'usr/share/base-passwd', `${name}.master`), 'utf8');
  const passwd = `${master('passwd').replace(/^root:\*:/m, 'root:x:')}${PASSWD}`.replaceAll(':*:', ':x:');
  const group = `${master('group')}${GROUP}`.replaceAll(':*:', ':x:');
  const names = (text: string) => text.split('\n').flatMap((line) => (line === '' ? [] : [line.split(':')[0] ?? '']));
  writeFileSync(join(folder, 'etc/passwd'), passwd);
  writeFileSync(join(folder, 'etc/group'), group);
  // root without a password: these roots exist for proofs only, and a person looking into one should get in
  writeFileSync(
    join(folder, 'etc/shadow'),
    names(passwd)
      .map((name) => `${name}:${name === 'root' ? '' : '*'}:19000:0:99999:7:::\n`)
      .join(''),
  );
  writeFileSync(
    join(folder, 'etc/gshadow'),
    names(group)
      .map((name) => `${name}:*::\n`)
      .join(''),
  );
  for (const name of ['shadow', 'gshadow']) chmodSync(join(folder, 'etc', name), 0o640);
}

// Newer than /usr, so that systemd does not rebuild its hardware database and caches in every proof.
function markUpdated(folder: string): void {
  const after = lstatSync(join(folder, 'usr')).mtimeMs / 1000 + 1;
  for (const path of ['etc/.updated', 'var/.updated']) {
    writeFileSync(join(folder, path), `TIMESTAMP_NSEC=${BigInt(Math.ceil(after)) * 1_000_000_000n}\n`);
    utimesSync(join(folder, path), Math.ceil(after), Math.ceil(after));
  }
}

function build(kernel: Kernel, packages: readonly string[], scratch: string): void {
  const folder = join(scratch, 'root');
  const owners = new Map(unpackPackages(packages, folder));
  addData(folder);
  addAccounts(folder);
  for (const name of ['etc/shadow', 'etc/gshadow']) owners.set(name, { uid: 0, gid: SHADOW_GID });
  linkTree(join(kernel.root, 'usr/lib/modules'), join(folder, 'usr/lib/modules'));
  linkTree(join(kernel.root, 'boot'), join(folder, 'boot'));
  writeModuleIndexes(folder, kernel.version);
  markUpdated(folder);
  writeFileSync(join(scratch, OWNERS_FILE), JSON.stringify([...owners]));
}

/** Debian with systemd, udev and its generic kernel, and more packages where they are named; made once. */
export async function debianRoot(architecture: Architecture, more: readonly string[] = []): Promise<DebianRoot> {
  const kernel = await debianKernel(architecture);
  const label = ['root', ...more].join('-');
  const packages = await fetchPackages(architecture, label, [...ROOT_PACKAGES, ...more]);
  const paths = packages.map((file) => file.path);
  const data = readFileSync(new URL('./maintainer-data.ts', import.meta.url));
  const key = createHash('sha256')
    .update(JSON.stringify([LAYOUT, paths, kernel.version]))
    .update(data)
    .digest('hex')
    .slice(0, 12);
  const made = await once(`debian-${architecture}-${key}`, (scratch) => {
    mkdirSync(scratch);
    build(kernel, paths, scratch);
  });
  const folder = join(made, 'root');
  if (!existsSync(folder)) throw new Error(`${made} is damaged: remove it`);
  return { folder, owners: new Map(JSON.parse(readFileSync(join(made, OWNERS_FILE), 'utf8'))), kernel };
}
