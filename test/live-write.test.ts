// kindling live write: what is refused and why, what is shown, what is asked, what is on the device afterwards. The devices are files, and sysfs
// and procfs made up; at the end a real loop device where the machine has one and lets us.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { liveWrite } from '../src/cli/live-write.ts';
import { noise, sampleTree, volumeOf } from '../src/formats/fat/fat.fixture.ts';
import { encode as encodeTable, guidFromDigest, PARTITION_TYPES } from '../src/formats/partitions/index.ts';
import { openDevice } from '../src/node/device.ts';
import type { DeviceWriter } from '../src/verbs/live-write.ts';
import { type FakeMachine, fakeMachine, listening, MIB, SATA_AT, STICK, words, writeMachine } from './live-write-world.ts';
import { findTool } from './tools.ts';

const HOME = join(import.meta.dirname, '..');

const IMAGE_SIZE = 3 * MIB + 512 * 3;
const OLD = noise(STICK.size, 3);

/** A disk image with a GPT and a FAT volume in it, not a whole number of mebibytes. */
function diskImage(size = IMAGE_SIZE): Uint8Array {
  const [disk, part] = [1, 2].map((seed) => guidFromDigest(new Uint8Array(16).fill(seed)));
  const volume = volumeOf(sampleTree(), 12, { hiddenSectors: 2048 });
  const { primary, backup, backupAt } = encodeTable({
    scheme: 'gpt',
    size,
    diskGuid: disk!,
    partitions: [{ firstByte: MIB, size: volume.length, type: PARTITION_TYPES.efiSystem, guid: part!, name: 'KINDLING' }],
  });
  const bytes = new Uint8Array(size);
  for (let at = 2 * MIB; at < size; at += 4096) bytes[at] = at >> 12;
  bytes.set(primary);
  bytes.set(volume, MIB);
  bytes.set(backup, backupAt);
  return bytes;
}

function withStick(t: TestContext): { machine: FakeMachine; stick: string; image: string; bytes: Uint8Array } {
  const machine = fakeMachine(t);
  machine.add(STICK);
  const stick = machine.node('sdb');
  writeFileSync(stick, OLD);
  const bytes = diskImage();
  const image = join(machine.top, 'live.img');
  writeFileSync(image, bytes);
  return { machine, stick, image, bytes };
}

test('--force takes the very name, and lifts nothing else', async (t) => {
  const { machine, image } = withStick(t);
  machine.add({ name: 'sdc', numbers: '8:32', at: SATA_AT.replace('ata1', 'ata2'), size: 64 * MIB });
  const device = machine.node('sdc');
  const codeOf = async (...more: string[]) =>
    await liveWrite(words(image, device, '-n', ...more), listening().world, writeMachine(machine));
  assert.equal(await codeOf(), 1);
  assert.equal(await codeOf('--force', 'sdb'), 1);
  assert.equal(await codeOf('--force', 'sdc'), 0);
  assert.equal(await codeOf('--force', device), 0);
  machine.put('proc/self/mountinfo', '30 22 8:32 / /mnt rw - ext4 /dev/sdc rw');
  assert.equal(await codeOf('--force', 'sdc'), 1);
});

test('what is no block device, or not there, or no two words', async (t) => {
  const { machine, image } = withStick(t);
  const run = (...argv: string[]) => liveWrite(words(...argv), listening().world, writeMachine(machine));
  await assert.rejects(run(image, image), { code: 'USAGE', message: /no block device/ });
  await assert.rejects(run(image, machine.node('sdx')), { code: 'NO_ENTRY' });
  await assert.rejects(run(join(machine.top, 'no.img'), machine.node('sdb')), { code: 'NO_ENTRY' });
  await assert.rejects(run(image), { code: 'USAGE' });
  await assert.rejects(run(image, machine.node('sdb'), 'more'), { code: 'USAGE', message: /"more"/ });
});

test('-n shows what would be lost and touches nothing', async (t) => {
  const { machine, stick, image } = withStick(t);
  const before = diskImage(STICK.size);
  writeFileSync(stick, before);
  const { world, out, err } = listening();
  assert.equal(await liveWrite(words(image, stick, '-n'), world, writeMachine(machine)), 0);
  assert.match(err[0]!, /sdb: SanDisk Ultra Fit, serial 4C530001, 8\.0 MiB, removable, usb$/);
  assert.match(err[1]!, /a partition table \(GPT\)/);
  assert.match(err[2]!, /partition 1: .*vfat "KINDLING"/);
  assert.match(out.join('\n'), /would write .*live\.img \(3\.0 MiB\) to .*sdb, and read it back/);
  assert.ok(readFileSync(stick).equals(before));
  const json = listening(true);
  assert.equal(await liveWrite(words(image, stick, '-n'), json.world, writeMachine(machine)), 0);
  const [document] = json.documents as { written: boolean; refusals: unknown[]; device: { serial: string } }[];
  assert.deepEqual([document!.written, document!.refusals, document!.device.serial], [false, [], '4C530001']);
});

