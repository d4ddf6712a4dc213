// Media and machines for what a live system keeps: one tiny bundle whose init is a shell on the console, an archive for it, and media of every
// kind that can hold changes. Nothing is mounted and no privilege is needed to make them.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { startableKernel } from '../../src/node/startable-kernel.ts';
import { findTool, tool } from '../tools.ts';
import { CLONE, debianRoot, diskImage, linkTree, mustRun, probeRoot } from '../world/index.ts';
import { scratchFolder } from './live-world.ts';
import { machineWords, start, type Talk, type TalkDisk } from './talk.ts';

/** What the shell of the booted system says when it waits. */
export const PROMPT = 'keep# ';

/** The passphrase of what is encrypted. */
export const PASSPHRASE = 'open sesame';

/** Seconds that a boot to the shell may take on a busy machine. */
export const BOOT_SECONDS = 300;

// A shell as the first process: nothing is written or synced but by what is typed.
const INIT = `#!/bin/sh
PATH=/usr/bin:/usr/sbin:/bin:/sbin
PS1='${PROMPT}'
export PATH PS1
cd /
exec sh </dev/console >/dev/console 2>&1
`;

/** What the root of the archives has beside Debian's least. */
export const PACKAGES = ['cryptsetup-bin', 'openssl', 'kexec-tools'] as const;

const CONFIG = 'media = virtio\nmedium = any\nencrypted = yes\n';

/** What boots: a kernel, the archive, and the one bundle. */
export interface KeepSystem {
  readonly kernel: string;
  readonly archive: string;
  readonly bundle: string;
}

/** The system, with further lines of configuration, and a public key for sealed media. */
export async function keepSystem(config = '', key?: string): Promise<KeepSystem> {
  const { folder, kernel } = await debianRoot('amd64', PACKAGES);
  const root = await probeRoot('amd64', { files: { 'usr/sbin/init': INIT, 'etc/fstab': '' } });
  const bundle = await diskImage({ fs: 'squashfs', root, label: 'bundle' });
  const scratch = scratchFolder();
  const archive = join(scratch, 'live.img');
  const settings = join(scratch, 'live.conf');
  writeFileSync(settings, CONFIG + config);
  const from = key === undefined ? folder : join(scratch, 'root');
  if (key !== undefined) {
    linkTree(folder, from);
    mkdirSync(join(from, 'etc/kindling/keys'), { recursive: true });
    copyFileSync(key, join(from, 'etc/kindling/keys/test.pem'));
  }
  const words = ['--root', from, '-k', kernel.version, '--add', 'live', '--add', 'fsck', '-c', settings, '-o', archive];
  await mustRun(findTool(join(CLONE, 'bin/kindling')) ?? 'kindling', ['build', '-q', ...words]);
  return { kernel: (await startableKernel(kernel.vmlinuz, false)).path, archive, bundle };
}

/** Files of a medium by path; a path on this machine, or a text. */
export type Files = Readonly<Record<string, { readonly copy: string } | string>>;

function place(files: Files, folder: string): void {
  for (const [path, file] of Object.entries(files)) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    if (typeof file === 'string') writeFileSync(target, file);
    else copyFileSync(file.copy, target);
  }
}

/** A disk with one file system and no partitions. */
export async function medium(to: string, type: 'ext4' | 'vfat', files: Files, mib = 64): Promise<string> {
  const folder = `${to}.files`;
  mkdirSync(folder, { recursive: true });
  place(files, folder);
  writeFileSync(to, '');
  truncateSync(to, mib << 20);
  if (type === 'ext4') {
    await mustRun(tool('mkfs.ext4'), [
      '-q',
      '-F',
      '-m',
      '0',
      '-L',
      'live',
      '-E',
      'lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0',
      '-d',
      folder,
      to,
    ]);
  } else {
    await mustRun(tool('mkfs.vfat'), ['-n', 'LIVE', to]);
    await mustRun(tool('mcopy'), ['-s', '-i', to, join(folder, 'kindling'), '::']);
  }
  return to;
}

/** An ext4 file system for changes, as a file or a whole disk, with files in it. */
export async function room(to: string, options: { label?: string; mib?: number; files?: Files; locked?: boolean } = {}): Promise<string> {
  const { label = 'kindling', mib = 24, files = {}, locked = false } = options;
  const folder = `${to}.files`;
  mkdirSync(folder, { recursive: true });
  place(files, folder);
  writeFileSync(to, '');
  truncateSync(to, (locked ? mib + 32 : mib) << 20);
  const how = ['-q', '-F', '-m', '0', '-L', locked ? '' : label, '-E', 'lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0'];
  await mustRun(tool('mkfs.ext4'), [...how, '-d', folder, to, `${mib}M`]);
  if (locked) {
    // encrypted where it lies, which takes no device and no privilege
    const kind = ['--type', 'luks2', '--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000', '--label', label];
    const words = ['reencrypt', '--encrypt', ...kind, '--reduce-device-size', '32M', '--key-file', '-', '-q', to];
    await mustRun(tool('cryptsetup'), words, { input: PASSPHRASE });
  }
  return to;
}

/** The list that the check of the medium reads. */
export function sums(files: Files): string {
  return Object.entries(files)
    .map(([path, file]) => [path, typeof file === 'string' ? Buffer.from(file) : readFileSync(file.copy)] as const)
    .map(([path, bytes]) => `${createHash('sha256').update(bytes).digest('hex')}  ./${path}\n`)
    .join('');
}

/** Starts a machine with these disks; it is not waited for. */
export function power(
  system: KeepSystem,
  disks: readonly (string | TalkDisk)[],
  append = '',
  words: readonly string[] = [],
  memory = 320,
): Talk {
  const all = disks.map((one) => (typeof one === 'string' ? { file: one } : one));
  return start(machineWords({ memory, kernel: system.kernel, archive: system.archive, append: `quiet ${append}`, disks: all, words }));
}

/** The same, and waits for its shell. */
export async function boot(system: KeepSystem, disks: readonly (string | TalkDisk)[], append = ''): Promise<Talk> {
  const talk = power(system, disks, append);
  try {
    await talk.expect(PROMPT, BOOT_SECONDS);
    return talk;
  } catch (error) {
    await talk.cut();
    throw error;
  }
}

/** Types a command; answers what it said. */
export async function typed(talk: Talk, command: string, seconds = 300): Promise<string> {
  // the echo of a long command is broken into lines, so the answer begins with a line of its own
  const text = await talk.ask(`echo "<""<"; ${command}`, PROMPT, seconds);
  const at = text.lastIndexOf('<<\n');
  if (at < 0) throw new Error(`no answer to ${command}:\n${text}`);
  return text.slice(at + 3).trimEnd();
}

/** The state of an ext4 file system by its superblock and by its checker, from a file and a place in it. */
export async function isClean(image: string): Promise<boolean> {
  const header = await mustRun(tool('dumpe2fs'), ['-h', image]);
  if (!/^Filesystem state: +clean$/m.test(header) || /needs_recovery/.test(header)) return false;
  await mustRun(tool('e2fsck'), ['-f', '-n', image]);
  return true;
}
