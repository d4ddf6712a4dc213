// The console image of the recipes: below its size, and booted by a BIOS and GRUB from a CD to a shell, with everything running. The desktop takes
// minutes more; `npm run live` makes and boots that one, and takes its picture.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../tools.ts';
import { askShell, bootScreen, LIVE_SYSTEMS, liveIso, untilShell } from './live-desktop-world.ts';

const SHELL_SECONDS = 600;

test('the console image is below 120 MB and boots from a CD to a shell', async (t) => {
  if (!needs(t, 'mmdebstrap', 'qemu-system-x86_64', 'grub-mkimage')) return;
  const iso = join(tmpdir(), `kindling-live-console-${process.pid}.iso`);
  t.after(() => rmSync(iso, { force: true }));
  const { most, memory } = LIVE_SYSTEMS.console;
  const size = await liveIso('console', iso, ['--codec', 'zstd:15', '--block', '1M']);
  assert.ok(size <= most, `${size} bytes, at most ${most}`);
  const screen = await bootScreen(iso, memory);
  try {
    await untilShell(screen, SHELL_SECONDS);
    assert.match(await askShell(screen, 'systemctl is-system-running --wait', SHELL_SECONDS), /^running$/m);
    assert.equal(await askShell(screen, 'systemctl --failed --no-legend --plain'), '');
    assert.match(await askShell(screen, 'ls /memory/bundles'), /01-core\.sb\s+02-modules\.sb/);
    // no boot archive has this driver: it comes from the bundle of modules
    assert.match(await askShell(screen, 'modprobe dummy && grep -c ^dummy /proc/modules'), /^1$/m);
    assert.ok((await screen.colours()) > 1, 'the console shows something');
  } finally {
    await screen.cut();
  }
});