test('an image that no firmware would start is written with a warning', async (t) => {
  const { machine, stick, image } = withStick(t);
  writeFileSync(image, noise(MIB));
  const { world, err } = listening();
  assert.equal(await liveWrite(words(image, stick, '-n'), world, writeMachine(machine)), 0);
  assert.match(err[0]!, /warning: .*no partition table and is no ISO image/);
});

test('the person types the name of the device; anything else writes nothing', async (t) => {
  const { machine, stick, image, bytes } = withStick(t);
  const before = readFileSync(stick);
  for (const answer of ['yes', 'sda', '', undefined]) {
    const { world, err } = listening();
    assert.equal(await liveWrite(words(image, stick), world, writeMachine(machine, answer === undefined ? [] : [answer])), 1);
    assert.match(err.at(-1)!, /nothing was written/);
    assert.ok(readFileSync(stick).equals(before));
  }
  const { world, err } = listening();
  assert.equal(await liveWrite(words(image, stick), world, writeMachine(machine, [' sdb '])), 0);
  const after = readFileSync(stick);
  assert.ok(after.subarray(0, bytes.length).equals(bytes));
  assert.ok(after.subarray(bytes.length, -MIB).equals(before.subarray(bytes.length, -MIB)));
  assert.ok(after.subarray(-MIB).every((byte) => byte === 0));
  assert.ok(
    err.some((line) => /3\.0 MiB written and read back/.test(line)),
    err.join('\n'),
  );
});

test('where nobody can be asked, --yes names the device again', async (t) => {
  const { machine, stick, image, bytes } = withStick(t);
  await assert.rejects(liveWrite(words(image, stick), listening().world, writeMachine(machine)), { code: 'USAGE', message: /--yes sdb/ });
  await assert.rejects(liveWrite(words(image, stick, '--yes', 'sda'), listening().world, writeMachine(machine)), { code: 'USAGE' });
  const { world, documents } = listening(true);
  assert.equal(await liveWrite(words(image, stick, '--yes', stick), world, writeMachine(machine)), 0);
  assert.ok(readFileSync(stick).subarray(0, bytes.length).equals(bytes));
  const [document] = documents as { written: boolean; sha256: string; size: number; endBlanked: boolean }[];
  assert.deepEqual([document!.written, document!.size, document!.endBlanked], [true, bytes.length, true]);
  assert.match(document!.sha256, /^[0-9a-f]{64}$/);
});

test('an image as large as the device', async (t) => {
  const { machine, stick, image } = withStick(t);
  const bytes = diskImage(STICK.size);
  writeFileSync(image, bytes);
  assert.equal(await liveWrite(words(image, stick, '--yes', 'sdb'), listening().world, writeMachine(machine)), 0);
  assert.ok(readFileSync(stick).equals(bytes));
});

/** A device that behaves like a file but for what is changed. */
const altered = (change: (device: DeviceWriter) => Partial<DeviceWriter>) => async (path: string, size: number) => {
  const device = await openDevice(path, size);
  return { ...device, ...change(device) };
};

test('a device that does not keep what it is given is found out, with the place', async (t) => {
  const { machine, stick, image } = withStick(t);
  const place = 2 * MIB + 77;
  const open = altered((device) => ({
    write: (at, bytes) => {
      const copy = bytes.slice();
      if (place >= at && place < at + copy.length) copy[place - at]! ^= 4;
      return device.write(at, copy);
    },
  }));
  const { world, err } = listening();
  await assert.rejects(liveWrite(words(image, stick, '--yes', 'sdb'), world, writeMachine(machine, undefined, open)), {
    code: 'IO',
    message: new RegExp(`does not hold what was written, from byte ${place} on`),
  });
  assert.match(err.at(-1)!, /half written, or not as it should be/);
});

test('a device that fails on the way is left without a partition table, and that is said', async (t) => {
  const { machine, stick, image } = withStick(t);
  const open = altered((device) => ({
    write: async (at, bytes) => {
      if (at >= 5 * MIB && bytes.length < 4 * MIB && at < 20 * MIB)
        throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'write' });
      await device.write(at, bytes);
    },
  }));
  const { world, err } = listening();
  await assert.rejects(liveWrite(words(image, stick, '--yes', 'sdb'), world, writeMachine(machine, undefined, open)), /EIO/);
  assert.match(err.at(-1)!, /half written/);
  assert.ok(
    readFileSync(stick)
      .subarray(0, MIB)
      .every((byte) => byte === 0),
  );
});

