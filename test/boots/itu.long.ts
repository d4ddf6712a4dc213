// The whole way of a driver that was missing: a live system does not see the disk; a bundle on a second disk brings the driver; the running
// system loads it, the installed root on that disk gets it too, with its archive, and boots from there.
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packageTree } from '../../scripts/package.ts';
import { keysAt, kindling } from '../itu.fixture.ts';
import { needs, tool } from '../tools.ts';
import { debianKernel, debianRoot, diskImage, type Kernel, linkTree, mustRun } from '../world/index.ts';
import { writeModuleIndexes } from '../world/module-indexes.ts';
import { writeTree } from '../world/unpack.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import { archives, lateRoot } from './early-world.ts';
import { machineWords, start, type Talk } from './talk.ts';

const DRIVER = 'kernel/drivers/nvme/host/nvme.ko';
const PROMPT = '(kindling) # ';
const CHOICE = 'kindling: your choice: ';
// emulated, on a machine that is busy with other tests
const SLOW = 300;

let folder = '';
let kernel: Kernel;
const at = (name: string): string => join(folder, name);

/** A copy of a root without the driver for NVMe disks. */
function withoutNvme(from: string, to: string): string {
  linkTree(from, to);
  const modules = join(to, 'usr/lib/modules', kernel.version);
  rmSync(join(modules, DRIVER));
  // linked files are shared with the root they come from: those that are written anew must be its own
  for (const name of readdirSync(modules).filter((one) => one.startsWith('modules.'))) {
    copyFileSync(join(modules, name), join(modules, 'copy'));
    renameSync(join(modules, 'copy'), join(modules, name));
  }
  writeModuleIndexes(to, kernel.version);
  return to;
}

/** The failsafe archive, made by the program as it is installed in the root. */
async function failsafeArchive(): Promise<string> {
  const root = withoutNvme((await debianRoot('amd64', ['libstdc++6', 'libatomic1'])).folder, at('live-root'));
  writeTree(await packageTree({ machine: 'x64', version: '0.1.0', mtime: 0 }), at('program'));
  linkTree(at('program'), root);
  const archive = at('failsafe.img');
  await mustRun(join(root, 'usr/lib/kindling/kindling'), ['failsafe', '-q', '-R', root, '-o', archive]);
  return archive;
}

