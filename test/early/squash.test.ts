// What the loader of a squashed archive says about an image it cannot mount, and which processes it says hold one.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { mustRun } from '../world/index.ts';
import { EARLY, inShell, SHELLS } from './shells.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-loader-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const MAGIC = 'IMAGE=$1 FORMAT=squashfs; image_magic; echo "$g_magic"';

for (const codec of ['gzip', 'lzo', 'xz', 'lz4', 'zstd']) {
  test(`an image of ${codec} is called that`, async (t) => {
    if (!needs(t, 'busybox', 'dash', 'mksquashfs')) return;
    const image = join(folder, codec);
    await mustRun(tool('mksquashfs'), [join(EARLY, 'squash'), image, '-quiet', '-no-progress', '-noappend', '-comp', codec]);
    for (const shell of SHELLS)
      assert.deepEqual(await inShell(shell, ['squash/image.sh'], MAGIC, [image]), [`squashfs compressed with ${codec}`]);
  });
}

test('what is no squashfs is told by its first bytes', async (t) => {
  if (!needs(t, 'busybox', 'dash')) return;
  const image = join(folder, 'other');
  writeFileSync(image, 'hello, this is no image at all');
  for (const shell of SHELLS)
    assert.deepEqual(await inShell(shell, ['squash/image.sh'], MAGIC, [image]), [
      'which begins with the bytes 68 65 6c 6c and so is no squashfs',
    ]);
});

test('a file system is known by its whole name', async (t) => {
  if (!needs(t, 'busybox', 'dash')) return;
  const script = 'for one in proc pro rocfs; do if filesystem_known "$one"; then echo yes; else echo no; fi; done';
  for (const shell of SHELLS) assert.deepEqual(await inShell(shell, ['squash/image.sh'], script), ['yes', 'no', 'no'], shell.join(' '));
});

// The way back's words, as switch_root and run-init take them. It must be the first process for anything beyond the dry run.
const LEAVES: readonly (readonly [string, readonly string[], RegExp | undefined])[] = [
  ['a dry run of what can be run', ['-n', '@', '/sbin/init'], undefined],
  [
    'a dry run with a console and capabilities',
    ['-n', '-c', '/dev/console', '-d', 'cap_sys_module', '@', '/sbin/init', 'single'],
    undefined,
  ],
  ['an init that is not there', ['-n', '@', '/sbin/absent'], /has no \/sbin\/absent that can be run/],
  ['a root that is not there', ['-n', '@/absent', '/sbin/init'], /absent is no directory/],
  ['no init', ['@'], /a new root and its init are needed/],
  ['unknown words', ['-x', '@', '/sbin/init'], /usage/],
  ['not as the first process', ['@', '/sbin/init'], /this is for the first process/],
];
for (const [name, words, said] of LEAVES) {
  test(`leaving an image: ${name}`, async (t) => {
    if (!needs(t, 'busybox', 'dash', 'sed')) return;
    const loader = join(folder, 'loader');
    mkdirSync(join(loader, 'usr/lib/kindling/squash'), { recursive: true });
    mkdirSync(join(folder, 'root/sbin'), { recursive: true });
    writeFileSync(join(folder, 'root/sbin/init'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(loader, 'usr/lib/kindling/squash/release'), '');
    const script = await mustRun(tool('sed'), [`s|^l_loader=.*|l_loader='${loader}'|`, join(EARLY, 'squash/leave')]);
    const file = join(folder, 'leave');
    writeFileSync(file, script);
    for (const [program, ...more] of SHELLS) {
      const line = words.map((word) => word.replace('@', join(folder, 'root')));
      const ran = mustRun(tool(program), [...more, file, ...line]);
      if (said === undefined) assert.equal(await ran, '');
      else await assert.rejects(ran, said);
    }
  });
}
