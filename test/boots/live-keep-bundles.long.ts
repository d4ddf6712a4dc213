// Bundles added to a running live system and taken out again, by the program itself: a bundle holds kindling as its package has it, with its Node
// and that Node's libraries; it works on the bundles of the system it runs in.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { packageChoice, packageTree } from '../../scripts/package.ts';
import { needs } from '../tools.ts';
import { CLONE, mustRun } from '../world/index.ts';
import { writeTree } from '../world/unpack.ts';
import { BOOT_SECONDS, isClean, type KeepSystem, keepSystem, medium, PROMPT, power, typed } from './live-keep-world.ts';
import { packBundle, scratchFolder } from './live-world.ts';
import type { Talk } from './talk.ts';

const folder = scratchFolder();
const NAME = '07-game.sb';

/** The installed program, and what its Node is linked with. */
async function programBundle(): Promise<string> {
  const root = join(folder, 'program');
  writeTree(await packageTree(packageChoice()), root);
  const said = await mustRun('ldd', [join(CLONE, 'node_modules/.bin/node')]);
  for (const [, path = ''] of said.matchAll(/(?:=>|^)\s*(\/\S+) \(/gm)) {
    const target = join(root, path.includes('ld-linux') ? 'usr/lib64' : 'usr/lib/x86_64-linux-gnu', basename(path));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(realpathSync(path), target);
  }
  symlinkSync('usr/lib64', join(root, 'lib64'));
  const bundle = join(folder, '02-kindling.sb');
  await packBundle(root, bundle);
  return bundle;
}

async function during(system: KeepSystem, disk: string, act: (talk: Talk) => Promise<void>): Promise<void> {
  const talk = power(system, [disk], '', [], 640);
  try {
    await talk.expect(PROMPT, BOOT_SECONDS);
    await act(talk);
  } finally {
    await talk.cut();
  }
}

test('a bundle is shown by the running system, is there at the next boot, and is taken out for the one after', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mkfs.ext4', 'debugfs', 'dumpe2fs', 'ldd')) return;
  const system = await keepSystem();
  const game = join(folder, 'game');
  mkdirSync(join(game, 'usr/bin'), { recursive: true });
  writeFileSync(join(game, 'usr/bin/game'), '#!/bin/sh\necho played\n', { mode: 0o755 });
  const bundle = join(folder, NAME);
  await packBundle(game, bundle);
  const files = {
    'kindling/01-core.sb': { copy: system.bundle },
    'kindling/02-kindling.sb': { copy: await programBundle() },
    [`extra/${NAME}`]: { copy: bundle },
  };
  const disk = await medium(join(folder, 'bundles.img'), 'ext4', files, 160);
  await during(system, disk, async (talk) => {
    const added = await typed(talk, `kindling bundle add --json /memory/data/extra/${NAME}; echo "code $?"`);
    assert.match(added, /"name": *"07-game.sb"[\s\S]*"done": *true[\s\S]*"done": *true[\s\S]*code 0$/);
    assert.equal(
      await typed(talk, 'game; ls /usr/bin/busybox; touch /usr/x 2>/dev/null || echo closed'),
      'played\n/usr/bin/busybox\nclosed',
    );
    const removed = await typed(talk, `kindling bundle remove --json --now ${NAME}; echo "code $?"`);
    assert.match(removed, /"done": *true[\s\S]*code 0$/);
    assert.equal(await typed(talk, 'hash -r; ls /usr/bin/game 2>/dev/null; touch /usr/x && echo open'), 'open');
    talk.say('exec /run/initramfs/shutdown poweroff');
    await talk.expect('is unmounted: you may remove the medium', 120);
    await talk.off(120);
  });
  assert.ok(await isClean(disk));
  await during(system, disk, async (talk) => {
    const removed = await typed(
      talk,
      `game; kindling bundle remove --json ${NAME}; echo "code $?"; ls -1 /memory/data/kindling; grep -c 'data ext4 ro,' /proc/mounts`,
    );
    assert.match(removed, /^played$[\s\S]*"done": *false[\s\S]*"done": *true[\s\S]*^code 0$[\s\S]*^07-game\.sb\.off$[\s\S]*^1$/m);
  });
});
