// Bundles, media and archives for the boots of live systems. The system in the bundles is a busybox whose init (/sbin/probe-init) reports what it
// finds, so that a boot takes seconds; media are written by foreign tools here. All of it is made once and kept.
import { createHash } from 'node:crypto';
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { startableKernel } from '../../src/node/startable-kernel.ts';
import { findTool, tool } from '../tools.ts';
import { CLONE, debianKernel, linkTree, mustRun, once } from '../world/index.ts';
import { lateRoot } from './early-world.ts';
import { openQmp, type Qmp } from './qmp.ts';
import { machineWords, start, type Talk } from './talk.ts';

// What a program of the booted system can see: the mounts, what early userspace wrote down, and that the medium's files can be read.
const LIVE = `while read -r source at type options rest; do
	list="$list $source,$at,$type"
done </proc/mounts
fact probe.mount.list $list
while IFS='=' read -r key value; do
	fact "live.$key" "$value"
done </run/kindling/live
fact probe.memory "$(readlink /memory)"
fact probe.command "$(cat /proc/cmdline)"
if grep -q probe.pull /proc/cmdline; then
	fact probe.pulling yes
	waited=0
	while [ -e /sys/class/block/sda ] && [ $waited -lt 300 ]; do
		sleep 0.1
		waited=$((waited + 1))
	done
	echo 3 >/proc/sys/vm/drop_caches
	fact probe.pulled "$(find /memory/ /usr -xdev -type f -exec cat {} + | wc -c) $(ls -d /sys/class/block/sd* 2>/dev/null)"
fi
if grep -q probe.eject /proc/cmdline; then
	# the drawer goes out behind this reader, and the next one does not pull it in again
	echo 0 >/proc/sys/dev/cdrom/autoclose
	echo 1 >/proc/sys/dev/cdrom/autoeject
	dd if=/dev/sr0 of=/dev/null count=1
	fact probe.ejected "$(dd if=/dev/sr0 of=/dev/null count=1 2>&1)"
	echo 3 >/proc/sys/vm/drop_caches
	fact probe.without "$(find /memory/ /usr -xdev -type f -exec cat {} + | wc -c)"
fi
fact probe.bundles $(ls /memory/bundles)
fact probe.rest $(ls -A /run/initramfs 2>/dev/null)
fact probe.kept $(du -xsk /run/initramfs 2>/dev/null)
cat /etc/layer 2>/dev/null && fact probe.layer "$(cat /etc/layer)"
echo written >/etc/written && fact probe.written "$(cat /etc/written)"
`;

// What the tests load after the switch, and what that needs; all other modules would only take time to pack.
const KEPT_MODULES = ['kernel/fs', 'kernel/lib', 'kernel/crypto', 'kernel/arch', 'kernel/drivers/block'];

/** The root that live archives of these tests are built from: kernel, its whole module tree, busybox. */
export const liveSource = lateRoot;

/** Folders of the bundles: `core` without kernel modules, `modules` with those that the tests load late. Made once. */
export async function bundleRoots(): Promise<{ readonly core: string; readonly modules: string }> {
  const root = await lateRoot();
  const { version } = await debianKernel('amd64');
  const key = createHash('sha256').update(LIVE).digest('hex').slice(0, 8);
  const made = await once(`live-roots-${key}-${basename(root)}`, (scratch) => {
    const [core, modules] = [join(scratch, 'core'), join(scratch, 'modules')];
    mkdirSync(core, { recursive: true });
    linkTree(root, core);
    for (const path of ['usr/lib/modules', 'boot']) rmSync(join(core, path), { recursive: true });
    mkdirSync(join(core, 'etc/probe.d'), { recursive: true });
    writeFileSync(join(core, 'etc/probe.d/live'), LIVE);
    const [from, to] = [root, modules].map((one) => join(one, 'usr/lib/modules', version));
    mkdirSync(to!, { recursive: true });
    for (const name of readdirSync(from!)) {
      if (statSync(join(from!, name)).isFile()) copyFileSync(join(from!, name), join(to!, name));
    }
    for (const path of KEPT_MODULES) {
      mkdirSync(join(to!, path), { recursive: true });
      linkTree(join(from!, path), join(to!, path));
    }
  });
  return { core: join(made, 'core'), modules: join(made, 'modules') };
}

/** A bundle of a folder that does not change; made once. */
export async function bundleOf(folder: string): Promise<string> {
  const key = `${basename(join(folder, '..'))}-${basename(folder)}-${Math.floor(statSync(folder).ctimeMs)}`;
  return once(`live-bundle-${key}.sb`, async (scratch) => {
    await packBundle(folder, scratch);
  });
}

/** A bundle of a folder, made by `kindling pack`. */
export async function packBundle(folder: string, bundle: string): Promise<void> {
  await mustRun(kindling(), ['pack', folder, '-o', bundle, '--format', 'squashfs', '--codec', 'zstd:3']);
}

/** The usual bundles of these tests by name. */
export async function usualBundles(): Promise<Readonly<Record<string, string>>> {
  const { core, modules } = await bundleRoots();
  return { '01-core.sb': await bundleOf(core), '02-modules.sb': await bundleOf(modules) };
}

