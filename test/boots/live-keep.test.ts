// One boot of what a live system keeps: changes on the medium, and an end that leaves it clean. All else is in live-keep.long.ts.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { mustRun } from '../world/index.ts';
import { boot, isClean, keepSystem, medium, typed } from './live-keep-world.ts';
import { scratchFolder } from './live-world.ts';

test('changes go to the medium, which is clean and free at the end', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mkfs.ext4', 'debugfs', 'dumpe2fs')) return;
  const system = await keepSystem();
  const disk = await medium(join(scratchFolder(), 'medium.img'), 'ext4', { 'kindling/01-core.sb': { copy: system.bundle } });
  const talk = await boot(system, [disk], 'perch');
  try {
    assert.match(await typed(talk, 'echo kept >/etc/kept; cat /run/kindling/live'), /^CHANGES=directory \/dev\/vda kindling\/changes$/m);
    talk.say('exec /run/initramfs/shutdown poweroff');
    await talk.expect('is unmounted: you may remove the medium', 300);
    await talk.off(120);
  } finally {
    await talk.cut();
  }
  assert.ok(await isClean(disk));
  assert.match(await mustRun(tool('debugfs'), ['-R', 'cat /kindling/changes/rw/etc/kept', disk]), /^kept$/m);
});
