// The matrix: one generic archive, built by the command line from a Debian root, boots from every disk bus and every root file system.
import { before, test } from 'node:test';
import { DISK_BUSES } from '../../src/machine/index.ts';
import { needs } from '../tools.ts';
import { debianRoot, type FileSystem } from '../world/index.ts';
import { bootFromDisk, builtArchive } from './disk-cases.ts';

let archive = '';
before(async () => {
  archive = await builtArchive((await debianRoot('amd64')).folder);
});

for (const bus of DISK_BUSES) {
  test(`ext4 on ${bus}`, async (t) => {
    if (needs(t, 'qemu-system-x86_64', 'mkfs.ext4')) await bootFromDisk(archive, { bus, fs: 'ext4' });
  });
}

for (const bus of ['ahci', 'virtio', 'nvme'] as const) {
  test(`ext4 on ${bus} of q35`, async (t) => {
    if (needs(t, 'qemu-system-x86_64', 'mkfs.ext4')) await bootFromDisk(archive, { bus, fs: 'ext4', type: 'q35' });
  });
}

const MAKERS: readonly (readonly [FileSystem, string])[] = [
  ['xfs', 'mkfs.xfs'],
  ['btrfs', 'mkfs.btrfs'],
  ['squashfs', 'mksquashfs'],
];
for (const [fs, maker] of MAKERS) {
  test(`${fs} on scsi`, async (t) => {
    if (needs(t, 'qemu-system-x86_64', maker)) await bootFromDisk(archive, { bus: 'scsi', fs });
  });
}
