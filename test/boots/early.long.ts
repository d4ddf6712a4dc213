// The matrix of early userspace: every form of root=, disks and file systems, shells, checks, resume, and each way to fail.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { DiskBus, Proof } from '../../src/machine/index.ts';
import { needs, tool } from '../tools.ts';
import { debianKernel, debianRoot, diskImage, type FileSystem, mustRun, partitionedDisk, uuidOf } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf, type TestDisk } from './boot.ts';
import { archives, LABEL, lateDisk, lateRoot } from './early-world.ts';

const QEMU = 'qemu-system-x86_64';
const INIT = 'init=/sbin/probe-init';
const PROMPT = '(kindling) #';
const made = archives();
const folder = mkdtempSync(join(tmpdir(), 'kindling-early-long-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let kernel = '';
let host = '';
let generic = '';
let disk = '';
let gpt = '';

before(async () => {
  kernel = (await debianKernel('amd64')).vmlinuz;
  host = await made.host(await lateRoot());
  generic = await made.generic(await lateRoot());
  disk = await lateDisk();
  gpt = await partitionedDisk({ image: disk, partLabel: 'rootpart' });
});

function booted(archive: string, disks: readonly TestDisk[], append: string, until = 'fact:probe.done'): Promise<Proof> {
  return bootArchive({ kernel, archive, disks, append, until, timeout: 180 });
}

const FORMS = (): readonly string[] => [
  '/dev/vda2',
  `UUID=${uuidOf(LABEL)}`,
  `LABEL=${LABEL}`,
  `PARTUUID=${uuidOf('rootpart')}`,
  '"PARTLABEL=rootpart"',
  `/dev/disk/by-uuid/${uuidOf(LABEL)}`,
  `/dev/disk/by-label/${LABEL}`,
  `/dev/disk/by-partuuid/${uuidOf('rootpart')}`,
  '/dev/disk/by-partlabel/rootpart',
  '254:2',
  'fe02',
];
for (const index of FORMS().keys()) {
  test(`root=${FORMS()[index]}`, async (t) => {
    if (!needs(t, QEMU, 'sfdisk')) return;
    const form = FORMS()[index]!;
    const append = `root=${form} ${INIT}`;
    const proof = await booted(host, [{ file: gpt }], append);
    assertReached(proof);
    assert.equal(proof.facts.root, '/dev/vda2');
  });
}

// QEMU's own names of its disks, as udev would make links of them.
const NAMED: readonly (readonly [DiskBus, string, string])[] = [
  ['nvme', '/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_kindling0-part2', '/dev/nvme0n1p2'],
  ['ahci', '/dev/disk/by-id/ata-QEMU_HARDDISK_QM00005-part2', '/dev/sda2'],
];
for (const [bus, root, found] of NAMED) {
  test(`root=${root}`, async (t) => {
    if (!needs(t, QEMU, 'sfdisk')) return;
    const proof = await booted(generic, [{ file: gpt, bus }], `root=${root} ${INIT}`);
    assertReached(proof);
    assert.equal(proof.facts.root, found);
  });
}

// QEMU takes an SD card only when its size is a power of two.
function card(): string {
  const file = join(folder, 'card');
  copyFileSync(disk, file);
  truncateSync(file, 2 ** Math.ceil(Math.log2(statSync(disk).size)));
  return file;
}

// disks.long.ts has every bus; here it is what is left in memory that counts
const BUSES: readonly DiskBus[] = ['nvme', 'usb', 'sd'];
for (const bus of BUSES) {
  test(`a generic archive on a disk behind ${bus}`, async (t) => {
    if (!needs(t, QEMU)) return;
    const file = bus === 'sd' ? card() : disk;
    const proof = await booted(generic, [{ file, bus }], `root=LABEL=${LABEL} ${INIT}`);
    assertReached(proof);
    assert.match(proof.facts.left ?? '', /^0 files /);
  });
}

for (const fs of ['xfs', 'btrfs', 'squashfs'] as const satisfies readonly FileSystem[]) {
  test(`a root of type ${fs}`, async (t) => {
    if (!needs(t, QEMU)) return;
    const file = await diskImage({ fs, root: await lateRoot(), label: 'other' });
    const root = fs === 'squashfs' ? '/dev/vda' : 'LABEL=other';
    const proof = await booted(generic, [{ file }], `root=${root} ${INIT}`);
    assertReached(proof);
    assert.equal(proof.facts['probe.root.type'], fs);
    assert.equal(proof.facts['probe.request'], 'jfs');
  });
}

for (const place of ['pre-mount', 'mount', 'pre-switch']) {
  test(`rd.break=${place} gives a shell`, async (t) => {
    if (!needs(t, QEMU)) return;
    const proof = await booted(host, [{ file: disk }], `root=LABEL=${LABEL} ${INIT} rd.break=${place}`, PROMPT);
    assertReached(proof);
    assert.match(consoleOf(proof), new RegExp(`kindling: rd.break=${place}`));
    const phases = proof.phases.map(({ name }) => name);
    assert.equal(phases.includes('mount'), place !== 'pre-mount');
    assert.equal(phases.includes('switch'), false);
  });
}

test('a failure gives a shell where rd.shell=1 says so', async (t) => {
  if (!needs(t, QEMU)) return;
  const append = `root=UUID=none kindling.timeout=2 rd.shell=1`;
  const proof = await bootArchive({ kernel, archive: host, disks: [{ file: disk }], append, until: PROMPT });
  assert.match(consoleOf(proof), /kindling: failed: root=UUID=none was not found/);
  assert.match(consoleOf(proof), /kindling: {3}\/dev\/vda \d+ MiB ext4 LABEL=root UUID=/);
});

test('panic=2 waits and restarts', async (t) => {
  if (!needs(t, QEMU)) return;
  const proof = await booted(host, [], 'root=/dev/vda kindling.timeout=1 panic=2', 'restarting in 2 s');
  assert.match(consoleOf(proof), /none at all: no driver for the disk in this archive, or no disk/);
  assert.match(proof.reason?.text ?? '', /^ROOT_NOT_FOUND/);
});

test('no root= at all, and a kind that cannot be', async (t) => {
  if (!needs(t, QEMU)) return;
  const none = await booted(host, [{ file: disk }], 'rd.shell=0');
  assert.match(none.reason?.text ?? '', /^NO_ROOT_WORD/);
  const foreign = await booted(host, [{ file: disk }], 'root=zfs:tank rd.shell=0');
  assert.match(foreign.reason?.text ?? '', /^ROOT_UNSUPPORTED: root=zfs:tank/);
});

test('an init that is not there', async (t) => {
  if (!needs(t, QEMU)) return;
  const proof = await booted(host, [{ file: disk }], `root=LABEL=${LABEL} init=/sbin/absent rd.shell=0`);
  assert.match(proof.reason?.text ?? '', /^NO_INIT: the root on \/dev\/vda has no \/sbin\/absent/);
});

test('a root behind LUKS is named', async (t) => {
  if (!needs(t, QEMU)) return;
  const file = join(folder, 'luks');
  writeFileSync(file, Buffer.from([0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe, 0, 2]));
  truncateSync(file, 16 << 20);
  const direct = await booted(host, [{ file }], 'root=/dev/vda rd.shell=0');
  assert.equal(direct.reason?.text, 'MOUNT: found crypto_LUKS on /dev/vda; this archive cannot open it');
  const inside = await booted(host, [{ file }], 'root=LABEL=inside kindling.timeout=1 rd.shell=0');
  assert.match(inside.reason?.text ?? '', /^ROOT_NOT_FOUND: .*found crypto_LUKS on \/dev\/vda; this archive cannot open it/);
});

test('resume= is told to the kernel before the root is mounted', async (t) => {
  if (!needs(t, QEMU, 'mkswap')) return;
  const file = join(folder, 'swap');
  writeFileSync(file, '');
  truncateSync(file, 16 << 20);
  await mustRun(tool('mkswap'), ['-q', '-U', uuidOf('swap'), file]);
  const disks = [{ file: disk }, { file }];
  const proof = await booted(host, disks, `root=LABEL=${LABEL} ${INIT} resume=UUID=${uuidOf('swap')}`);
  assertReached(proof);
  assert.equal(proof.facts.resume, '254:16');
  const not = await booted(host, disks, `root=LABEL=${LABEL} ${INIT} resume=UUID=${uuidOf('swap')} noresume`);
  assert.equal(not.facts.resume, undefined);
});

test('the root is checked, repaired, and not checked when told so', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const archive = await made.host((await debianRoot('amd64')).folder);
  const file = join(folder, 'damaged');
  copyFileSync(disk, file);
  await mustRun(tool('debugfs'), ['-w', '-R', 'ssv state 2', file]);
  const proof = await booted(archive, [{ file }], `root=LABEL=${LABEL} ${INIT}`);
  assertReached(proof);
  assert.equal(proof.facts.fsck, '/dev/vda 1');
  for (const word of ['fsck.mode=skip', 'fastboot']) {
    const skipped = await booted(archive, [{ file: disk }], `root=LABEL=${LABEL} ${INIT} ${word}`);
    assertReached(skipped);
    assert.equal(skipped.facts.fsck, undefined);
  }
});

test('a check that is asked for is made, and one that leaves errors does not mount', async (t) => {
  if (!needs(t, QEMU, 'debugfs')) return;
  const archive = await made.host((await debianRoot('amd64')).folder);
  const clean = await booted(archive, [{ file: disk }], `root=LABEL=${LABEL} ${INIT}`);
  assert.equal(clean.facts.fsck, '/dev/vda clean');
  const forced = await booted(archive, [{ file: disk }], `root=LABEL=${LABEL} ${INIT} fsck.mode=force`);
  assertReached(forced);
  assert.match(forced.facts.fsck ?? '', /^\/dev\/vda [01]$/);
  const file = join(folder, 'broken');
  copyFileSync(disk, file);
  // no program puts a missing top directory right without being asked
  for (const command of ['ssv state 2', 'clri <2>']) await mustRun(tool('debugfs'), ['-w', '-R', command, file]);
  const broken = await booted(archive, [{ file }], `root=LABEL=${LABEL} ${INIT} rd.shell=0`);
  assert.equal(broken.facts.fsck, '/dev/vda 4');
  assert.match(broken.reason?.text ?? '', /^MOUNT: fsck\.ext4 left errors on \/dev\/vda/);
});

test('root= by the way to the disk, and by a partition beside a known one', async (t) => {
  if (!needs(t, QEMU, 'sfdisk')) return;
  const first = (await mustRun(tool('sfdisk'), ['--part-uuid', gpt, '1'])).trim();
  for (const form of [
    `PARTUUID=${first}/PARTNROFF=1`,
    '/dev/disk/by-path/pci-0000:00:02.0-part2',
    '/dev/disk/by-path/virtio-pci-0000:00:02.0-part2',
  ]) {
    const proof = await booted(host, [{ file: gpt }], `root=${form} ${INIT}`);
    assertReached(proof);
    assert.equal(proof.facts.root, '/dev/vda2', form);
  }
});

test('a blacklisted driver is not loaded', async (t) => {
  if (!needs(t, QEMU)) return;
  const append = `root=LABEL=${LABEL} modprobe.blacklist=virtio_blk kindling.timeout=2 rd.shell=0`;
  const proof = await booted(generic, [{ file: disk }], append);
  assert.match(proof.reason?.text ?? '', /^ROOT_NOT_FOUND/);
});
