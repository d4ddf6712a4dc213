// The probe root: a static busybox and an init that reports what it finds and powers off. It boots in a second where Debian's needs twenty.

import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Architecture, fetchPackages } from './apt.ts';
import { once } from './cache.ts';
import { debianKernel } from './kernel.ts';
import { makeMergedUsr, unpackPackages } from './unpack.ts';

const PROBE_INIT = join(dirname(fileURLToPath(import.meta.url)), 'probe/probe-init');

// Applets a root must have for early userspace to work with it, and those that the probe's own script uses.
const SBIN = 'blkid depmod fsck halt init insmod losetup lsmod mdev modinfo modprobe pivot_root poweroff reboot rmmod switch_root'.split(
  ' ',
);
const BIN =
  'ash cat chmod chroot cmp cp cut date dd df dmesg echo env expr false find free grep gzip head hexdump hostname id kill ln ls md5sum mkdir mknod mount mv nc nproc od pidof printf ps pwd readlink realpath rm rmdir sed setsid sh sha256sum sleep sort stat stty sync tail tar tee test timeout top touch tr true tty umount uname uniq vi wc which xargs yes zcat'.split(
    ' ',
  );
const MOUNT_POINTS = ['dev', 'proc', 'sys', 'run', 'mnt', 'root', 'var'] as const;

const FILES: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
  'etc/group': 'root:x:0:\n',
  'etc/hostname': 'probe\n',
  'etc/fstab': '',
  'etc/os-release': 'ID=probe\nPRETTY_NAME="kindling probe"\n',
};

export interface ProbeOptions {
  /** Also the kernel's whole module tree, straight from the package: what a planner reads, and what late modules come from. */
  readonly modules?: boolean;
  /** Further files by path, or in place of the usual ones; `etc/probe.d/NAME` is sourced by probe-init. Executable where it starts with "#!". */
  readonly files?: Readonly<Record<string, string>>;
}

/** Hard links (or copies, across file systems) of a whole folder. The copies share content: never write into them. */
export function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) linkTree(source, target);
    else if (!existsSync(target)) {
      try {
        linkSync(source, target);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
        copyFileSync(source, target);
      }
    }
  }
}

/** The static busybox of Debian as a program file. */
export async function staticBusybox(architecture: Architecture): Promise<string> {
  const [file] = await fetchPackages(architecture, 'busybox-static', ['busybox-static'], /^busybox-static$/);
  if (file === undefined) throw new Error(`no busybox-static package for ${architecture}`);
  const root = await once(`busybox-static-${architecture}`, (scratch) => {
    unpackPackages([file.path], scratch);
  });
  return join(root, 'usr/bin/busybox');
}

/** A folder to boot into: merged /usr, static busybox, `/sbin/probe-init`, and what the options add. Made once for each set of options. */
export async function probeRoot(architecture: Architecture, options: ProbeOptions = {}): Promise<string> {
  const files = { ...FILES, ...options.files };
  const kernel = options.modules === true ? await debianKernel(architecture) : undefined;
  const key = createHash('sha256')
    .update(JSON.stringify([files, kernel?.version, SBIN, BIN]))
    .update(readFileSync(PROBE_INIT))
    .digest('hex')
    .slice(0, 12);
  const busybox = await staticBusybox(architecture);
  return once(`probe-${architecture}-${key}`, (scratch) => {
    makeMergedUsr(scratch);
    for (const name of MOUNT_POINTS) mkdirSync(join(scratch, name));
    mkdirSync(join(scratch, 'tmp'));
    chmodSync(join(scratch, 'tmp'), 0o1777);
    copyFileSync(busybox, join(scratch, 'usr/bin/busybox'));
    chmodSync(join(scratch, 'usr/bin/busybox'), 0o755);
    for (const name of BIN) symlinkSync('busybox', join(scratch, 'usr/bin', name));
    for (const name of SBIN) symlinkSync('../bin/busybox', join(scratch, 'usr/sbin', name));
    copyFileSync(PROBE_INIT, join(scratch, 'usr/sbin/probe-init'));
    chmodSync(join(scratch, 'usr/sbin/probe-init'), 0o755);
    for (const [path, text] of Object.entries(files)) {
      const target = join(scratch, path);
      mkdirSync(dirname(target), { recursive: true });
      rmSync(target, { force: true });
      writeFileSync(target, text);
      chmodSync(target, text.startsWith('#!') ? 0o755 : 0o644);
    }
    if (kernel !== undefined) {
      linkTree(join(kernel.root, 'usr/lib/modules'), join(scratch, 'usr/lib/modules'));
      linkTree(join(kernel.root, 'boot'), join(scratch, 'boot'));
    }
  });
}
