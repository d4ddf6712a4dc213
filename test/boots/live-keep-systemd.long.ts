// The end of a live system under systemd, with both handovers: systemd goes back to the archive's own tools, which leave nothing in use, and the
// medium clean.
import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { startableKernel } from '../../src/node/startable-kernel.ts';
import { needs, tool } from '../tools.ts';
import { CLONE, mustRun, once } from '../world/index.ts';
import { type LiveRoot, liveRoot } from '../world/live-root.ts';
import { isClean, type KeepSystem, medium, power } from './live-keep-world.ts';
import { scratchFolder } from './live-world.ts';

const folder = scratchFolder();
const KINDLING = join(CLONE, 'bin/kindling');

async function systemOf(root: LiveRoot, handover: string): Promise<KeepSystem> {
  const bundle = await once(`keep-${basename(root.tar, '.tar')}.sb`, async (scratch) => {
    await mustRun(KINDLING, ['pack', root.tar, '-o', scratch, '--format', 'squashfs', '--codec', 'zstd:3']);
  });
  const settings = join(folder, `${handover}.conf`);
  const archive = join(folder, `${handover}.img`);
  writeFileSync(settings, `media = virtio\nmedium = any\nhandover = ${handover}\n`);
  await mustRun(KINDLING, ['build', '-q', '--root', root.folder, '-k', root.version, '--add', 'live', '-c', settings, '-o', archive]);
  return { kernel: (await startableKernel(root.vmlinuz, false)).path, archive, bundle };
}

for (const handover of ['pivot', 'switch']) {
  test(`systemd ends where it began, handover ${handover}`, async (t) => {
    if (!needs(t, 'qemu-system-x86_64', 'mmdebstrap', 'mkfs.ext4', 'debugfs', 'dumpe2fs')) return;
    const system = await systemOf(await liveRoot(), handover);
    const size = Math.ceil(statSync(system.bundle).size / (1 << 20)) + 64;
    const disk = await medium(join(folder, `${handover}.disk`), 'ext4', { 'kindling/01-core.sb': { copy: system.bundle } }, size);
    const talk = power(system, [disk], 'perch', [], 512);
    try {
      // logged in by itself
      await talk.expect('root@live', 900);
      talk.say('echo kept >/etc/kept; systemctl poweroff');
      await talk.expect('is unmounted: you may remove the medium', 600);
      await talk.off(120);
    } finally {
      await talk.cut();
    }
    assert.ok(await isClean(disk));
    assert.match(await mustRun(tool('debugfs'), ['-R', 'cat /kindling/changes/rw/etc/kept', disk]), /^kept$/m);
  });
}
