// What boot loaders and systemd are given by install, read by their own programs: GRUB's entries, boot entries, units.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { syncBootEntries } from '../src/node/boot-entries.ts';
import { sha256 } from '../src/node/digest.ts';
import { directoryRoot } from '../src/node/directory.ts';
import { installDisk, LINKING_DISK, type LinkingDisk } from '../src/node/install-disk.ts';
import { bootEntries, commandLineOf } from '../src/verbs/install/entries.ts';
import { syncEntries } from '../src/verbs/install/sync.ts';
import { fullRoot, HOOKS, installIn, scratch, snapshot, uninstallIn, write } from './install-world.ts';
import { needs, tool } from './tools.ts';

const SHELLS = ['dash', 'bash', 'busybox sh'];
const VERSIONS = ['6.1.0-9-amd64', '6.1.0-10-amd64'];

interface Menu {
  readonly text: string;
  readonly said: string;
}

/** What GRUB's scripts print for a folder with boot/ in it, as grub-mkconfig runs them on a machine with that /boot. */
function menu(folder: string, name: '09_kindling' | '42_kindling', shell = 'dash', env: Record<string, string> = {}): Menu {
  write(folder, {
    probe:
      '#!/bin/sh\nfor a; do case $a in --target=partmap) echo gpt ;; --target=fs) echo ext2 ;; --target=fs_uuid) echo 11-22 ;; --target=compatibility_hint) echo hd0,gpt1 ;; esac; done\n',
    relative: `#!/bin/sh\nif [ "$1" = / ]; then echo "\${SUBVOLUME-/}"; else echo "\${1#${folder}}"; fi\n`,
    [name]: readFileSync(join(HOOKS, 'grub.sh'), 'utf8').replace('boot=/boot\n', `boot=${folder}/boot\n`),
  });
  for (const path of ['probe', 'relative', name]) chmodSync(join(folder, path), 0o755);
  const ran = spawnSync('sh', ['-c', `exec ${shell} ${folder}/${name} ${shell === 'dash' ? '' : 'print'}`], {
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH ?? '',
      grub_probe: join(folder, 'probe'),
      grub_mkrelpath: join(folder, 'relative'),
      GRUB_DISTRIBUTOR: 'Debian',
      GRUB_DEVICE: '/dev/sda1',
      GRUB_DEVICE_BOOT: '/dev/sda1',
      GRUB_DEVICE_UUID: 'aaaa-bbbb',
      GRUB_CMDLINE_LINUX: 'console=ttyS0',
      GRUB_CMDLINE_LINUX_DEFAULT: 'quiet',
      ...env,
    },
  });
  assert.equal(ran.status, 0, ran.stderr);
  if (ran.stdout === '') return { text: '', said: ran.stderr };
  const checked = spawnSync(tool('grub-script-check'), [], { input: ran.stdout, encoding: 'utf8' });
  assert.equal(checked.status, 0, `${checked.stderr}\n${ran.stdout}`);
  return { text: ran.stdout, said: ran.stderr };
}

const idsOf = ({ text }: Menu): string[] => [...text.matchAll(/menuentry .*\$menuentry_id_option '([^']*)'/g)].map((match) => match[1]!);

