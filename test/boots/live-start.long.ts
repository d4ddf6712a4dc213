// Live systems from every kind of medium, at every word of the command line, and when something is missing, damaged or too large.
// The init of the union reports what it finds (/sbin/probe-init): a prompt would prove less.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { debianKernel, mustRun } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf, type TestBoot } from './boot.ts';
import { plainRoot } from './early-world.ts';
import {
  ext4Medium,
  fatStick,
  isoMedium,
  liveArchive,
  liveMachine,
  mediumFolder,
  packBundle,
  scratchFolder,
  usualBundles,
} from './live-world.ts';

const A = 'ab'.repeat(32);
const B = 'cd'.repeat(32);
const WORDS = 'init=/usr/sbin/probe-init rd.shell=0';

const made = new Map<string, Promise<string>>();

/** Made once in this file. */
function once(key: string, make: () => Promise<string>): Promise<string> {
  const held = made.get(key) ?? make();
  made.set(key, held);
  return held;
}

const anyArchive = () => once('archive', () => liveArchive());
const usual = async () => mediumFolder({ bundles: await usualBundles(), id: A });
const iso = () => once('iso', async () => isoMedium(await usual()));
const disk = () => once('disk', async () => ext4Medium(await usual()));
const stick = () => once('stick', async () => fatStick(await usual()));

type Live = Omit<TestBoot, 'kernel' | 'archive' | 'append'> & { readonly archive?: string; readonly append?: string };

/** A boot to the end of the probe, which must get there; its facts. */
async function boots(options: Live): Promise<Readonly<Record<string, string>>> {
  const proof = await live(options);
  assertReached(proof);
  return proof.facts;
}

async function live({ archive, append = '', ...rest }: Live) {
  return bootArchive({
    kernel: (await debianKernel('amd64')).vmlinuz,
    archive: archive ?? (await anyArchive()),
    append: `${WORDS} ${append}`,
    until: 'fact:probe.done',
    timeout: 240,
    ...rest,
  });
}

const NEEDS = ['qemu-system-x86_64', 'mkfs.ext4', 'xorriso', 'mkfs.vfat', 'mcopy', 'sfdisk', 'debugfs'] as const;

test('a disc behind IDE; handover switch keeps everything under /run/kindling and the union out of it', async (t) => {
  if (!needs(t, ...NEEDS)) return;
  const facts = await boots({
    archive: await liveArchive(['handover = switch']),
    disks: [{ file: await iso(), bus: 'ide-cd' }],
    append: 'live-media=/dev/sr0 live-media-path=/kindling',
  });
  assert.equal(facts.medium, '/dev/sr0 iso9660');
  assert.equal(facts['probe.memory'], 'run/kindling');
  assert.equal(facts['probe.bundles'], '01-core.sb 02-modules.sb');
  assert.equal(facts['probe.request'], 'jfs');
  const mounts = facts['probe.mount.list'] ?? '';
  for (const place of ['data,iso9660', 'bundles/01-core.sb,squashfs', 'bundles/02-modules.sb,squashfs', 'changes,tmpfs']) {
    assert.match(mounts, new RegExp(`/run/kindling/${place}`));
  }
  assert.match(mounts, /union,\/,overlay/);
  assert.doesNotMatch(mounts, /\/run\/\S*,overlay/);
});

test('a disc behind virtio SCSI, in memory, and let out', async (t) => {
  if (!needs(t, ...NEEDS)) return;
  const facts = await boots({ disks: [{ file: await iso(), bus: 'scsi-cd' }], append: 'toram probe.eject' });
  assert.equal(facts.medium, '/dev/sr0 iso9660');
  assert.equal(facts['medium-free'], '/dev/sr0');
  assert.match(facts['probe.ejected'] ?? '', /No medium found/);
  assert.ok(Number(facts['probe.without']) > 20 << 20, `read ${facts['probe.without']} bytes after the disc was out`);
  assert.doesNotMatch(facts['probe.mount.list'] ?? '', /sr0/);
});

test('a card, and a stick with another system beside it', async (t) => {
  if (!needs(t, ...NEEDS)) return;
  const other = await fatStick(mediumFolder({ bundles: await usualBundles(), id: B }));
  const facts = await boots({
    archive: await liveArchive([`medium = ${A}`]),
    disks: [
      { file: other, bus: 'virtio' },
      { file: await card(), bus: 'sd' },
    ],
  });
  assert.match(facts.medium ?? '', /^\/dev\/mmcblk0p1 vfat$/);
  assert.match(facts['passed-over'] ?? '', /vda1 holds the medium cdcd/);
});

async function card(): Promise<string> {
  // QEMU's cards have sizes that are powers of two
  const file = join(scratchFolder(), 'card.img');
  copyFileSync(await stick(), file);
  let size = 1 << 20;
  while (size < statSync(file).size) size *= 2;
  truncateSync(file, size);
  return file;
}

