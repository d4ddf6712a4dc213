// Another architecture: an arm64 archive, planned and built on any machine, boots in qemu-system-aarch64 to the root's own init.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../tools.ts';
import { CLONE, debianKernel, diskImage, mustRun, probeRoot } from '../world/index.ts';
import { assertReached, bootArchive } from './boot.ts';
import { builtArchive } from './disk-cases.ts';

test('arm64: a generic archive finds its ext4 root on a virtio disk', async (t) => {
  if (!needs(t, 'qemu-system-aarch64', 'mkfs.ext4')) return;
  const root = await probeRoot('arm64', { modules: true });
  const archive = await builtArchive(root);
  await mustRun(join(CLONE, 'bin/kindling'), ['verify', archive, '--root', root]);
  const proof = await bootArchive({
    kernel: (await debianKernel('arm64')).vmlinuz,
    archive,
    disks: [{ file: await diskImage({ fs: 'ext4', root, label: 'root' }) }],
    append: 'root=LABEL=root init=/sbin/probe-init',
    until: 'fact:probe.done',
    timeout: 200,
  });
  assertReached(proof);
  assert.match(proof.commandLine, /^console=ttyAMA0 panic=-1 kindling\.report=ttyS0 /);
  assert.equal(proof.facts['probe.root.source'], '/dev/vda');
  assert.equal(proof.phases.at(-1)?.name, 'released');
});
