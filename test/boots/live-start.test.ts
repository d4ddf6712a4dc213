// One boot of a live system from a plain disk: the medium is found, its bundles are united, the union becomes the root by pivot_root, and what is
// left where it came from is known. All other media, words and failures: live-start.long.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needs } from '../tools.ts';
import { debianKernel } from '../world/index.ts';
import { assertReached, bootArchive } from './boot.ts';
import { ext4Medium, liveArchive, mediumFolder, usualBundles } from './live-world.ts';

test('bundles on a disk are found and united, and their union becomes the root', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mkfs.ext4')) return;
  const folder = mediumFolder({ bundles: await usualBundles(), id: 'ab'.repeat(32) });
  const proof = await bootArchive({
    kernel: (await debianKernel('amd64')).vmlinuz,
    archive: await liveArchive([`medium = ${'ab'.repeat(32)}`]),
    disks: [{ file: await ext4Medium(folder) }],
    append: 'init=/usr/sbin/probe-init rd.shell=0',
    until: 'fact:probe.done',
  });
  console.log(proof.facts, proof.phases);
  assertReached(proof);
});
