// The smallest machine that can update its own archive: busybox as init, a small kernel and its modules, and kindling as its package has it,
// on one ext4 disk. It boots in seconds, so that its power can be pulled often.
import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageChoice, packageTree } from '../../scripts/package.ts';
import { tool } from '../tools.ts';
import { debianDisk } from '../world/debian-disk.ts';
import { linkTree, mustRun, once, probeRoot, run } from '../world/index.ts';
import { writeTree } from '../world/unpack.ts';
import { machineWords, start, type Talk, type TalkDisk } from './talk.ts';

/** The label of its disk. */
export const LABEL = 'power';

/** A file of the root that the archive is made from: the updates here are because of it. */
export const INPUT = 'etc/modprobe.d/power.conf';

/** What its shell says when it waits. */
export const PROMPT = 'power# ';

const DISK_MIB = 640;
const BOOT_SECONDS = 120;

// A shell on the console, and nothing else: nothing is written or synced but by what is typed.
const INIT = `#!/bin/sh
PATH=/usr/bin:/usr/sbin:/bin:/sbin
export PATH
for place in proc:proc sysfs:sys devtmpfs:dev tmpfs:run; do
	mount -t \${place%:*} none /\${place#*:} 2>/dev/null
done
mount -o remount,rw /
PS1='${PROMPT}'
export PS1
exec sh </dev/console >/dev/console 2>&1
`;

// what Node is linked with
const LIBRARIES = ['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0', 'libgcc_s.so.1', 'libstdc++.so.6'];
const LOADER = 'ld-linux-x86-64.so.2';

/** A machine that can be started and stopped at will. */
export interface PowerMachine {
  /** A disk that was never booted; it holds no archive yet. */
  readonly disk: string;
  /** The folder that the disk was made from. */
  readonly root: string;
  readonly kernel: string;
  /** Release of the kernel. */
  readonly version: string;
}

/** The root without kindling. Made once. */
async function systemRoot(): Promise<{ readonly folder: string; readonly kernel: string; readonly version: string }> {
  const { file, kernel, kernels } = await debianDisk();
  const debian = join(file.replace(/\.img$/, ''), 'root');
  const version = kernels.older;
  const probe = await probeRoot('amd64');
  const folder = await once(`power-${version}-${INIT.length}-${probe.split('/').pop()}`, (scratch) => {
    linkTree(probe, scratch);
    const modules = `usr/lib/modules/${version}`;
    linkTree(join(debian, modules), join(scratch, modules));
    const libraries = 'usr/lib/x86_64-linux-gnu';
    for (const name of ['boot', libraries, 'usr/lib64', dirname(INPUT)]) mkdirSync(join(scratch, name), { recursive: true });
    for (const name of [LOADER, ...LIBRARIES]) copyFileSync(join(debian, libraries, name), join(scratch, libraries, name));
    symlinkSync('usr/lib64', join(scratch, 'lib64'));
    symlinkSync(`../lib/x86_64-linux-gnu/${LOADER}`, join(scratch, 'usr/lib64', LOADER));
    copyFileSync(kernel, join(scratch, 'boot', `vmlinuz-${version}`));
    writeFileSync(join(scratch, 'usr/sbin/power-init'), INIT);
    chmodSync(join(scratch, 'usr/sbin/power-init'), 0o755);
  });
  return { folder, kernel, version };
}

/** Makes the machine's disk in a scratch folder. */
export async function powerMachine(scratch: string): Promise<PowerMachine> {
  const { folder, kernel, version } = await systemRoot();
  const root = join(scratch, 'root');
  linkTree(folder, root);
  writeTree(await packageTree(packageChoice()), root);
  const disk = join(scratch, 'power.img');
  writeFileSync(disk, '');
  truncateSync(disk, DISK_MIB << 20);
  await mustRun(tool('mkfs.ext4'), ['-q', '-F', '-m', '0', '-L', LABEL, '-E', 'lazy_itable_init=0', '-d', root, disk]);
  return { disk, root, kernel, version };
}

/** Starts the machine with an archive and waits for its shell. */
export async function powerOn(machine: PowerMachine, archive: string, disk: TalkDisk): Promise<Talk> {
  const append = `quiet root=LABEL=${LABEL} init=/usr/sbin/power-init`;
  const talk = start(machineWords({ memory: 768, kernel: machine.kernel, archive, append, disks: [disk] }));
  try {
    await talk.expect(PROMPT, BOOT_SECONDS);
    return talk;
  } catch (error) {
    await talk.cut();
    throw error;
  }
}

/** Types a command; answers what it said and its exit code. */
export async function typed(talk: Talk, command: string, seconds: number): Promise<{ readonly text: string; readonly code: number }> {
  const text = await talk.ask(`${command}; echo "code=$?"`, PROMPT, seconds);
  const code = /^code=(\d+)$/m.exec(text)?.[1];
  if (code === undefined) throw new Error(`no exit code of ${command}:\n${text}`);
  return { text: text.replace(/^code=\d+\n/m, ''), code: Number(code) };
}

/** An orderly end, without a sync that only an orderly end would have. */
export async function powerOff(talk: Talk): Promise<void> {
  talk.say('mount -o remount,ro / && poweroff -f');
  await talk.off(60);
}

/** Copies a file of an ext4 image as a boot loader reads it, without the journal and its checksums; answers whether it is there. */
export async function rawFile(image: string, path: string, to: string): Promise<boolean> {
  rmSync(to, { force: true });
  const ran = await run(tool('debugfs'), ['-n', '-c', '-R', `dump /${path} ${to}`, image]);
  return ran.code === 0 && !/File not found|while/.test(ran.stderr);
}