test('GRUB: the newest archive above the own entries, all others and the failsafe below, each only while it is there', (t) => {
  if (!needs(t, 'grub-script-check', 'grub-mkconfig', 'dash', 'bash', 'busybox')) return;
  const folder = scratch(t);
  write(folder, { 'boot/grub/grub.cfg': '', 'boot/initrd.img-6.1.0-9-amd64': '', 'boot/vmlinuz-6.1.0-9-amd64': '' });
  assert.equal(menu(folder, '09_kindling').text, '', 'without an archive there is nothing to offer');
  for (const version of VERSIONS) write(folder, { [`boot/vmlinuz-${version}`]: '', [`boot/kindling-${version}.img`]: '' });
  write(folder, { 'boot/kindling-6.1.0-10-amd64.img.previous': '', 'boot/kindling-failsafe.img': '', 'boot/kindling-9.9.img': '' });

  const top = menu(folder, '09_kindling');
  assert.deepEqual(idsOf(top), ['kindling']);
  assert.match(top.text, /^\tlinux\t\/boot\/vmlinuz-6\.1\.0-10-amd64 root=UUID=aaaa-bbbb ro console=ttyS0 quiet$/m);
  assert.match(top.text, /^\tinitrd\t\/boot\/kindling-6\.1\.0-10-amd64\.img$/m);
  assert.match(
    top.text,
    /^if \[ -f "\/boot\/kindling-6\.1\.0-10-amd64\.img" -a -f "\/boot\/vmlinuz-6\.1\.0-10-amd64" \]; then\nmenuentry /m,
  );
  assert.match(top.said, /archive of 9\.9 and no kernel/);

  const below = menu(folder, '42_kindling');
  const each = VERSIONS.toReversed().flatMap((version) => [`kindling-${version}`, `kindling-${version}-previous`]);
  assert.deepEqual(idsOf(below), [...each, 'kindling-failsafe']);
  assert.equal(below.text.match(/^if \[ -f .* \]; then$/gm)?.length, 5, 'GRUB asks for each archive at boot');
  assert.match(below.text, /^submenu .*'kindling-more' \{$/m);
  assert.match(below.text, /^\tlinux\t\/boot\/kindling-failsafe\.vmlinuz console=ttyS0$/m, 'the failsafe needs no root');
  assert.equal(menu(folder, '42_kindling', 'dash', { GRUB_DISABLE_SUBMENU: 'y' }).text.includes('submenu'), false);

  for (const shell of SHELLS) {
    assert.equal(menu(folder, '09_kindling', shell).text, top.text, shell);
    assert.equal(menu(folder, '42_kindling', shell).text, below.text, shell);
  }
});

test('GRUB: how the root is named, subvolumes, a quote in a name', (t) => {
  if (!needs(t, 'grub-script-check', 'grub-mkconfig')) return;
  const folder = scratch(t);
  write(folder, { 'boot/vmlinuz-6.1': '', 'boot/kindling-6.1.img': '' });
  const linux = (env: Record<string, string>): string => /^\tlinux\t(.*)$/m.exec(menu(folder, '09_kindling', 'dash', env).text)?.[1] ?? '';
  assert.match(linux({ GRUB_DISABLE_LINUX_UUID: 'true' }), /root=\/dev\/sda1 /);
  assert.match(linux({ GRUB_DEVICE_UUID: '', GRUB_DEVICE_PARTUUID: '99', GRUB_DISABLE_LINUX_PARTUUID: 'false' }), /root=PARTUUID=99 /);
  assert.match(linux({ GRUB_FS: 'btrfs' }), / ro console/, 'the root of a btrfs needs no subvolume');
  assert.match(linux({ GRUB_FS: 'btrfs', SUBVOLUME: '/@' }), / ro rootflags=subvol=@ console/);
  const odd = menu(folder, '09_kindling', 'dash', { GRUB_DISTRIBUTOR: "Joe's Linux" });
  assert.match(odd.text, /menuentry 'Joe'\\''s Linux GNU\/Linux \(kindling\)' --class joes /);
});

test('GRUB: whatever goes wrong here, the menu of the distribution is written', (t) => {
  if (!needs(t, 'grub-script-check', 'grub-mkconfig')) return;
  const folder = scratch(t);
  write(folder, { 'boot/vmlinuz-6.1': '', 'boot/kindling-6.1.img': '' });
  menu(folder, '09_kindling');
  // What an unknown device makes of grub-probe.
  writeFileSync(join(folder, 'probe'), '#!/bin/sh\necho "grub-probe: error" >&2\nexit 1\n', { mode: 0o755 });
  const ran = spawnSync(join(folder, '09_kindling'), [], {
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      grub_probe: join(folder, 'probe'),
      grub_mkrelpath: join(folder, 'relative'),
      GRUB_DEVICE_BOOT: '/dev/none',
    },
  });
  assert.deepEqual([ran.status, ran.stdout], [0, '']);
  assert.match(ran.stderr, /grub-probe: error\n[\s\S]*there are no entries for its archives/);
});

/** A root with archives. */
function archived(base: string): string {
  fullRoot(base);
  write(base, {
    'boot/kindling-6.1.0-1.img': 'new',
    'boot/kindling-6.1.0-1.img.previous': 'old',
    'boot/kindling-failsafe.img': 'failsafe',
    'boot/kindling-failsafe.vmlinuz': 'kernel',
  });
  return base;
}

test('boot entries as bootctl reads them: complete, in this order, the default first', async (t) => {
  if (!needs(t, 'bootctl', 'unshare', 'mount')) return;
  const folder = scratch(t);
  const base = archived(join(folder, 'root'));
  await installIn(base);
  await syncBootEntries(base);
  mkdirSync(join(folder, 'esp'));
  // bootctl reads only what is the root of a file system.
  const script = `mount -t tmpfs none ${folder}/esp && cp -a ${base}/. ${folder}/esp/ && mv ${folder}/esp/boot/loader ${folder}/esp/ &&
    exec ${tool('bootctl')} --esp-path=${folder}/esp --boot-path=${folder}/esp --no-pager --json=short list`;
  const flags = process.geteuid?.() === 0 ? '-m' : '-rm';
  const ran = spawnSync(tool('unshare'), [flags, 'sh', '-c', script], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, SYSTEMD_RELAX_ESP_CHECKS: '1', SYSTEMD_RELAX_XBOOTLDR_CHECKS: '1' },
  });
  assert.equal(ran.status, 0, ran.stderr);
  const entries = ran.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    entries.map(({ id }) => id),
    ['kindling-6.1.0-1.conf', 'kindling-6.1.0-1.previous.conf', 'kindling-failsafe.conf', 'sample.conf'],
  );
  const { title, version, machineId, options, linux, initrd } = entries[0]!;
  assert.deepEqual([title, version, machineId], ['Sample 1 (test) (kindling)', '6.1.0-1', '0123456789abcdef0123456789abcdef']);
  assert.deepEqual([options, linux, initrd], ['root=UUID=1111-aaaa ro', '/boot/vmlinuz-6.1.0-1', ['/boot/kindling-6.1.0-1.img']]);
});

