// The whole story on a real Debian in QEMU (docs/story.md): kindling is installed as its users would, apt upgrades the kernel, power is cut,
// a changed root is refused, the failsafe repairs, and everything goes away again. KINDLING_BLESS=1 writes the page from this run.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makePackage } from '../../scripts/package.ts';
import { findTool, isCi } from '../tools.ts';
import { kernelPackages, packageDisk } from '../world/debian-disk.ts';
import { CLONE } from '../world/index.ts';
import { BOOT_SECONDS, bootableDisk, copyDisk, diskFolder, must, PROMPT, shell } from './debian-vm.ts';
import { printPage } from './story-page.ts';
import { CHAPTERS, type ChapterName } from './story-text.ts';
import { machineWords, start, type Talk } from './talk.ts';

const lacking = ['qemu-system-x86_64', 'mkfs.ext4', 'mmdebstrap', 'sfdisk'].filter((name) => findTool(name) === undefined);
const skip = lacking.length > 0 && !isCi() ? `needs ${lacking.join(', ')}, not installed here` : false;

// in an emulated machine on a computer that has other things to do
const UPDATE_SECONDS = 900;
const INSTALL_SECONDS = 2400;
const APT_SECONDS = 1800;
// a folder that keeps transcripts and the disk after each chapter; a later run goes on behind the last one
const KEPT = process.env.KINDLING_STORY;

const folder = diskFolder();
const disk = join(folder, 'debian.img');
const packages = join(folder, 'packages.img');
const transcripts = new Map<ChapterName, string>();
let older = '';
let newer = '';
let machine: Talk;
/** What machines said that are gone. */
let history = '';

before(
  async () => {
    if (skip !== false) return;
    const made = await bootableDisk();
    older = made.kernels.older;
    newer = made.kernels.newer;
    await copyDisk(resumed() ?? made.file, disk);
    const kindling = await makePackage(join(folder, 'kindling.deb'), { codec: 'gzip:1' });
    await packageDisk([...(await kernelPackages(made.kernels)), kindling.path], packages);
    powerOn();
    await machine.expect(PROMPT, BOOT_SECONDS);
  },
  { timeout: 20 * 60_000 },
);
after(async () => machine?.cut());

/** The disk after the last chapter of an earlier run, whose transcripts are taken over. */
function resumed(): string | undefined {
  const list = KEPT === undefined ? '' : join(KEPT, 'transcripts.json');
  if (KEPT === undefined || !existsSync(list)) return undefined;
  const known: [ChapterName, string][] = JSON.parse(readFileSync(list, 'utf8'));
  for (const [name, said] of known) transcripts.set(name, said);
  return join(KEPT, 'disk.img');
}

async function keep(): Promise<void> {
  const atShell = PROMPT.test(machine.transcript().split('\n').at(-1) ?? '');
  if (KEPT === undefined || !atShell) return;
  await must(machine, 'sync');
  mkdirSync(KEPT, { recursive: true });
  await copyDisk(disk, join(KEPT, 'disk.img'));
  writeFileSync(join(KEPT, 'transcripts.json'), JSON.stringify([...transcripts]));
}

/** Switches the power on; the firmware does the rest. */
function powerOn(): void {
  machine = start(machineWords({ memory: 1024, disks: [{ file: disk }, { file: packages, writes: 'none' }] }));
}

/** Pulls the power, and switches it on again. */
async function cut(): Promise<void> {
  history += `${machine.transcript()}\n\n(the power is cut)\n\n`;
  await machine.cut();
  powerOn();
}

/** Restarts in good order and waits for the prompt of the next boot. Answers what was said from the boot menu on. */
async function reboot(): Promise<string> {
  machine.say('reboot');
  await machine.expect('GNU GRUB', UPDATE_SECONDS);
  return await machine.expect(PROMPT, BOOT_SECONDS);
}