/** A folder that goes when the test process ends. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-live-'));
  folders.add(folder);
  return folder;
}

const folders = new Set<string>();
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** What the tree of a medium holds. */
export interface MediumOptions {
  /** Bundles by name, as files of this machine; a name may be below `modules/`. */
  readonly bundles: Readonly<Record<string, string>>;
  /** Name of the data directory; "kindling" unless told. */
  readonly data?: string;
  /** First line of `medium`; without it there is no such file. */
  readonly id?: string;
  /** Further files by path from the top of the medium, as files of this machine. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The tree of a medium as a new folder. */
export function mediumFolder(options: MediumOptions): string {
  const folder = scratchFolder();
  const data = join(folder, options.data ?? 'kindling');
  mkdirSync(join(data, 'modules'), { recursive: true });
  for (const [name, from] of Object.entries(options.bundles)) place(from, join(data, name));
  if (options.id !== undefined) {
    const lines = Object.entries(options.bundles).flatMap(([name, from]) => (name.includes('/') ? [] : [`${name} ${statSync(from).size}`]));
    writeFileSync(join(data, 'medium'), `${[options.id, ...lines].join('\n')}\n`);
  }
  for (const [path, from] of Object.entries(options.files ?? {})) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    place(from, join(folder, path));
  }
  return folder;
}

// A copy, never a link: two names of one file would become one file on the medium, and mount takes one loop device for both.
function place(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
}

/** An ISO 9660 image of a folder, by xorriso. */
export async function isoMedium(folder: string): Promise<string> {
  const image = join(scratchFolder(), 'medium.iso');
  await mustRun(tool('xorriso'), ['-as', 'mkisofs', '-quiet', '-R', '-J', '-V', 'KINDLING', '-o', image, folder]);
  return image;
}

const MIB = 1 << 20;

/** An ext4 disk of a folder. */
export async function ext4Medium(folder: string, label = 'medium'): Promise<string> {
  const image = join(scratchFolder(), 'disk.img');
  writeFileSync(image, '');
  truncateSync(image, (Math.ceil((sizeOf(folder) * 1.06) / MIB) + 32) * MIB);
  await mustRun(tool('mkfs.ext4'), ['-q', '-F', '-m', '0', '-L', label, '-E', 'lazy_itable_init=0,root_owner=0:0', '-d', folder, image]);
  return image;
}

/** A stick with an MBR and one FAT32 partition, by sfdisk, mkfs.vfat and mcopy. */
export async function fatStick(folder: string, label = 'STICK'): Promise<string> {
  const image = join(scratchFolder(), 'stick.img');
  const size = Math.ceil((sizeOf(folder) * 1.05) / MIB) + 40;
  writeFileSync(image, '');
  truncateSync(image, (size + 1) * MIB);
  await mustRun(tool('sfdisk'), ['-q', image], { input: 'label: dos\nstart=2048, type=c, bootable\n' });
  await mustRun(tool('mkfs.vfat'), ['-F', '32', '-n', label, '--offset', '2048', image, String(size * 1024)]);
  const entries = readdirSync(folder).map((name) => join(folder, name));
  await mustRun(tool('mcopy'), ['-s', '-Q', '-i', `${image}@@1M`, ...entries, '::']);
  return image;
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, one) => {
    const path = join(folder, one.name);
    return sum + (one.isDirectory() ? sizeOf(path) : statSync(path).size);
  }, 0);
}

/** A live archive built by `kindling build --add live`; `settings` are lines of a configuration file, `root` is what it is made from. */
export async function liveArchive(settings: readonly string[] = [], root?: string): Promise<string> {
  const folder = scratchFolder();
  const config = join(folder, 'live.conf');
  writeFileSync(config, `${settings.join('\n')}\n`);
  const archive = join(folder, 'live.img');
  await mustRun(kindling(), ['build', '--root', root ?? (await liveSource()), '--add', 'live', '--config', config, '-o', archive]);
  return archive;
}

function kindling(): string {
  return findTool(join(CLONE, 'bin/kindling')) ?? 'kindling';
}

/** A running live system that devices can be plugged into: its console, its report and its monitor. */
export interface LiveMachine {
  readonly talk: Talk;
  readonly qmp: Qmp;
  /** Waits until the report has a line with this, at most so many seconds, and answers the whole report up to then. */
  reported(what: string | RegExp, seconds: number): Promise<string>;
  end(): Promise<void>;
}

/** Starts a live archive in a machine whose devices are given in QEMU's own words. */
export async function liveMachine(archive: string, append: string, words: readonly string[], memory = 512): Promise<LiveMachine> {
  const folder = scratchFolder();
  const [report, monitor] = [join(folder, 'report'), join(folder, 'monitor')];
  const kernel = (await startableKernel((await debianKernel('amd64')).vmlinuz, false)).path;
  const talk = start(
    machineWords({
      kernel,
      archive,
      memory,
      append: `kindling.report=ttyS1 init=/usr/sbin/probe-init ${append}`,
      words: [
        ...['-no-reboot', '-chardev', `file,id=report,path=${report}`, '-device', 'isa-serial,chardev=report'],
        ...['-qmp', `unix:${monitor},server=on,wait=off`, ...words],
      ],
    }),
  );
  const qmp = await openQmp(monitor);
  return {
    talk,
    qmp,
    async reported(what, seconds) {
      const until = performance.now() + seconds * 1000;
      for (;;) {
        const text = existsSync(report) ? readFileSync(report, 'utf8') : '';
        if (typeof what === 'string' ? text.includes(what) : what.test(text)) return text;
        if (performance.now() > until) {
          throw new Error(`the machine did not report ${what} within ${seconds} s\n${text}\n${talk.transcript().slice(-3000)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    async end() {
      qmp.close();
      await talk.cut();
    },
  };
}