test('boot entries follow the archives; a changed one is left; uninstall takes the others', async (t) => {
  const base = archived(scratch(t));
  const before = snapshot(base).filter((line) => !/^boot\/kindling-(6|fail)/.test(line));
  assert.equal(await syncBootEntries(base), undefined, 'nothing without an installation');
  await installIn(base);
  const entries = join(base, 'boot/loader/entries');
  const planned = await syncBootEntries(base, { dryRun: true });
  assert.deepEqual(readdirSync(entries), ['sample.conf'], 'a dry run writes nothing');
  assert.deepEqual((await syncBootEntries(base))?.written, planned?.written);
  assert.deepEqual((await syncBootEntries(base))?.written, [], 'in step');
  rmSync(join(base, 'boot/kindling-6.1.0-1.img.previous'));
  assert.deepEqual((await syncBootEntries(base))?.removed, ['boot/loader/entries/kindling-6.1.0-1.previous.conf']);
  const own = join(entries, 'kindling-6.1.0-1.conf');
  writeFileSync(own, `${readFileSync(own, 'utf8').trimEnd()} mitigations=off\n`);
  write(base, { 'etc/kernel/cmdline': 'root=/dev/vda1 rw initrd=\\x quiet\n' });
  const left = await syncBootEntries(base);
  assert.deepEqual([left?.written, left?.findings.map(({ code }) => code)], [[], ['entry-changed']]);
  assert.match(readFileSync(own, 'utf8'), /mitigations=off/);
  rmSync(own);
  await syncBootEntries(base);
  assert.match(readFileSync(own, 'utf8'), /^options +root=\/dev\/vda1 rw quiet$/m);
  for (const name of ['kindling-6.1.0-1.img', 'kindling-failsafe.img', 'kindling-failsafe.vmlinuz']) rmSync(join(base, 'boot', name));
  rmSync(join(base, 'etc/kernel/cmdline'));
  uninstallIn(base);
  assert.deepEqual(snapshot(base), before);
});

