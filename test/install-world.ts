// Small roots for the tests of install and uninstall, and what a root is before and after.
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../src/node/digest.ts';
import { directoryRoot } from '../src/node/directory.ts';
import { hookFiles } from '../src/node/hook-files.ts';
import { installDisk, type LinkingDisk } from '../src/node/install-disk.ts';
import { isOwnArchive } from '../src/node/own-archive.ts';
import type { HookKind } from '../src/verbs/install/manifest.ts';
import { installPlan } from '../src/verbs/install/plan.ts';
import { finishInstall, type Installation, install, installation } from '../src/verbs/install.ts';
import { finishUninstall, type Uninstallation, uninstall, uninstallation } from '../src/verbs/uninstall.ts';

/** The hooks as they are in the clone. */
export const HOOKS = fileURLToPath(new URL('../packaging/hooks/', import.meta.url));

/** A folder that is gone after the test. */
export function scratch(t: Pick<TestContext, 'after'>): string {
  const path = mkdtempSync(join(tmpdir(), 'kindling-install-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Writes files by path; a text that begins with "-> " is a link. */
export function write(base: string, files: Readonly<Record<string, string>>, mode = 0o644): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    if (text.startsWith('-> ')) symlinkSync(text.slice(3), join(base, path));
    else {
      writeFileSync(join(base, path), text);
      chmodSync(join(base, path), mode);
    }
  }
}

/** A root in which everything fits: Debian with GRUB, entries of the Boot Loader Specification, and kernel-install. */
export function fullRoot(base: string): string {
  write(base, {
    'etc/fstab': 'UUID=1111-aaaa / ext4 defaults 0 1\nUUID=2222-bbbb /boot/efi vfat umask=0077 0 1\n',
    'etc/os-release': 'PRETTY_NAME="Sample 1 (test)"\nID=sample\n',
    'etc/machine-id': '0123456789abcdef0123456789abcdef\n',
    'etc/grub.d/00_header': '#!/bin/sh\n',
    'etc/grub.d/10_linux': '#!/bin/sh\n',
    'etc/kernel/postinst.d/initramfs-tools': '#!/bin/sh\nexit 0\n',
    'usr/bin/kernel-install': '#!/bin/sh\n',
    'usr/lib/systemd/systemd': '',
    'var/lib/dpkg/status': '',
    'boot/loader/loader.conf': 'timeout 3\n',
    'boot/loader/entries/sample.conf': 'title Sample\n',
    'boot/vmlinuz-6.1.0-1': 'kernel',
    'boot/initrd.img-6.1.0-1': 'initrd',
    'boot/kindling-other.txt': "not kindling's",
  });
  return base;
}

/** Every path of a tree with mode and content, one a line. */
export function snapshot(base: string): string[] {
  const lines: string[] = [];
  const visit = (path: string): void => {
    for (const name of readdirSync(join(base, path)).sort()) {
      const at = path === '' ? name : `${path}/${name}`;
      const stats = lstatSync(join(base, at));
      const mode = (stats.mode & 0o7777).toString(8);
      if (stats.isDirectory()) {
        lines.push(`${at}/ ${mode}`);
        visit(at);
      } else if (stats.isSymbolicLink()) lines.push(`${at} -> ${readlinkSync(join(base, at))}`);
      else lines.push(`${at} ${mode} ${stats.mtimeMs} ${sha256(readFileSync(join(base, at)))}`);
    }
  };
  visit('');
  return lines;
}

/** The whole of an installation but archives and boot menu, as the verb does it. */
export async function installIn(base: string, disk?: LinkingDisk, kinds?: readonly HookKind[]): Promise<Installation> {
  const plan = installPlan(directoryRoot(base), hookFiles(), { with: kinds, scope: 'generic', codec: 'zstd:3' });
  const target = installDisk(base, disk);
  const work = installation(plan, target, sha256);
  await install(plan, work, target, sha256);
  await finishInstall(work, target, sha256);
  return work;
}

/** The whole of uninstalling but the boot menu. */
export function uninstallIn(base: string, disk?: LinkingDisk): Uninstallation {
  const target = installDisk(base, disk);
  const work = uninstallation(target, { sha256, isArchive: (path) => isOwnArchive(target.placeOf(path)) });
  uninstall(work, target);
  finishUninstall(work, target);
  return work;
}
