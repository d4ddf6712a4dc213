// The images of the recipes, from Debian's packages to the screen: below their sizes, and booted from a CD by a BIOS and GRUB, the console to a
// shell, the desktop to the windows that the X server shows. `npm run live` is the same for a person.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { needs } from '../tools.ts';
import {
  askShell,
  bootScreen,
  LIVE_SYSTEMS,
  type LiveSystem,
  liveIso,
  type Screen,
  untilDesktop,
  untilDrawn,
  untilShell,
} from './live-desktop-world.ts';

const SHELL_SECONDS = 600;
const DESKTOP_SECONDS = 900;
const DRAWN_SECONDS = 600;

const folder = mkdtempSync(join(tmpdir(), 'kindling-live-desktop-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function booted(system: LiveSystem, look: (screen: Screen) => Promise<void>): Promise<void> {
  const iso = join(folder, `${system}.iso`);
  const { most, memory } = LIVE_SYSTEMS[system];
  const size = await liveIso(system, iso, ['--codec', 'zstd:15', '--block', '1M']);
  assert.ok(size <= most, `${size} bytes, at most ${most}`);
  const screen = await bootScreen(iso, memory);
  try {
    await untilShell(screen, SHELL_SECONDS);
    await look(screen);
  } finally {
    await screen.cut();
    rmSync(iso);
  }
}

const TOOLS = ['mmdebstrap', 'qemu-system-x86_64', 'grub-mkimage'];

test('the console image is below 120 MB and boots from a CD to a shell, and no unit has failed', async (t) => {
  if (!needs(t, ...TOOLS)) return;
  await booted('console', async (screen) => {
    assert.match(await askShell(screen, 'systemctl is-system-running --wait', SHELL_SECONDS), /^running$/m);
    assert.equal(await askShell(screen, 'systemctl --failed --no-legend --plain'), '');
    // no boot archive has this driver: it comes from the bundle of modules
    assert.match(await askShell(screen, 'modprobe dummy && grep -c ^dummy /proc/modules'), /^1$/m);
    assert.ok((await screen.colours()) > 1, 'the console shows something');
  });
});

test('the desktop image, the console and one more bundle, is below 250 MB and boots from a CD to panel, icons and wallpaper', async (t) => {
  if (!needs(t, ...TOOLS)) return;
  await booted('desktop', async (screen) => {
    assert.match(await askShell(screen, 'ls /memory/bundles'), /01-core\.sb\s+02-modules\.sb\s+03-desktop\.sb/);
    assert.match(
      await askShell(screen, 'ls /memory/data/kindling/03-desktop.sb /memory/bundles/03-desktop.sb/usr/bin/xfce4-panel'),
      /xfce4-panel\s+\S*\/03-desktop\.sb/,
    );
    await untilDesktop(screen, DESKTOP_SECONDS);
    await untilDrawn(screen, DRAWN_SECONDS);
    assert.equal(await askShell(screen, 'systemctl --failed --no-legend --plain'), '');
  });
});
