// The failsafe archive, booted: it finds an installed root whose archive is missing or stale, repairs it, by itself and from its menu, and
// that root boots through the archive it then has. It runs the kindling that is aboard, with that kindling's own Node.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findTool, needs, tool } from '../tools.ts';
import { CLONE, debianRoot, mustRun, run } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import { INPUT, LABEL, type PowerMachine, powerMachine, rawFile } from './power-world.ts';
import { machineWords, start } from './talk.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kindling-failsafe-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const MIB = 1 << 20;
const MEMORY = 512;
/** What the verb says it needs. */
let stated: { readonly memory: number; readonly repairMemory: number };
let machine: PowerMachine;
let archive: string;
let kernel: string;

const NEEDED = ['qemu-system-x86_64', 'mkfs.ext4', 'debugfs'];
const there = NEEDED.every((name) => findTool(name) !== undefined);

before(async () => {
  if (!there) return;
  machine = await powerMachine(scratch);
  // what checks the file system of a disk; without it the archive would mount what is damaged
  const { folder } = await debianRoot('amd64');
  copyFileSync(join(folder, 'usr/sbin/e2fsck'), join(machine.root, 'usr/sbin/fsck.ext4'));
  const libraries = 'usr/lib/x86_64-linux-gnu';
  for (const name of ['ext2fs.so.2', 'com_err.so.2', 'blkid.so.1', 'e2p.so.2', 'uuid.so.1']) {
    copyFileSync(join(folder, libraries, `lib${name}`), join(machine.root, libraries, `lib${name}`));
  }
  archive = join(scratch, 'failsafe.img');
  kernel = join(scratch, 'failsafe.vmlinuz');
  stated = JSON.parse(await mustRun(tool(join(CLONE, 'bin/kindling')), ['failsafe', '--json', '-R', machine.root, '-o', archive]));
});

/** In steps of 8 MiB, as memory is put into machines here. */
function mebibytes(size: number): number {
  return Math.ceil(size / MIB / 8) * 8;
}

function copyOf(name: string): string {
  const to = join(scratch, name);
  copyFileSync(machine.disk, to);
  return to;
}

/** Boots the disk through the archive that is on it. */
async function bootsByItself(disk: string): Promise<void> {
  const own = join(scratch, 'own.img');
  assert.ok(await rawFile(disk, `boot/kindling-${machine.version}.img`, own), 'the archive is on the disk');
  const append = `root=LABEL=${LABEL} init=/usr/sbin/power-init kindling.check=stop rd.shell=0`;
  assertReached(await bootArchive({ kernel, archive: own, disks: [{ file: disk }], append, until: 'init', timeout: 120 }));
}

test('without a question: the one installed root, whose archive is missing, gets one and boots', async (t) => {
  if (!needs(t, ...NEEDED)) return;
  const disk = copyOf('missing.img');
  const talk = start(
    machineWords({
      memory: MEMORY,
      kernel,
      archive,
      append: 'rootfstype=ramfs kindling.failsafe=repair',
      disks: [{ file: disk }],
      words: ['-no-reboot'],
    }),
  );
  try {
    await talk.expect('its archives are in step now', 240);
    await talk.off(60);
  } finally {
    await talk.cut();
  }
  assert.match(talk.transcript(), /there is no archive/);
  await bootsByItself(disk);
});

test('from the menu: two systems, the stale one is chosen, shown, repaired; the other is not touched', async (t) => {
  if (!needs(t, ...NEEDED)) return;
  await mustRun(tool(join(CLONE, 'bin/kindling')), ['update', '-R', machine.root]);
  writeFileSync(join(machine.root, INPUT), 'options loop max_part=8\n');
  const stale = join(scratch, 'stale.img');
  copyFileSync(machine.disk, stale);
  await mustRun(tool('mkfs.ext4'), ['-q', '-F', '-m', '0', '-L', LABEL, '-E', 'lazy_itable_init=0', '-d', machine.root, stale]);
  const other = copyOf('other.img');
  const talk = start(
    machineWords({
      memory: MEMORY,
      kernel,
      archive,
      append: 'rootfstype=ramfs',
      disks: [{ file: stale }, { file: other }],
      words: ['-no-reboot'],
    }),
  );
  try {
    await talk.expect(/2 {2}mount \/dev\/vd[ab] on \/a/, 120);
    await talk.expect('your choice:', 10);
    talk.say('1');
    await talk.expect(`new /${INPUT}`, 120);
    await talk.expect('your choice:', 30);
    talk.say('y');
    await talk.expect('its archives are in step now', 180);
    await talk.expect('your choice:', 10);
    talk.say('m');
    await talk.expect('your choice:', 30);
    talk.say('s');
    await talk.expect('# ', 30);
    talk.say('kindling --version && ls /a | wc -l && exit');
    await talk.expect('your choice:', 60);
    talk.say('p');
    await talk.off(60);
  } finally {
    await talk.cut();
  }
  assert.equal(
    await rawFile(other, `boot/kindling-${machine.version}.img`, join(scratch, 'none.img')),
    false,
    'the other root has no archive still',
  );
  await bootsByItself(stale);
});

test('no installed system: what is there is named, and a person is asked', async (t) => {
  if (!needs(t, ...NEEDED)) return;
  const empty = join(scratch, 'empty.img');
  await mustRun('truncate', ['-s', '64M', empty]);
  const proof = await bootArchive({
    kernel,
    archive,
    disks: [{ file: empty }],
    append: 'rootfstype=ramfs kindling.failsafe=repair',
    memory: MEMORY,
    until: 'your choice:',
    timeout: 120,
  });
  assertReached(proof);
  assert.match(consoleOf(proof), /none was found[\s\S]*\/dev\/vda 64 MiB unknown content[\s\S]*0 installed systems were found/);
});

test('a root that is not clean, whose own kindling is broken: checked, repaired, with the memory that it says a repair needs', async (t) => {
  if (!needs(t, ...NEEDED, 'e2fsck')) return;
  const disk = copyOf('broken.img');
  // as a machine leaves it whose power went, and somebody who deleted too much
  for (const order of ['rm /usr/lib/kindling/node', 'rm /usr/lib/kindling/kindling.mjs', 'sif /etc links_count 9', 'ssv state 0']) {
    await mustRun(tool('debugfs'), ['-w', '-R', order, disk]);
  }
  assert.notEqual((await run(tool('e2fsck'), ['-fn', disk])).code, 0, 'it is not clean');
  const talk = start(
    machineWords({
      memory: mebibytes(stated.repairMemory),
      kernel,
      archive,
      append: 'kindling.failsafe=repair',
      disks: [{ file: disk }],
      words: ['-no-reboot'],
    }),
  );
  try {
    await talk.expect('its archives are in step now', 240);
    await talk.off(60);
  } finally {
    await talk.cut();
  }
  const checked = await run(tool('e2fsck'), ['-fn', disk]);
  assert.equal(checked.code, 0, checked.stdout.toString());
  await bootsByItself(disk);
});

test('the memory that it says it needs is enough to get to its menu', async (t) => {
  if (!needs(t, ...NEEDED)) return;
  assertReached(await bootArchive({ kernel, archive, memory: mebibytes(stated.memory), until: 'your choice:', timeout: 120 }));
});
