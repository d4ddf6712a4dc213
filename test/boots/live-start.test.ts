// One boot of a live system from a plain disk: the medium is found, its bundles are united, the union becomes the root by pivot_root, and what is
// left where it came from is known. All other media, words and failures: live-start.long.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needs } from '../tools.ts';
import { debianKernel } from '../world/index.ts';
import { assertReached, bootArchive } from './boot.ts';
import { ext4Medium, liveArchive, mediumFolder, usualBundles } from './live-world.ts';

// Source, place and type, in the order of mounting.
const MOUNTS = [
  ...['proc,/proc,proc', 'sysfs,/sys,sysfs', 'devtmpfs,/dev,devtmpfs', 'tmpfs,/run,tmpfs', 'root,/run/initramfs,tmpfs'],
  '/dev/vda,/run/initramfs/memory/data,ext4',
  '/dev/loop0,/run/initramfs/memory/bundles/01-core.sb,squashfs',
  '/dev/loop1,/run/initramfs/memory/bundles/02-modules.sb,squashfs',
  'changes,/run/initramfs/memory/changes,tmpfs',
  'union,/,overlay',
];

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
  assertReached(proof);
  const { facts } = proof;
  assert.equal(facts.medium, '/dev/vda ext4');
  assert.deepEqual(
    [facts['live.BUNDLES'], facts['live.DATA'], facts['live.HANDOVER']],
    ['01-core.sb 02-modules.sb', '/memory/data/kindling', 'pivot'],
  );

  // out of the first file system: no file is left in it, and what it took is free again
  assert.match(facts.rootfs ?? '', /^[0-2] files \d+ directories$/);
  const [, , directories] = (facts.rootfs ?? '').split(' ');
  assert.ok(Number(directories) <= 25, `${directories} empty directories are left`);
  const free = proof.phases.find(({ name }) => name === 'early')?.free ?? 0;
  assert.ok(free > Number(facts.escape) - 2048, `${facts.escape} KiB were free before the escape, ${free} after it`);

  // the union is the root of the first process, and all that it is made of can be reached
  assert.deepEqual([facts['probe.pid'], facts['probe.root.source'], facts['probe.root.type']], ['1', 'union', 'overlay']);
  assert.equal(facts['probe.written'], 'written');
  assert.equal(facts['probe.memory'], 'run/initramfs/memory');
  assert.equal(facts['probe.bundles'], '01-core.sb 02-modules.sb');
  assert.deepEqual(facts['probe.mount.list']?.split(' '), MOUNTS);
  assert.doesNotMatch(facts['probe.rest'] ?? '', /\b(?:m|own)\b/);
  // what the end needs is in the bundle too, so that only scripts and links take memory
  const [kept = ''] = (facts['probe.kept'] ?? '').split(/\s/);
  assert.ok(Number(kept) > 0 && Number(kept) < 400, `${kept} KiB of the archive are kept`);
  assert.equal(facts['probe.left'], 'none');

  // late modules: none of these is in the archive
  assert.deepEqual([facts['probe.modprobe'], facts['probe.request']], ['nilfs2', 'jfs']);
});
