// A generic archive boots from other disks than virtio and other file systems than ext4: each once. All of them: disks.long.ts.
import { before, test } from 'node:test';
import { needs } from '../tools.ts';
import { probeRoot } from '../world/index.ts';
import { bootFromDisk, builtArchive, type DiskCase } from './disk-cases.ts';

let archive = '';
before(async () => {
  archive = await builtArchive(await probeRoot('amd64', { modules: true }));
});

const CASES: readonly (DiskCase & { readonly tool: string })[] = [
  { bus: 'nvme', fs: 'xfs', tool: 'mkfs.xfs' },
  { bus: 'usb', fs: 'squashfs', tool: 'mksquashfs' },
  { bus: 'ahci', fs: 'btrfs', tool: 'mkfs.btrfs', type: 'q35' },
];

for (const one of CASES) {
  test(`${one.fs} on ${one.bus}`, async (t) => {
    if (needs(t, 'qemu-system-x86_64', one.tool)) await bootFromDisk(archive, one);
  });
}
