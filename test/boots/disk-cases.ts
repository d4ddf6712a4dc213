// What the disk tests share: an archive built by the command line from a root, and its boot from a disk until the root's own init has
// reported where it stands.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiskBus, MachineType } from '../../src/machine/index.ts';
import { CLONE, debianKernel, diskImage, type FileSystem, mustRun, probeRoot } from '../world/index.ts';
import { assertReached, bootArchive } from './boot.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-disks-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** An archive made by `kindling build` from a root; goes away with the test process. */
export async function builtArchive(root: string, words: readonly string[] = []): Promise<string> {
  const archive = join(mkdtempSync(join(folder, 'archive-')), 'archive.img');
  await mustRun(join(CLONE, 'bin/kindling'), ['build', '-q', '--root', root, '-o', archive, ...words]);
  return archive;
}

/** One boot: a bus, a file system, a machine. */
export interface DiskCase {
  readonly bus: DiskBus;
  readonly fs: FileSystem;
  readonly type?: MachineType;
}

/** The device the root must be on, by the name the kernel gives the first disk of the bus. */
const DEVICES: Partial<Record<DiskBus, string>> = {
  virtio: '/dev/vda',
  nvme: '/dev/nvme0n1',
  sd: '/dev/mmcblk0',
  'scsi-cd': '/dev/sr0',
  'ide-cd': '/dev/sr0',
};

/** An SD card has a power of two of bytes; a file system does not mind a larger device. */
function cardOf(image: string): string {
  const card = join(folder, 'card.img');
  copyFileSync(image, card);
  truncateSync(card, 2 ** Math.ceil(Math.log2(statSync(image).size)));
  return card;
}

/** Boots an archive from a disk that holds the probe root, and checks that its init runs on that disk and that the disk file is untouched. */
export async function bootFromDisk(archive: string, one: DiskCase, layout: 'plain' | 'squash' | 'squash-usr' = 'plain'): Promise<void> {
  const kernel = await debianKernel('amd64');
  const image = await diskImage({ fs: one.fs, root: await probeRoot('amd64', { modules: true }), label: 'root' });
  const file = one.bus === 'sd' ? cardOf(image) : image;
  const before = statSync(file);
  const device = DEVICES[one.bus] ?? '/dev/sda';
  const proof = await bootArchive({
    kernel: kernel.vmlinuz,
    archive,
    disks: [{ file, bus: one.bus }],
    // squashfs has no label
    append: `root=${one.fs === 'squashfs' ? device : 'LABEL=root'} init=/sbin/probe-init`,
    until: 'fact:probe.done',
    timeout: 150,
    ...(one.type === undefined ? {} : { type: one.type }),
  });
  assertReached(proof);
  assert.equal(proof.facts['probe.root.source'], device);
  assert.equal(proof.facts['probe.root.type'], one.fs);
  assert.equal(proof.facts['probe.pid'], '1');
  assert.deepEqual(
    proof.phases.map((mark) => mark.name),
    [...(layout === 'plain' ? [] : ['squash']), 'early', 'coldplug', 'device', 'mount', 'switch', 'init', 'released'],
  );
  if (layout !== 'plain') assert.equal(proof.facts.squash, 'released');
  assert.equal(statSync(file).mtimeMs, before.mtimeMs);
}
