// Encrypted changes that the live system makes itself (persistence=luks): of an empty partition, over power cuts in the middle of it, and of a file
// that is made for them; and never of what holds a file.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { CLONE, debianRoot, linkTree, mustRun } from '../world/index.ts';
import { type KeepSystem, keepSystem, medium, PACKAGES, PASSPHRASE, PROMPT, power, room, typed } from './live-keep-world.ts';
import { isoMedium, mediumFolder, scratchFolder } from './live-world.ts';
import { machineWords, start, type Talk } from './talk.ts';

const TOOLS = ['qemu-system-x86_64', 'mkfs.ext4', 'mkfs.vfat', 'mcopy', 'cryptsetup', 'debugfs'] as const;
const folder = scratchFolder();
// A boot, or the making of a key, on a busy machine.
const SECONDS = 300;

let made: Promise<KeepSystem> | undefined;
function system(): Promise<KeepSystem> {
  made ??= keepSystem();
  return made;
}

/** A boot with these disks and words; the power is cut at the end of it, whatever happened. */
async function during(disks: readonly string[], append: string, act: (talk: Talk) => Promise<void>): Promise<void> {
  const talk = power(await system(), disks, append, [], 384);
  try {
    await act(talk);
  } finally {
    await talk.cut();
  }
}

async function newPassphrase(talk: Talk): Promise<void> {
  await talk.expect('becomes an encrypted volume', SECONDS);
  await talk.expect('nothing is made): ', 60);
  talk.say(PASSPHRASE);
  await talk.expect('the same once more: ', 60);
  talk.say(PASSPHRASE);
}

test('an empty partition becomes an encrypted volume, and the power may fail in the middle of it', async (t) => {
  if (!needs(t, ...TOOLS)) return;
  const disk = await medium(join(folder, 'medium.img'), 'vfat', { 'kindling/01-core.sb': { copy: (await system()).bundle } });
  const changes = await room(join(folder, 'changes.img'), { label: 'kindling-changes', mib: 48 });
  await during([disk, changes], 'perch=luks', async (talk) => {
    // two that differ, and one that is given up
    await talk.expect('nothing is made): ', SECONDS);
    talk.say('one');
    await talk.expect('the same once more: ', 60);
    talk.say('two');
    await newPassphraseAgain(talk);
    await talk.expect('formatting /dev/vdb', 60);
    // in the middle of the key
    await new Promise((resolve) => setTimeout(resolve, 700));
  });
  await during([disk, changes], 'perch=luks', async (talk) => {
    await newPassphrase(talk);
    await talk.expect('writing the file system in it', 120);
  });
  await during([disk, changes], 'perch=luks', async (talk) => {
    await newPassphrase(talk);
    await talk.expect(PROMPT, SECONDS);
    assert.doesNotMatch(talk.transcript(), /open sesame/);
    assert.match(await typed(talk, 'cat /run/kindling/live; echo kept >/etc/kept; sync'), /^CHANGES=device \/dev\/vdb luks$/m);
  });
  assert.match(await mustRun(tool('cryptsetup'), ['luksDump', changes]), /^Label:\s+kindling-changes$[\s\S]*PBKDF:\s+argon2id$/m);
  await during([disk, changes], 'perch=luks', async (talk) => {
    await talk.expect(/Enter passphrase.*:/, SECONDS);
    talk.say(PASSPHRASE);
    await talk.expect(PROMPT, SECONDS);
    assert.equal(await typed(talk, 'cat /etc/kept'), 'kept');
  });
  assert.ok(!readFileSync(changes).includes('kept\n'));
});

async function newPassphraseAgain(talk: Talk): Promise<void> {
  await talk.expect('these two are not the same', 60);
  await talk.expect('nothing is made): ', 60);
  talk.say(PASSPHRASE);
  await talk.expect('the same once more: ', 60);
  talk.say(PASSPHRASE);
}

test('a file for them is made on the medium; changes that are not encrypted stay as they are', async (t) => {
  if (!needs(t, ...TOOLS)) return;
  const iso = await isoMedium(mediumFolder({ bundles: { '01-core.sb': (await system()).bundle } }));
  const disk = await medium(join(folder, 'file.img'), 'ext4', { 'live.iso': { copy: iso } }, 96);
  const room24 = await room(join(folder, 'used.img'), { label: 'kindling-changes', files: { 'rw/etc/kept': 'mine\n' } });
  const before = readFileSync(room24);
  await during([disk, room24], 'findiso=/live.iso persistence=luks perchsize=32', async (talk) => {
    await talk.expect('/dev/vdb holds files (rw) that are not encrypted; it is not formatted', SECONDS);
    await talk.expect('your choice: ', 60);
  });
  await mustRun('e2fsck', ['-p', room24]);
  assert.ok(readFileSync(room24).includes('mine\n') && before.includes('mine\n'));
  await during([disk], 'findiso=/live.iso persistence=luks perchsize=32 kindling.changes=stop', async (talk) => {
    await talk.expect('making kindling/changes.img, 32 MiB', SECONDS);
    await newPassphrase(talk);
    await talk.expect(PROMPT, SECONDS);
    assert.match(
      await typed(talk, 'cat /run/kindling/live'),
      /^ISO=\/live.iso$[\s\S]*^CHANGES=file \/dev\/vda kindling\/changes.img luks$/m,
    );
  });
});

test('a stick made with --encrypted and --sign, by its own boot loader: sealed bundles, and a passphrase for what is changed', async (t) => {
  if (!needs(t, ...TOOLS, 'openssl', 'grub-mkimage')) return;
  const [root, secret, stick] = [join(folder, 'root'), join(folder, 'secret.pem'), join(folder, 'stick.img')];
  const { folder: debian, kernel } = await debianRoot('amd64', PACKAGES);
  linkTree(debian, root);
  mkdirSync(join(root, 'etc/kindling/keys'), { recursive: true });
  await mustRun(tool('openssl'), ['genpkey', '-algorithm', 'ed25519', '-out', secret]);
  await mustRun(tool('openssl'), ['pkey', '-in', secret, '-pubout', '-out', join(root, 'etc/kindling/keys/test.pem')]);
  const small = [
    '--one-bundle',
    '--exclude',
    'usr/lib/modules',
    '--exclude',
    'usr/share',
    '--codec',
    'zstd:1',
    '--archive-codec',
    'zstd:1',
  ];
  const words = ['--root', root, '-k', kernel.version, '--sign', secret, '--encrypted', '--changes', '64M', '--media', 'virtio', ...small];
  const append = ['--append', 'init=/bin/sh', '--menu-timeout', '0', '--no-cache'];
  await mustRun(join(CLONE, 'bin/kindling'), ['live', 'usb', '-o', stick, ...words, ...append]);
  const talk = start(machineWords({ memory: 512, disks: [{ file: stick }] }));
  try {
    await talk.expect('root hashes are signed by test.pem', SECONDS);
    await newPassphrase(talk);
    await talk.expect(/^(#|.*# )$/m, SECONDS);
    talk.say('cat /run/kindling/live /proc/mounts');
    await talk.expect(/^CHANGES=device \/dev\/vda\d luks$[\s\S]*^\/dev\/mapper\/kindling-bundle-01-core.sb \S+ squashfs ro/m, 60);
  } finally {
    await talk.cut();
  }
});