test('an NVMe disk, and a place named by label; a list of bundles', async (t) => {
  if (!needs(t, ...NEEDS)) return;
  const { '01-core.sb': core = '', '02-modules.sb': modules = '' } = await usualBundles();
  const bundles = {
    '10-core.sb': core,
    '9-modules.sb': modules,
    'modules/20-extra.sb': modules,
    'modules/30-more.sb': modules,
    '40-not.sb': modules,
  };
  const named = await ext4Medium(mediumFolder({ bundles, data: 'os/system' }), 'place');
  const facts = await boots({
    disks: [{ file: await disk() }, { file: named, bus: 'nvme' }],
    append: 'from=LABEL=place:/os/system load=20-* noload=NOT,40 nodebug automount',
  });
  assert.equal(facts.automount, 'vda ext4');
  assert.equal(facts.medium, '/dev/nvme0n1 ext4');
  assert.equal(facts['live.BUNDLES'], '9-modules.sb 10-core.sb 20-extra.sb');
  assert.equal(facts['live.DATA'], '/memory/data/os/system');
});

test('an ISO file on another file system', async (t) => {
  if (!needs(t, ...NEEDS)) return;
  const host = await ext4Medium(mediumFolder({ bundles: {}, files: { 'images/live system.iso': await iso() } }), 'host');
  const facts = await boots({ disks: [{ file: host, bus: 'ahci' }], append: '"iso-scan/filename=/images/live system.iso"' });
  assert.equal(facts.medium, '/dev/sda ext4 /images/live system.iso');
  assert.match(
    facts['probe.mount.list'] ?? '',
    /\/dev\/sda,\/run\/initramfs\/memory\/host,ext4 \/dev\/loop0,\/run\/initramfs\/memory\/data,iso9660/,
  );
});

test('a stick that shows up twenty seconds later, in memory, and pulled', async (t) => {
  if (!needs(t, ...NEEDS)) return;
  const machine = await liveMachine(await anyArchive(), 'rd.shell=0 toram probe.pull', [
    '-device',
    'qemu-xhci,id=usb',
    '-drive',
    `if=none,id=stick,file=${await stick()},format=raw,snapshot=on`,
  ]);
  try {
    await machine.reported('phase coldplug', 120);
    await new Promise((resolve) => setTimeout(resolve, 21_000));
    await machine.qmp.execute('device_add', { driver: 'usb-storage', bus: 'usb.0', drive: 'stick', id: 'plugged' });
    const booted = await machine.reported('fact probe.pulling', 120);
    assert.match(booted, /fact medium \/dev\/sda1 vfat/);
    assert.match(booted, /fact medium-free \/dev\/sda1/);
    await machine.qmp.execute('device_del', { id: 'plugged' });
    await machine.qmp.event('DEVICE_DELETED', 60);
    const said = await machine.reported('fact probe.done', 120);
    const [, read = '', left] = /fact probe\.pulled (\d+) *([^\r\n]*)/.exec(said) ?? [];
    assert.ok(Number(read) > 20 << 20, `read ${read} bytes after the stick was gone`);
    assert.equal(left?.trim(), '');
  } finally {
    await machine.end();
  }
});

test('no medium: what was looked for and what is there is said, and nothing was written by looking', async (t) => {
  if (!needs(t, ...NEEDS)) return;
  const dirty = join(scratchFolder(), 'dirty.img');
  copyFileSync(await ext4Medium(mediumFolder({ bundles: {}, data: 'other' }), 'dirty'), dirty);
  await mustRun(tool('debugfs'), ['-w', '-R', 'feature needs_recovery', dirty]);
  const digest = () => createHash('sha256').update(readFileSync(dirty)).digest('hex');
  const before = digest();
  const windows = join(scratchFolder(), 'windows.img');
  writeFileSync(windows, Buffer.concat([Buffer.from('\xeb\x52\x90NTFS    ', 'latin1'), Buffer.alloc(1 << 20)]).subarray(0, 1 << 20));
  const drives = [
    '-drive',
    `if=virtio,file=${windows},format=raw,snapshot=on`,
    '-drive',
    `if=virtio,file=${dirty},format=raw`,
    '-drive',
    `if=virtio,file=${await stick()},format=raw,snapshot=on`,
  ];
  const machine = await liveMachine(await liveArchive([`medium = ${B}`]), 'rd.shell=0 panic=-1 kindling.timeout=4', drives);
  try {
    const said = await machine.reported('failed MEDIUM_NOT_FOUND', 120);
    assert.match(said, /fact seen \/dev\/vdb \d+ MiB ext[34] LABEL=dirty/);
    assert.match(said, /fact passed-over \/dev\/vda holds ntfs, which this archive cannot open/);
    assert.match(said, /fact passed-over \/dev\/vdc1 holds the medium abab/);
    assert.match(
      said,
      /failed MEDIUM_NOT_FOUND a directory kindling with bundles \(\*\.sb\) of medium (cd){32} was not found among 4 block devices/,
    );
    await machine.talk.off(60);
  } finally {
    await machine.end();
  }
  assert.equal(digest(), before, 'a disk that was only looked at');
});

