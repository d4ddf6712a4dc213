// `npm run live [console|desktop]`: from nothing to a bootable live image on a Debian 12: the root from Debian's packages by mmdebstrap, the image
// by `kindling live iso`, a boot of it in QEMU, and of the desktop the picture in the docs. Words: --codec C (zstd:15), --block SIZE (1M), -o FILE,
// --no-boot, --picture FILE (docs/images/live-desktop.png).
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  askShell,
  bootScreen,
  LIVE_SYSTEMS,
  type LiveSystem,
  liveIso,
  liveTar,
  openWindows,
  untilDesktop,
  untilDrawn,
  untilShell,
} from '../test/boots/live-desktop-world.ts';
import { CLONE } from '../test/world/index.ts';
import { setUp } from './setup.ts';

const SHELL_SECONDS = 1200;
const DESKTOP_SECONDS = 1800;
// what is drawn after the windows are there: icons, the wallpaper, the clock
const SETTLE_SECONDS = 45;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    codec: { type: 'string', default: 'zstd:15' },
    block: { type: 'string', default: '1M' },
    out: { type: 'string', short: 'o' },
    'no-boot': { type: 'boolean', default: false },
    picture: { type: 'string', default: join(CLONE, 'docs/images/live-desktop.png') },
  },
});
const [named = 'desktop'] = positionals;
if (!Object.hasOwn(LIVE_SYSTEMS, named)) throw new Error(`npm run live ${named}: expected ${Object.keys(LIVE_SYSTEMS).join(' or ')}`);
const name = named as LiveSystem;
const { most, memory } = LIVE_SYSTEMS[name];
const iso = values.out ?? join(CLONE, `build/live-${name}.iso`);
const began = performance.now();
const say = (text: string): void => {
  process.stderr.write(`live: ${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${text}\n`);
};

await setUp('live');
say(`the root, from Debian's packages (minutes, the first time)`);
for (const made of name === 'console' ? (['console'] as const) : (['console', 'desktop'] as const)) say(await liveTar(made));
mkdirSync(dirname(iso), { recursive: true });
say(`the image, bundles with ${values.codec} in blocks of ${values.block}`);
const size = await liveIso(name, iso, ['--codec', values.codec, '--block', values.block]);
say(`${iso}: ${(size / 1e6).toFixed(1)} MB, at most ${most / 1e6} are allowed`);
if (!values['no-boot']) {
  const screen = await bootScreen(iso, memory);
  try {
    say(`root's shell on the serial console after ${(await untilShell(screen, SHELL_SECONDS)).toFixed(0)} s`);
    if (name === 'desktop') {
      say(`panel and desktop after ${(await untilDesktop(screen, DESKTOP_SECONDS)).toFixed(0)} s`);
      await untilDrawn(screen, DESKTOP_SECONDS);
      await openWindows(screen, DESKTOP_SECONDS);
      await new Promise((resolve) => setTimeout(resolve, SETTLE_SECONDS * 1000));
      const colours = await untilDrawn(screen, DESKTOP_SECONDS);
      mkdirSync(dirname(values.picture), { recursive: true });
      await screen.picture(values.picture);
      say(`${values.picture}: ${colours} colours`);
    }
    process.stdout.write(await askShell(screen, 'systemctl is-system-running; systemd-analyze time; free -m; df -h / /memory/data'));
  } finally {
    await screen.cut();
  }
}
process.exitCode = size <= most ? 0 : 1;