/** That a boot was from kindling's archive of a kernel: GRUB says so, and so does the early userspace in it. */
function assertKindling(said: string, kernel: string): void {
  assert.ok(said.includes(`Loading Linux ${kernel} with kindling's archive`), said);
  assert.match(said, /^kindling: root UUID=\S+ is \/dev\/vda1$/m);
}

/** A chapter begins and ends at a prompt; all that the console says in between belongs to it. */
function chapter(name: ChapterName, play: () => Promise<void>): void {
  const title = CHAPTERS.find((one) => one.name === name)?.title ?? name;
  test(title, { skip, timeout: 60 * 60_000 }, async (t) => {
    if (transcripts.has(name)) return t.diagnostic('played by an earlier run');
    const missing = CHAPTERS.slice(
      0,
      CHAPTERS.findIndex((one) => one.name === name),
    ).find((one) => !transcripts.has(one.name));
    assert.equal(missing?.title, undefined, 'an earlier chapter did not end well');
    const everything = (): string => history + machine.transcript();
    const promptAt = (): number => everything().lastIndexOf('\n') + 1;
    const from = promptAt();
    const began = performance.now();
    await play();
    transcripts.set(name, everything().slice(from, promptAt()));
    t.diagnostic(`${((performance.now() - began) / 1000).toFixed(0)} s`);
    await keep();
  });
}

chapter('before', async () => {
  assert.equal(await must(machine, 'uname -r'), `${older}\n`);
  assert.match(await must(machine, 'cat /proc/cmdline'), /^BOOT_IMAGE=/);
  assert.doesNotMatch(await must(machine, 'ls -l /boot'), /kindling/);
});

chapter('install', async () => {
  await must(machine, 'apt-get -qq update', APT_SECONDS);
  await must(machine, 'apt-get -y install kindling', APT_SECONDS);
  await must(machine, 'kindling install', INSTALL_SECONDS);
  assert.match(await must(machine, 'ls -l /boot'), new RegExp(`-rw------- .* kindling-${older}\\.img`));
  assert.match(await must(machine, 'kindling status', UPDATE_SECONDS), /in step/);
});

chapter('first-boot', async () => {
  const said = await reboot();
  assertKindling(said, older);
  assert.doesNotMatch(said, /warning/);
  assert.equal(await must(machine, 'uname -r'), `${older}\n`);
  assert.match(await must(machine, 'kindling status', UPDATE_SECONDS), /in step/);
});

chapter('upgrade', async () => {
  const said = await must(machine, 'apt-get -y install linux-image-cloud-amd64', APT_SECONDS);
  assert.match(said, /zz-kindling/);
  await must(machine, 'kindling status', UPDATE_SECONDS);
  assertKindling(await reboot(), newer);
  assert.equal(await must(machine, 'uname -r'), `${newer}\n`);
});

chapter('shutdown', async () => {
  await must(machine, 'echo "options loop max_loop=9" >/etc/modprobe.d/loop.conf');
  const { text, code } = await shell(machine, 'kindling update -n', UPDATE_SECONDS);
  assert.equal(code, 1, text);
  assert.match(text, /etc\/modprobe\.d\/loop\.conf/);
  await reboot();
  await must(machine, 'kindling update -n', UPDATE_SECONDS);
});

chapter('power', async () => {
  const temporary = '/boot/.kindling-$(uname -r).img.new';
  await must(machine, `echo "options loop max_loop=10" >/etc/modprobe.d/loop.conf && sync`);
  // while the new archive is written, and just after it has its name
  machine.say(`kindling update & while [ ! -e ${temporary} ]; do sleep 0.1; done; ls -l /boot/.kindling*`);
  await machine.expect(/^-rw.*\.img\.new$/m, UPDATE_SECONDS);
  await cut();
  assertKindling(await machine.expect(PROMPT, BOOT_SECONDS), newer);
  // the boot noticed that the archive is an old one, and made it anew
  await must(machine, 'kindling status', UPDATE_SECONDS);
  await must(machine, `echo "options loop max_loop=11" >/etc/modprobe.d/loop.conf && sync`);
  machine.say(
    `kindling update & until [ -e ${temporary} ]; do sleep 0.1; done; while [ -e ${temporary} ]; do sleep 0.1; done; ls -l /boot`,
  );
  await machine.expect(/^-rw.*kindling-.*\.img\.previous$/m, UPDATE_SECONDS);
  await cut();
  assertKindling(await machine.expect(PROMPT, BOOT_SECONDS), newer);
  await shell(machine, 'kindling status', UPDATE_SECONDS);
  await must(machine, 'kindling update -v', UPDATE_SECONDS);
  await must(machine, 'kindling update -n', UPDATE_SECONDS);
});

