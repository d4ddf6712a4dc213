// The peers, run as their users run them: inside a Debian root of their own (only root can), writing to a folder outside it.
// The root is unpacked from packages by test/world; the very same root is what kindling builds from.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { debianRoot } from '../test/world/index.ts';
import { command } from './measure.ts';

/** Where everything of one bench run lies. */
export interface Arena {
  /** The Debian root with both peers in it. */
  readonly root: string;
  readonly version: string;
  readonly vmlinuz: string;
  /** Scratch folder for outputs. */
  readonly out: string;
  readonly log: string;
}

const PEER_PACKAGES = ['dracut-core', 'dracut-squash', 'initramfs-tools-core', 'zstd', 'pigz'];

// pigz and zstd are what a Debian installation of the peers brings along, so both run at their best.
const ENTER = `set -e
R=$1; OUT=$2; shift 2
mount --bind /dev "$R/dev"; mount -t proc proc "$R/proc"; mount --bind /sys "$R/sys"
for at in tmp var/tmp run; do mount -t tmpfs tmpfs "$R/$at"; done
mount --bind "$OUT" "$R/mnt"
exec chroot "$R" "$@"`;

/** Makes the root (once) and the folder. */
export async function arena(out: string): Promise<Arena> {
  const { folder, kernel } = await debianRoot('amd64', PEER_PACKAGES);
  mkdirSync(out, { recursive: true });
  return { root: folder, version: kernel.version, vmlinuz: kernel.vmlinuz, out, log: join(out, 'log') };
}

async function inRoot(at: Arena, words: readonly string[]): Promise<void> {
  await command(['unshare', '--mount', 'sh', '-c', ENTER, 'enter', at.root, at.out, ...words], at.log, {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  });
}

/** initramfs-tools with its defaults (MODULES=most, zstd). */
export async function mkinitramfs(at: Arena, name: string): Promise<void> {
  await inRoot(at, ['mkinitramfs', '-o', `/mnt/${name}`, at.version]);
}

/** dracut for any machine; `compress` as its option takes it, its own choice when undefined. */
export async function dracut(at: Arena, name: string, compress?: string): Promise<void> {
  const words = compress === undefined ? [] : ['--compress', compress];
  await inRoot(at, ['dracut', '--no-hostonly', '--force', ...words, `/mnt/${name}`, at.version]);
}

/** dracut for any machine with its squash module: everything but a loader is in one squashfs image inside. */
export async function dracutSquash(at: Arena, name: string): Promise<void> {
  await inRoot(at, ['dracut', '--no-hostonly', '--add', 'squash', '--force', `/mnt/${name}`, at.version]);
}
