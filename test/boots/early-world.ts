// Roots, disks and archives for the boots of early userspace. Archives are built by the command itself.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTool } from '../tools.ts';
import { CLONE, debianKernel, debianRoot, diskImage, linkTree, mustRun, once, probeRoot } from '../world/index.ts';
import { writeModuleIndexes } from '../world/module-indexes.ts';

/** The label of the disk that `lateDisk` makes. */
export const LABEL = 'root';

// After the switch: one deferred module by name, one by the kernel's own request.
const LATE = `modprobe nilfs2 && grep -q ^nilfs2 /proc/modules && fact probe.modprobe nilfs2
mount -t jfs none /mnt 2>/dev/null
grep -qw jfs /proc/filesystems && fact probe.request jfs
fact probe.arguments "$*"
fact probe.mounts "$(wc -l </proc/mounts)"
`;

/** A probe root with the kernel's whole module tree, its indexes, and checks of late modules. Made once. */
export async function lateRoot(): Promise<string> {
  const probe = await probeRoot('amd64', { modules: true, files: { 'etc/probe.d/late': LATE } });
  const { version } = await debianKernel('amd64');
  return once(`early-${probe.split('/').pop()}`, (scratch) => {
    linkTree(probe, scratch);
    // linkTree's copies share content with the kernel's package: what the index writer may write over must be the root's own
    const tree = join(scratch, 'usr/lib/modules', version);
    for (const name of readdirSync(tree).filter((one) => one.startsWith('modules.'))) {
      rmSync(join(tree, name));
      copyFileSync(join(probe, 'usr/lib/modules', version, name), join(tree, name));
    }
    writeModuleIndexes(scratch, version);
  });
}

/** An ext4 disk of it. */
export async function lateDisk(): Promise<string> {
  return diskImage({ fs: 'ext4', root: await lateRoot(), label: LABEL });
}

/** Debian without its busybox: early userspace then uses dash, util-linux and kmod. Made once. */
export async function plainRoot(): Promise<string> {
  const { folder } = await debianRoot('amd64');
  return once(`early-plain-${folder.split('/').at(-2)}`, (scratch) => {
    linkTree(folder, scratch);
    rmSync(join(scratch, 'usr/bin/busybox'));
  });
}

/** A root without merged /usr whose programs and init are on another disk, with the modules of its own: the two folders. Made once. */
export async function splitRoots(fstab: string): Promise<{ readonly root: string; readonly usr: string }> {
  const late = await lateRoot();
  const made = await once(`early-split-${fstab.replace(/[^a-z0-9]+/gi, '-')}-${late.split('/').pop()}`, (scratch) => {
    const root = join(scratch, 'root');
    for (const name of ['dev', 'proc', 'sys', 'run', 'mnt', 'etc', 'usr', 'lib', 'tmp']) mkdirSync(join(root, name), { recursive: true });
    for (const name of ['bin', 'sbin']) symlinkSync(`usr/${name}`, join(root, name));
    linkTree(join(late, 'usr/lib/modules'), join(root, 'lib/modules'));
    linkTree(join(late, 'etc'), join(root, 'etc'));
    rmSync(join(root, 'etc/fstab'));
    writeFileSync(join(root, 'etc/fstab'), fstab);
    for (const name of ['bin', 'sbin']) linkTree(join(late, 'usr', name), join(scratch, 'usr', name));
  });
  return { root: join(made, 'root'), usr: join(made, 'usr') };
}

const VIRTIO = {
  facts: 1,
  modaliases: ['pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00', 'virtio:d00000002v00001AF4'],
  modules: [],
  loaded: ['virtio_pci', 'virtio_blk', 'ext4'],
  chain: ['virtio_pci', 'virtio_blk'],
  mounts: [{ at: '/', source: '/dev/vda', type: 'ext4' }],
  resume: '',
  commandLine: '',
};

/** Builds archives into one folder, which goes away with the test process. */
export interface Archives {
  /** For any machine, from this root. */
  generic(root: string, ...words: readonly string[]): Promise<string>;
  /** For a machine with a virtio disk that holds ext4, so that it boots soonest and nearly all is deferred. */
  host(root: string, ...words: readonly string[]): Promise<string>;
}

/** A new folder of archives. */
export function archives(): Archives {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-early-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  let made = 0;
  const build = async (root: string, words: readonly string[]): Promise<string> => {
    const path = join(folder, `${made++}.img`);
    await mustRun(findTool(join(CLONE, 'bin/kindling')) ?? 'kindling', ['build', '--root', root, '-o', path, ...words]);
    return path;
  };
  return {
    generic: (root, ...words) => build(root, words),
    host: async (root, ...words) => {
      const facts = join(folder, 'virtio.json');
      writeFileSync(facts, JSON.stringify({ ...VIRTIO, kernel: (await debianKernel('amd64')).version }));
      return build(root, ['--scope', 'host', '--facts', facts, ...words]);
    },
  };
}