/** A root whose entries are on an ESP that is not /boot. */
function espRoot(base: string): string {
  archived(base);
  rmSync(join(base, 'boot/loader'), { recursive: true });
  write(base, { 'boot/efi/loader/entries/sample.conf': 'title Sample\n' });
  return base;
}

test('where entries are on another file system than /boot, they name copies that follow the archives', async (t) => {
  const base = espRoot(scratch(t));
  await installIn(base);
  const first = await syncBootEntries(base);
  assert.deepEqual(first?.findings, []);
  const copies = join(base, 'boot/efi/kindling');
  const named = ['initrd-6.1.0-1', 'initrd-6.1.0-1.previous', 'initrd-failsafe', 'linux-6.1.0-1', 'linux-failsafe'];
  assert.deepEqual(readdirSync(copies).sort(), named);
  const entry = readFileSync(join(base, 'boot/efi/loader/entries/kindling-6.1.0-1.conf'), 'utf8');
  assert.match(entry, /^linux +\/kindling\/linux-6\.1\.0-1\ninitrd +\/kindling\/initrd-6\.1\.0-1$/m);
  writeFileSync(join(base, 'boot/kindling-6.1.0-1.img'), 'now');
  assert.deepEqual((await syncBootEntries(base))?.written, ['boot/efi/kindling/initrd-6.1.0-1'], 'the same size, another content');
  for (const name of readdirSync(join(base, 'boot')).filter((one) => one.startsWith('kindling-') && one !== 'kindling-other.txt')) {
    rmSync(join(base, 'boot', name));
  }
  await syncBootEntries(base);
  assert.deepEqual(readdirSync(join(base, 'boot/efi')), ['loader'], 'copies go with the archives');
});

test('a boot partition that is full keeps the entries it had and is told', async (t) => {
  const base = espRoot(scratch(t));
  const full: LinkingDisk = { ...LINKING_DISK, room: () => ({ free: 1000, isFat: true }) };
  const wanted = bootEntries({ root: directoryRoot(base), sha256 })!;
  const synced = await syncEntries(installDisk(base, full), wanted, { sha256 });
  assert.deepEqual(synced.written, []);
  assert.deepEqual(new Set(synced.findings.map(({ code }) => code)), new Set(['no-room']));
  assert.deepEqual(readdirSync(join(base, 'boot/efi/loader/entries')), ['sample.conf'], 'no entry that leads nowhere');
});

test('the command line of entries: what the root says, else what runs, else what fstab knows', (t) => {
  const base = fullRoot(scratch(t));
  const root = directoryRoot(base);
  assert.equal(commandLineOf({ root }), 'root=UUID=1111-aaaa ro');
  const running = 'BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet initrd=\\a single kindling.failsafe=menu';
  assert.equal(commandLineOf({ root, commandLine: running }), 'root=/dev/sda1 ro quiet');
  write(base, { 'etc/kernel/cmdline': 'root=LABEL=x\n rw\n' });
  assert.equal(commandLineOf({ root: directoryRoot(base), commandLine: running }), 'root=LABEL=x rw');
});

test('systemd finds nothing wrong with the units', (t) => {
  if (!needs(t, 'systemd-analyze')) return;
  const folder = scratch(t);
  const units = ['kindling-update.service', 'kindling-shutdown.service'];
  for (const name of units) {
    writeFileSync(join(folder, name), readFileSync(join(HOOKS, name), 'utf8').replaceAll('/usr/lib/kindling/kindling', '/bin/true'));
  }
  const ran = spawnSync(tool('systemd-analyze'), ['verify', '--man=no', ...units.map((name) => join(folder, name))], { encoding: 'utf8' });
  assert.equal(ran.stderr, '');
  assert.equal(ran.status, 0);
});
