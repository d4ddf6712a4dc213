// The images that boots are compared with: what a person would make by hand for one virtio disk with ext4, and kindling's for that machine.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { debianKernel, diskImage, probeRoot, staticBusybox } from '../test/world/index.ts';
import { command } from './measure.ts';
import type { Arena } from './peers.ts';
import { KINDLING } from './table.ts';

/** Label of the root disk. */
export const LABEL = 'root';

/** The disk all images find their root on: ext4, an init that reports its uptime as soon as it runs. */
export async function rootDisk(): Promise<string> {
  return diskImage({ fs: 'ext4', root: await probeRoot('amd64', { modules: true }), label: LABEL });
}

// In the order they have to be inserted.
const MODULES =
  'virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk crc32c_generic crc16 mbcache jbd2 ext4'.split(' ');

const BARE_INIT = `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in ${MODULES.join(' ')}; do /bin/busybox insmod /modules/$module.ko; done
/bin/busybox mount -t ext4 -o ro /dev/vda /newroot
exec /bin/busybox switch_root /newroot /sbin/probe-init
`;

/** A bare archive that only mounts: busybox, eleven modules, five lines. */
export async function bareImage(at: Arena): Promise<string> {
  const { root } = await debianKernel('amd64');
  const folder = join(at.out, 'bare');
  const image = join(at.out, 'bare.img');
  rmSync(folder, { recursive: true, force: true });
  for (const name of ['bin', 'dev', 'modules', 'newroot']) mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(await staticBusybox('amd64'), join(folder, 'bin/busybox'));
  chmodSync(join(folder, 'bin/busybox'), 0o755);
  writeFileSync(join(folder, 'init'), BARE_INIT, { mode: 0o755 });
  const home = join(root, 'usr/lib/modules', at.version);
  const files = readdirSync(home, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ko'));
  for (const name of MODULES) {
    const path = files.find((file) => basename(file, '.ko').replaceAll('-', '_') === name);
    if (path === undefined) throw new Error(`kernel ${at.version} has no module ${name}`);
    copyFileSync(join(home, path), join(folder, 'modules', `${name}.ko`));
  }
  await command(['sh', '-c', `cd "${folder}" && find . | LC_ALL=C sort | cpio -o -H newc --quiet | zstd -q -3 -f -o "${image}"`], at.log);
  return image;
}

/** Facts of QEMU's machine with one virtio disk, as `kindling plan --print-facts` would take them there. */
function machineFacts(version: string): string {
  return JSON.stringify({
    facts: 1,
    kernel: version,
    modaliases: ['pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00', 'virtio:d00000002v00001AF4', 'serio:ty06pr00id00ex00'],
    modules: ['virtio_blk', 'virtio_pci', 'ext4', 'atkbd', 'i8042'],
    loaded: ['virtio_blk', 'virtio_pci', 'ext4'],
    chain: ['virtio_pci', 'virtio_blk'],
    mounts: [{ at: '/', source: '/dev/vda', type: 'ext4' }],
    resume: '',
    commandLine: '',
  });
}

/** kindling's archives from the arena's root: generic, and for this one machine. */
export async function kindlingImages(at: Arena): Promise<{ generic: string; host: string }> {
  const generic = join(at.out, 'generic.img');
  const host = join(at.out, 'host.img');
  const facts = join(at.out, 'facts.json');
  writeFileSync(facts, machineFacts(at.version));
  await command([KINDLING, 'build', '--quiet', '--root', at.root, '-o', generic], at.log);
  await command([KINDLING, 'build', '--quiet', '--root', at.root, '--scope', 'host', '--facts', facts, '-o', host], at.log);
  return { generic, host };
}