test('what is mounted between the question and the answer is refused', async (t) => {
  const { machine, stick, image } = withStick(t);
  const before = readFileSync(stick);
  const late = writeMachine(machine, ['sdb']);
  const ask = async (question: string) => {
    machine.put('proc/self/mountinfo', '30 22 8:17 / /media rw - vfat /dev/sdb1 rw');
    return await late.ask!(question);
  };
  await assert.rejects(liveWrite(words(image, stick), listening().world, { ...late, ask }), { code: 'IO', message: /sdb1 is mounted/ });
  assert.ok(readFileSync(stick).equals(before));
});

test('a signal ends it with the word that the device is half written', async (t) => {
  const { machine, stick, image } = withStick(t);
  const script = join(machine.top, 'slow.ts');
  writeFileSync(
    script,
    `import { liveWrite, LIVE_WRITE_OPTIONS } from ${JSON.stringify(join(HOME, 'src/cli/live-write.ts'))};
import { main } from ${JSON.stringify(join(HOME, 'src/cli/main.ts'))};
import { openDevice } from ${JSON.stringify(join(HOME, 'src/node/device.ts'))};
import { fileSource } from ${JSON.stringify(join(HOME, 'src/node/source.ts'))};
const devices = { sys: ${JSON.stringify(machine.devices.sys)}, proc: ${JSON.stringify(machine.devices.proc)}, numbersOf: () => '8:16' };
const open = async (path, size) => {
  const device = await openDevice(path, size);
  return { ...device, async write(at, bytes) {
    await device.write(at, bytes);
    if (at === 1048576) { console.log('in the middle'); await new Promise((resolve) => setTimeout(resolve, 60000)); }
  } };
};
const verb = { name: 'live', summary: '', positionals: [{ name: 'W', summary: '', required: true, repeated: true }], options: { ...LIVE_WRITE_OPTIONS, 'dry-run': { summary: '' } },
  run: (parsed, world) => liveWrite(parsed, world, { devices, open, read: fileSource, ask: undefined }) };
process.exitCode = await main(process.argv.slice(2), [{ name: 'live', summary: '', load: async () => verb }]);
`,
  );
  const child = spawn(process.execPath, [script, 'live', 'write', image, stick, '--yes', 'sdb'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (piece) => {
    said += piece;
  });
  child.stdout.once('data', () => child.kill('SIGINT'));
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 130, said);
  assert.match(said, /sdb is only half written: nothing on it can be used/);
  assert.ok(
    readFileSync(stick)
      .subarray(0, MIB)
      .every((byte) => byte === 0),
  );
});

test('a real loop device: refused, written, refused while mounted', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can make a loop device');
  if (!existsSync('/dev/loop-control') || findTool('losetup') === undefined) return t.skip('this machine has no loop devices');
  const folder = mkdtempSync(join(tmpdir(), 'kindling-loop-'));
  const [file, image] = [join(folder, 'device'), join(folder, 'live.img')];
  writeFileSync(file, '');
  truncateSync(file, 8 * MIB);
  const bytes = diskImage();
  writeFileSync(image, bytes);
  const made = spawnSync(findTool('losetup')!, ['-f', '--show', file], { encoding: 'utf8' });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  if (made.status !== 0) return t.skip(`this machine gives no loop device: ${made.stderr.trim()}`);
  const device = made.stdout.trim();
  t.after(() => spawnSync(findTool('losetup')!, ['-d', device]));
  const name = device.slice('/dev/'.length);
  const kindling = (...argv: string[]) =>
    spawnSync(join(HOME, 'bin/kindling'), ['live', 'write', image, device, ...argv], { encoding: 'utf8' });
  assert.equal(kindling().status, 1);
  assert.equal(kindling('--force', name).status, 2);
  const dry = kindling('--force', name, '-n');
  assert.deepEqual([dry.status, /would write/.test(dry.stdout)], [0, true], dry.stderr);
  assert.ok(readFileSync(file).every((byte) => byte === 0));
  const done = kindling('--force', name, '--yes', name, '--json');
  assert.equal(done.status, 0, done.stderr);
  const { readBack, written } = JSON.parse(done.stdout) as { readBack: string; written: boolean };
  assert.deepEqual([written, readBack], [true, 'direct']);
  assert.ok(readFileSync(file).subarray(0, bytes.length).equals(bytes));
  if (findTool('mkfs.ext4') === undefined) return;
  const folderMounted = join(folder, 'mounted');
  assert.equal(spawnSync(findTool('mkfs.ext4')!, ['-q', device]).status, 0);
  spawnSync('mkdir', [folderMounted]);
  if (spawnSync('mount', [device, folderMounted]).status !== 0)
    return t.diagnostic('this machine mounts no loop device; the rest was shown');
  try {
    const refused = kindling('--force', name, '--yes', name);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /refused: loop\d+ is mounted on .*mounted/);
    await assert.rejects(openDevice(device, 8 * MIB), { code: 'IO', message: /in use/ });
  } finally {
    spawnSync('umount', [folderMounted]);
  }
});