/** A disk with a signed bundle on it, and the key. */
async function mediumDisk(): Promise<string> {
  const medium = at('medium');
  mkdirSync(join(medium, 'kindling/itu'), { recursive: true });
  const keys = keysAt(folder, 'vendor');
  copyFileSync(keys.open, join(medium, 'vendor.pem'));
  const driver = join(kernel.root, 'usr/lib/modules', kernel.version, DRIVER);
  const words = ['--name', 'nvme', '--number', '10', '--description', 'NVMe disks', '--load', 'nvme', '--sign', keys.secret];
  const target = ['-R', at('installed'), '-o', join(medium, 'kindling/itu/')];
  const made = kindling(folder, 'itu', 'make', ...words, '--module', driver, ...target);
  assert.equal(made.code, 0, made.err);
  return await diskImage({ fs: 'ext4', root: medium, label: 'medium' });
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-itu-boot-'));
  kernel = await debianKernel('amd64');
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function shell(machine: Talk, command: string): Promise<string> {
  const said = await machine.ask(`${command}; echo "code $?"`, PROMPT, SLOW);
  assert.match(said, /^code 0$/m, `${command}\n${said}`);
  return said;
}

test('a missing driver comes from a medium: into the running system, into the installed root, into its archive', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mkfs.ext4', 'debugfs', 'openssl')) return;
  const installed = withoutNvme(await lateRoot(), at('installed'));
  mkdirSync(join(installed, 'boot'), { recursive: true });
  if (!existsSync(join(installed, 'boot', `vmlinuz-${kernel.version}`)))
    copyFileSync(kernel.vmlinuz, join(installed, 'boot', `vmlinuz-${kernel.version}`));
  const made = await diskImage({ fs: 'ext4', root: installed, label: 'root', spare: 256 << 20 });
  const disk = at('disk.img');
  copyFileSync(made, disk);
  chmodSync(disk, 0o600);
  const archive = await failsafeArchive();
  const medium = await mediumDisk();

  // what this is about: without the bundle nothing on this machine can read the disk
  const nvme = ['-drive', `if=none,id=system,file=${disk},format=raw`, '-device', 'nvme,drive=system,serial=system'];
  const machine = start(
    machineWords({
      kernel: kernel.vmlinuz,
      archive,
      memory: 1024,
      append: 'quiet',
      disks: [{ file: medium, writes: 'none' }],
      words: nvme,
    }),
  );
  try {
    const menu = await machine.expect(CHOICE, SLOW);
    assert.match(menu, /none was found/);
    machine.say('s');
    await machine.expect(PROMPT, SLOW);
    assert.doesNotMatch(await shell(machine, 'ls /dev'), /nvme0n1/);
    await shell(machine, 'mkdir -p /media/m && mount -t ext4 -o ro,noload /dev/vda /media/m');
    const listed = await shell(machine, 'kindling itu list /media/m --key /media/m/vendor.pem');
    assert.match(listed, /^010 {2}nvme 1 {2}signed \(vendor\.pem\) {2}for \S+ {2}NVMe disks$/m);
    // unsigned or with another key it would not go in
    assert.match(await machine.ask('kindling itu apply /media/m --yes; echo "code $?"', PROMPT, SLOW), /^code 3$/m);
    // the menu, as a person meets it
    machine.say('kindling itu apply /media/m --key /media/m/vendor.pem');
    await machine.expect('Which ones?', SLOW);
    machine.say('1');
    await machine.expect('More media?', SLOW);
    machine.say('');
    await machine.expect('[y/N]', SLOW);
    machine.say('y');
    const applied = await machine.expect(PROMPT, SLOW);
    assert.match(applied, /nvme is loaded/);
    assert.match(await shell(machine, 'sleep 1; ls /dev'), /nvme0n1/);
    machine.say('exit');
    await machine.expect(CHOICE, SLOW);
    machine.say('r');
    const found = await machine.expect(CHOICE, SLOW);
    assert.match(found, /1 {2}mount \/dev\/nvme0n1 on \/a/);
    machine.say('s');
    await machine.expect(PROMPT, SLOW);
    // the medium is gone: the running system hands on what it took
    await shell(machine, 'mkdir -p /a && mount -t ext4 /dev/nvme0n1 /a && cp /media/m/vendor.pem /tmp && umount /media/m');
    const rooted = await shell(machine, 'kindling itu apply --yes --no-live -R /a --key /tmp/vendor.pem');
    assert.match(rooted, /made anew/);
    await shell(machine, 'umount /a && sync');
    machine.say('exit');
    await machine.expect(CHOICE, SLOW);
    machine.say('p');
    await machine.off(SLOW);
  } catch (error) {
    await machine.cut();
    throw error;
  }

  const own = at('own.img');
  await mustRun(tool('debugfs'), ['-R', `dump /boot/kindling-${kernel.version}.img ${own}`, disk]);
  assert.match(kindling(folder, 'list', own).out, /updates\/drivers\/nvme\/host\/nvme\.ko/);
  const proof = await bootArchive({
    kernel: kernel.vmlinuz,
    archive: own,
    disks: [{ file: disk, bus: 'nvme' }],
    append: 'root=LABEL=root quiet',
    timeout: SLOW,
  });
  assertReached(proof);
  assert.match(consoleOf(proof), /./);
});

test('a bundle behind an archive, as it is: the kernel lays it over the first', async (t) => {
  if (!needs(t, 'qemu-system-x86_64')) return;
  const first = readFileSync(await archives().host(await lateRoot()));
  writeFileSync(at('note'), 'from the bundle\n');
  const made = kindling(folder, 'itu', 'make', '--name', 'laid', '--number', '1', '--file', 'note=/etc/itu-note', '-o', 'laid.itu');
  assert.equal(made.code, 0, made.err);
  // an odd place in the file: what is compressed needs no alignment
  const odd = Buffer.concat([first, readFileSync(at('laid.itu'))]);
  writeFileSync(at('joined.img'), odd);
  const machine = start(machineWords({ kernel: kernel.vmlinuz, archive: at('joined.img'), append: 'quiet rd.break=pre-mount' }));
  try {
    await machine.expect(PROMPT, SLOW);
    assert.match(await machine.ask('while read -r line; do echo "$line"; done </etc/itu-note', PROMPT, SLOW), /^from the bundle$/m);
    assert.match(
      await machine.ask('while read -r line; do echo "$line"; done </usr/lib/kindling/itu/laid/manifest', PROMPT, SLOW),
      /^name laid$/m,
    );
  } finally {
    await machine.cut();
  }
});