test('too little memory for toram, and for anything', async (t) => {
  if (!needs(t, ...NEEDS)) return;
  const archive = await liveArchive(['live-memory = 40']);
  const large = await live({ archive, disks: [{ file: await disk() }], append: 'toram panic=-1', memory: 144 });
  assert.equal(large.reached, false);
  assert.match(
    large.reason?.text ?? '',
    /^TORAM_TOO_LARGE: toram needs \d+ MiB of memory for the data and \d+ MiB to run, and there are \d+ MiB/,
  );
  const needy = await live({ archive: await liveArchive(['live-memory = 4000']), disks: [{ file: await disk() }], append: 'panic=-1' });
  assert.match(needy.reason?.text ?? '', /^MEMORY_TOO_SMALL: this live system needs 4000 MiB of free memory, and there are \d+ MiB/);
});

test('a damaged bundle and a missing one', async (t) => {
  if (!needs(t, ...NEEDS)) return;
  const bundles = await usualBundles();
  const cut = join(scratchFolder(), 'cut.sb');
  copyFileSync(bundles['02-modules.sb']!, cut);
  const folder = mediumFolder({ bundles: { ...bundles, '03-cut.sb': cut, '04-gone.sb': cut }, id: A });
  truncateSync(join(folder, 'kindling/03-cut.sb'), 5000);
  rmSync(join(folder, 'kindling/04-gone.sb'));
  const medium = await ext4Medium(folder);
  const facts = await boots({ disks: [{ file: medium }], append: 'kindling.damaged=skip' });
  assert.equal(facts['live.BUNDLES'], '01-core.sb 02-modules.sb');
  const stopped = await live({ disks: [{ file: medium }], append: 'kindling.damaged=stop panic=-1' });
  assert.match(stopped.reason?.text ?? '', /^BUNDLE_DAMAGED: the bundle 04-gone\.sb is missing/);
  assert.match(consoleOf(stopped), /04-gone\.sb is missing on the medium/);

  const machine = await liveMachine(await anyArchive(), '', ['-drive', `if=virtio,file=${medium},format=raw,snapshot=on`]);
  try {
    await machine.talk.expect(/04-gone\.sb is missing[\s\S]*go on without it/, 120);
    machine.talk.say('y');
    await machine.talk.expect(/03-cut\.sb is damaged: it has 5000 bytes[\s\S]*go on without it/, 60);
    machine.talk.say('y');
    await machine.reported('fact live.BUNDLES 01-core.sb 02-modules.sb', 60);
  } finally {
    await machine.end();
  }
});

test("between the modules' bundle and the handover, a driver that was left out loads by the kernel's own request", async (t) => {
  if (!needs(t, ...NEEDS)) return;
  const machine = await liveMachine(await anyArchive(), 'rd.break=pre-switch', [
    '-drive',
    `if=virtio,file=${await disk()},format=raw,snapshot=on`,
  ]);
  try {
    await machine.talk.expect('(kindling) # ', 120);
    machine.talk.say('ls /usr/lib/modules/*/kernel/fs/jfs; mkdir /x; mount -t jfs none /x; grep -c jfs /proc/filesystems');
    await machine.talk.expect(/jfs\.ko[\s\S]*^1$/m, 30);
    machine.talk.say('exit');
    await machine.reported('fact probe.done', 120);
  } finally {
    await machine.end();
  }
});

// A bundle with one small file.
async function smallBundle(): Promise<string> {
  const folder = scratchFolder();
  mkdirSync(join(folder, 'root/etc'), { recursive: true });
  writeFileSync(join(folder, 'root/etc/layer'), 'top\n');
  await packBundle(join(folder, 'root'), join(folder, 'small.sb'));
  return join(folder, 'small.sb');
}

test('single programs of a root without busybox; more names than mount(2) takes in one page', async (t) => {
  if (!needs(t, ...NEEDS)) return;
  const { '01-core.sb': core = '', '02-modules.sb': modules = '' } = await usualBundles();
  const small = await smallBundle();
  const long = Array.from({ length: 40 }, (_, index) => [`${10 + index}-${'long-name-'.repeat(12)}.sb`, small]);
  const medium = await ext4Medium(
    mediumFolder({ bundles: { '01-core.sb': core, '02-modules:with,marks.sb': modules, ...Object.fromEntries(long) } }),
  );
  const facts = await boots({ archive: await liveArchive([], await plainRoot()), disks: [{ file: medium }] });
  assert.equal(facts.union, '42');
  assert.equal(facts['probe.layer'], 'top');
  assert.equal(facts['probe.request'], 'jfs');
  assert.match(facts['probe.root.options'] ?? '', /lowerdir=42:41:/);
});
