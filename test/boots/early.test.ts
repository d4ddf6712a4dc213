// Early userspace in real boots, one for each capability: finding the root, late modules before and after the switch, giving the memory
// back, saying what was not found, and doing all of it without busybox.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Proof } from '../../src/machine/index.ts';
import { needs } from '../tools.ts';
import { debianKernel, diskImage, partitionedDisk, uuidOf } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import { archives, LABEL, lateDisk, lateRoot, plainRoot, splitRoots } from './early-world.ts';

const QEMU = 'qemu-system-x86_64';
const made = archives();
let kernel = '';

before(async () => {
  kernel = (await debianKernel('amd64')).vmlinuz;
});

function fact(proof: Proof, key: string): string | undefined {
  return proof.facts[key];
}

function memoryAt(proof: Proof, phase: string): number {
  return proof.phases.find(({ name }) => name === phase)?.memory ?? 0;
}

test('a virtio disk by UUID: found, and deferred modules load after the switch, by name and by the kernel', async (t) => {
  if (!needs(t, QEMU)) return;
  const archive = await made.host(await lateRoot());
  const append = `root=UUID=${uuidOf(LABEL).toUpperCase()} rootfstype=ext4 init=/sbin/probe-init single`;
  const proof = await bootArchive({ kernel, archive, disks: [{ file: await lateDisk() }], append, until: 'fact:probe.done' });
  assertReached(proof);
  assert.equal(fact(proof, 'root'), '/dev/vda');
  assert.equal(fact(proof, 'probe.pid'), '1');
  assert.equal(fact(proof, 'probe.arguments'), 'single');
  // what was loaded before the root's init, and nothing that was not needed
  const loaded = new Set((fact(proof, 'modules') ?? '').split(' '));
  for (const name of ['virtio_blk', 'virtio_pci', 'ext4']) assert.ok(loaded.has(name), `${name} is not among ${[...loaded].join(' ')}`);
  assert.ok(!loaded.has('jfs') && !loaded.has('nilfs2'));
  assert.equal(fact(proof, 'probe.modprobe'), 'nilfs2');
  assert.equal(fact(proof, 'probe.request'), 'jfs');
  assert.equal(fact(proof, 'probe.left'), 'none');
  assert.match(fact(proof, 'probe.root.options') ?? '', /^ro,/);
});

test('a generic archive, PARTUUID on a GPT: all of its memory comes back', async (t) => {
  if (!needs(t, QEMU, 'sfdisk')) return;
  const archive = await made.generic(await lateRoot());
  const disk = await partitionedDisk({ image: await lateDisk() });
  const append = `root=PARTUUID=${uuidOf('rootpart')} rw init=/sbin/probe-init`;
  const proof = await bootArchive({ kernel, archive, disks: [{ file: disk }], append, until: 'fact:probe.done' });
  assertReached(proof);
  assert.equal(fact(proof, 'root'), '/dev/vda2');
  const [, directories = '999'] = /^0 files (\d+) directories$/.exec(fact(proof, 'left') ?? '') ?? [];
  assert.ok(Number(directories) <= 20, `${fact(proof, 'left')} are left of the archive`);
  assert.match(fact(proof, 'probe.root.options') ?? '', /^rw,/);
  const [early, released] = [memoryAt(proof, 'early'), memoryAt(proof, 'released')];
  assert.ok(released - early > 40 * 1024, `${early} KiB at the start, ${released} KiB after the switch`);
});

test('a separate /usr whose driver is deferred: the kernel loads it from the root before the switch', async (t) => {
  if (!needs(t, QEMU, 'mksquashfs')) return;
  const archive = await made.host(await lateRoot());
  const { root, usr } = await splitRoots('/dev/vdb /usr squashfs defaults,x-initrd.mount 0 0\n');
  const disks = [
    { file: await diskImage({ fs: 'ext4', root, label: 'split' }) },
    { file: await diskImage({ fs: 'squashfs', root: usr }), readOnly: true },
  ];
  const append = 'root=LABEL=split init=/usr/sbin/probe-init';
  const proof = await bootArchive({ kernel, archive, disks, append, until: 'fact:probe.done' });
  assertReached(proof);
  assert.equal(fact(proof, 'usr'), '/dev/vdb');
  assert.match(fact(proof, 'late-modules') ?? '', /^\/newroot\/lib\/modules\//);
});

test('a root that is not there: what was looked for, what is there, and an end as panic= says', async (t) => {
  if (!needs(t, QEMU)) return;
  const archive = await made.host(await lateRoot());
  const append = 'root=LABEL=elsewhere kindling.timeout=3 rd.shell=0';
  const proof = await bootArchive({ kernel, archive, disks: [{ file: await lateDisk() }], append });
  assert.equal(proof.reached, false);
  assert.equal(proof.reason?.code, 'early');
  assert.match(proof.reason?.text ?? '', /^ROOT_NOT_FOUND: root=LABEL=elsewhere was not found among 1 block devices/);
  assert.match(fact(proof, 'seen') ?? '', new RegExp(`^/dev/vda \\d+ MiB ext4 LABEL=${LABEL} UUID=${uuidOf(LABEL)}`));
  assert.match(consoleOf(proof), /kindling: restarting/);
});

test("without busybox, on the root's own dash, mount, kmod, switch_root and blkid", async (t) => {
  if (!needs(t, QEMU)) return;
  const archive = await made.host(await plainRoot());
  const append = `root=/dev/disk/by-label/${LABEL} init=/sbin/probe-init`;
  const proof = await bootArchive({ kernel, archive, disks: [{ file: await lateDisk() }], append, until: 'fact:probe.done' });
  assertReached(proof);
  assert.equal(fact(proof, 'probe.modprobe'), 'nilfs2');
  assert.equal(fact(proof, 'probe.left'), 'none');
  assert.match(fact(proof, 'left') ?? '', /^0 files /);
});
