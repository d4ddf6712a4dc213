// Media that others prepared: an ISO file on exFAT, Ventoy's device-mapper disk over the pieces of an ISO file, and the
// question which medium is meant.
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { mustRun } from '../world/index.ts';
import { BOOT_SECONDS, type KeepSystem, keepSystem, medium, PROMPT, power, typed } from './live-keep-world.ts';
import { isoMedium, mediumFolder, scratchFolder } from './live-world.ts';
import type { Talk } from './talk.ts';

const TOOLS = ['qemu-system-x86_64', 'mkfs.ext4', 'mkfs.vfat', 'mcopy', 'xorriso'] as const;
const SHELL = '(kindling) # ';
const folder = scratchFolder();

let made: Promise<KeepSystem> | undefined;
function system(): Promise<KeepSystem> {
  made ??= keepSystem('programs = usr/sbin/dmsetup usr/sbin/kexec\n');
  return made;
}

async function during(disks: readonly string[], append: string, act: (talk: Talk) => Promise<void>, memory = 320): Promise<void> {
  const talk = power(await system(), disks, append, [], memory);
  try {
    await act(talk);
  } finally {
    await talk.cut();
  }
}

/** The shell before the search; answers when all of these commands have succeeded. */
async function first(talk: Talk, commands: readonly string[]): Promise<void> {
  await talk.expect(SHELL, BOOT_SECONDS);
  for (const command of ['modprobe virtio_pci', 'modprobe virtio_blk', ...commands]) {
    assert.match(await talk.ask(`${command} && echo 'well '"done"`, SHELL, 60), /^well done$/m, talk.transcript());
  }
  talk.say('exit');
}

const iso = async (): Promise<string> => isoMedium(mediumFolder({ bundles: { '01-core.sb': (await system()).bundle } }));

test("an ISO file on exFAT, by Debian's word", async (t) => {
  if (!needs(t, ...TOOLS, 'mkfs.exfat')) return;
  const source = await medium(join(folder, 'source.img'), 'ext4', { 'live.iso': { copy: await iso() } });
  const stick = join(folder, 'exfat.img');
  writeFileSync(stick, '');
  truncateSync(stick, 64 << 20);
  await mustRun(tool('mkfs.exfat'), ['-L', 'LARGE', stick]);
  await during([source, stick], 'rd.break=pre-mount fromiso=/dev/vdb/images/live.iso', async (talk) => {
    const copy = [
      'mkdir /x /y',
      'modprobe -a ext4 exfat',
      'mount -o ro -t ext4 /dev/vda /x',
      'mount -t exfat /dev/vdb /y',
      'mkdir /y/images',
    ];
    await first(talk, [...copy, 'cp /x/live.iso /y/images/', 'umount /x', 'umount /y']);
    await talk.expect(PROMPT, BOOT_SECONDS);
    const live = await typed(talk, 'cat /run/kindling/live /proc/mounts');
    assert.match(live, /^DEVICE=\/dev\/vdb\nFSTYPE=exfat\nISO=\/images\/live.iso$/m);
    assert.match(live, /^\/dev\/vdb \S+\/memory\/host exfat ro,/m);
  });
});

test("Ventoy's disk, mapped over the pieces of an ISO file, is found", async (t) => {
  if (!needs(t, ...TOOLS)) return;
  const image = await iso();
  const content = readFileSync(image);
  // two pieces in the wrong order, as a file on a stick that is in use
  const half = Math.ceil(content.length / 4096) * 2048;
  const stick = join(folder, 'ventoy.img');
  writeFileSync(stick, '');
  truncateSync(stick, 3 * content.length);
  const descriptor = openSync(stick, 'r+');
  const places = [content.length - (content.length % 4096) + (2 << 20), 1 << 20] as const;
  writeSync(descriptor, content, 0, half, places[0]);
  writeSync(descriptor, content, half, content.length - half, places[1]);
  closeSync(descriptor);
  const rest = Math.ceil((content.length - half) / 512);
  const table = `0 ${half / 512} linear /dev/vda ${places[0] / 512}\\n${half / 512} ${rest} linear /dev/vda ${places[1] / 512}\\n`;
  await during([stick], 'rd.break=pre-mount', async (talk) => {
    await first(talk, ['modprobe dm_mod', `printf '${table}' >/table`, 'dmsetup create ventoy /table', 'dmsetup mknodes']);
    await talk.expect(PROMPT, BOOT_SECONDS);
    assert.match(await typed(talk, 'cat /run/kindling/live'), /^DEVICE=\/dev\/dm-0\nFSTYPE=iso9660$/m);
  });
});

test('from=ask: all media are listed, and the one that is chosen is it; its end starts another kernel', async (t) => {
  if (!needs(t, ...TOOLS)) return;
  const { bundle, kernel, archive } = await system();
  const files = (id: string, name: string) => ({ 'kindling/medium': `${id.repeat(32)}\n`, [`kindling/${name}.sb`]: { copy: bundle } });
  const one = await medium(join(folder, 'one.img'), 'vfat', files('ab', '01-one'));
  const started = { 'boot/vmlinuz': { copy: kernel }, 'boot/initrd.img': { copy: archive } };
  const two = await medium(join(folder, 'two.img'), 'ext4', { ...files('cd', '01-two'), ...started }, 80);
  const ask = async (talk: Talk): Promise<void> => {
    await talk.expect(
      /^ {2}1 {2}\/dev\/vda 64 MiB vfat LIVE, 01-one.sb, id abababab\n {2}2 {2}\/dev\/vdb 80 MiB ext4 live, 01-two.sb/m,
      BOOT_SECONDS,
    );
    await talk.expect('number of the medium, or Enter to look again: ', 60);
    talk.say('3');
    await talk.expect('number of the medium, or Enter to look again: ', 60);
    talk.say('2');
    await talk.expect(PROMPT, BOOT_SECONDS);
    assert.match(await typed(talk, 'cat /run/kindling/live'), /^DEVICE=\/dev\/vdb$[\s\S]*^BUNDLES=01-two.sb$/m);
  };
  await during(
    [one, two],
    'from=ask live-media-timeout=30',
    async (talk) => {
      await ask(talk);
      const words = '-l --args-linux /memory/data/boot/vmlinuz --initrd=/memory/data/boot/initrd.img';
      const there = 'for i in proc sys dev; do mount -o bind /$i /run/initramfs/$i; done';
      const gone = 'umount /run/initramfs/proc /run/initramfs/sys /run/initramfs/dev';
      assert.equal(await typed(talk, there), '');
      const load = `chroot /run/initramfs kexec ${words} --command-line="console=ttyS0 quiet from=/dev/vda"; echo "code $?"; ${gone}`;
      assert.match(await typed(talk, load), /code 0$/);
      talk.say('exec /run/initramfs/shutdown kexec');
      await talk.expect('is unmounted: you may remove the medium', 120);
      await talk.expect(PROMPT, BOOT_SECONDS);
      assert.match(await typed(talk, 'cat /run/kindling/live'), /^DEVICE=\/dev\/vda$[\s\S]*^BUNDLES=01-one.sb$/m);
    },
    640,
  );
});