const DRIVER = 'kernel/drivers/nvme/host/nvme-fabrics.ko';

/** Changes a driver that the archive has, and pulls the power before anybody can do something about it. The next boot has begun then. */
async function changeDriver(): Promise<void> {
  await must(machine, `ls /usr/lib/modules/$(uname -r)/${DRIVER} && printf x >>/usr/lib/modules/$(uname -r)/${DRIVER} && sync`);
  await cut();
}

/** The boot stops before the root is writable, and says what a person has to know. */
async function refused(): Promise<void> {
  const said = await machine.expect('(kindling) # ', BOOT_SECONDS);
  assert.match(said, new RegExp(`unsafe changed usr/lib/modules/${newer}/${DRIVER}`));
  assert.match(said, /choose the failsafe entry/);
  const mounts = await machine.ask("grep ' /sysroot \\| /new \\|/dev/vda1' /proc/mounts", '(kindling) # ', 30);
  assert.match(mounts, /^\/dev\/vda1 \S+ ext4 ro[,\s]/m);
}

chapter('refusal', async () => {
  await must(machine, "echo 'check = stop' >/etc/kindling.conf.d/20-check.conf && kindling update", UPDATE_SECONDS);
  await changeDriver();
  await refused();
});

chapter('failsafe', async () => {
  await cut();
  await machine.expect('GNU GRUB', 60);
  // the last entry of the menu is kindling's own menu, and its last one the failsafe
  machine.keys('\x05\r');
  await machine.expect('failsafe', 60);
  machine.keys('\x05\r');
  await machine.expect('your choice: ', BOOT_SECONDS);
  machine.say('1');
  assert.match(await machine.expect('your choice: ', UPDATE_SECONDS), new RegExp(`changed /usr/lib/modules/${newer}/${DRIVER}`));
  machine.say('y');
  assert.match(await machine.expect('your choice: ', UPDATE_SECONDS), /archives are in step now/);
  machine.say('b');
  await machine.expect(PROMPT, BOOT_SECONDS);
  await must(machine, 'kindling status', UPDATE_SECONDS);
  await must(machine, 'kindling update -n', UPDATE_SECONDS);
});

chapter('expert', async () => {
  await changeDriver();
  await refused();
  machine.say('exit');
  await machine.expect('going on with an archive that is out of step', 60);
  await machine.expect(PROMPT, BOOT_SECONDS + UPDATE_SECONDS);
  assert.match(await must(machine, 'journalctl --boot --no-pager --output=cat --unit=kindling-update'), /\.img: /);
  await must(machine, 'kindling update -n', UPDATE_SECONDS);
});

chapter('uninstall', async () => {
  // a file of a person's own, which stays otherwise
  await must(machine, 'rm /etc/kindling.conf.d/20-check.conf');
  await must(machine, 'kindling uninstall', UPDATE_SECONDS);
  await must(machine, 'apt-get -y purge kindling', APT_SECONDS);
  assert.equal(await must(machine, "find / -xdev -iname '*kindling*'"), '');
  assert.doesNotMatch(await reboot(), /kindling/);
  assert.doesNotMatch(await must(machine, 'ls -l /boot'), /kindling/);
});

after(() => {
  if (process.env.KINDLING_BLESS !== '1' || transcripts.size !== CHAPTERS.length) return;
  writeFileSync(join(CLONE, 'docs/story.md'), printPage(transcripts));
});
