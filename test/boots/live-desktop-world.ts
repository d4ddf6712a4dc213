// Live systems made from the recipes: their images, and a machine with a screen that boots one by its own firmware and GRUB, listened to on
// the serial console and looked at through QEMU's monitor.
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLONE, mustRun } from '../world/index.ts';
import { recipeTar } from '../world/live-root.ts';
import { openQmp } from './qmp.ts';
import { start, type Talk } from './talk.ts';

/** The systems there are recipes for. */
export const LIVE_SYSTEMS = {
  console: { title: 'Debian console', most: 120e6, memory: 512 },
  desktop: { title: 'Debian desktop', most: 250e6, memory: 1536 },
} as const;
export type LiveSystem = keyof typeof LIVE_SYSTEMS;

const CONSOLE = { label: 'live-console', folders: [join(CLONE, 'recipes/live/console')] };
const KINDLING = join(CLONE, 'bin/kindling');

/** The root of a system, made by mmdebstrap once; the desktop's on top of the console's. */
export async function liveTar(system: LiveSystem): Promise<string> {
  if (system === 'console') return await recipeTar(CONSOLE.label, CONSOLE.folders);
  return await recipeTar('live-desktop', [join(CLONE, 'recipes/live/desktop')], CONSOLE);
}

/**
 * Writes the ISO image of a system with such bundles (words of `--codec` and `--block`): the console's, and for the desktop one more, which is
 * the difference of the two roots. Bundles that were made before are taken again. Answers its size.
 */
export async function liveIso(system: LiveSystem, iso: string, packing: readonly string[] = []): Promise<number> {
  const root = await liveTar('console');
  const folder = mkdtempSync(join(tmpdir(), 'kindling-bundle-'));
  try {
    const more: string[] = [];
    if (system === 'desktop') {
      const bundle = join(folder, '03-desktop.sb');
      await mustRun(KINDLING, ['bundle', 'make', await liveTar('desktop'), '--over', root, '-o', bundle, ...packing]);
      more.push('--bundle', bundle);
    }
    const title = ['--title', LIVE_SYSTEMS[system].title, '--label', `KINDLING_${system.toUpperCase()}`];
    await mustRun(KINDLING, ['live', 'iso', '--root', root, '-o', iso, ...title, ...more, ...packing]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return statSync(iso).size;
}

/** A running machine with a screen. */
export interface Screen {
  readonly talk: Talk;
  /** Writes what is on the screen as PNG. */
  picture(file: string): Promise<void>;
  /** How many colours are on the screen. */
  colours(): Promise<number>;
  cut(): Promise<void>;
}

/** Starts a machine whose only medium is the image, in a CD drive. */
export async function bootScreen(iso: string, memory: number, processors = 2): Promise<Screen> {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-screen-'));
  const [socket, shot] = [join(folder, 'monitor'), join(folder, 'shot.ppm')];
  const talk = start([
    ...[
      'qemu-system-x86_64',
      '-nodefaults',
      '-no-user-config',
      '-no-reboot',
      '-display',
      'none',
      '-machine',
      'q35,accel=tcg',
      '-cpu',
      'max',
    ],
    ...['-m', String(memory), '-smp', String(processors), '-device', 'VGA,edid=on,xres=1024,yres=768', '-device', 'virtio-tablet-pci'],
    ...['-chardev', 'stdio,id=console,signal=off', '-device', 'isa-serial,chardev=console', '-qmp', `unix:${socket},server=on,wait=off`],
    ...['-drive', `if=none,id=cd,file=${iso.replaceAll(',', ',,')},format=raw,read-only=on`, '-device', 'ide-cd,drive=cd,bootindex=0'],
  ]);
  const qmp = await openQmp(socket);
  return {
    talk,
    async picture(file) {
      await qmp.execute('screendump', { filename: file, format: 'png' });
    },
    async colours() {
      await qmp.execute('screendump', { filename: shot });
      const bytes = readFileSync(shot);
      const pixels = bytes.subarray(bytes.indexOf('255\n') + 4);
      const seen = new Set<number>();
      for (let at = 0; at + 2 < pixels.length; at += 3) seen.add((pixels[at]! << 16) | (pixels[at + 1]! << 8) | pixels[at + 2]!);
      return seen.size;
    },
    async cut() {
      qmp.close();
      await talk.cut();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const PROMPT = /root@kindling:\S*# /;

/** Waits for root's shell on the serial console, and answers the seconds it took. */
export async function untilShell({ talk }: Screen, seconds: number): Promise<number> {
  await talk.expect(PROMPT, seconds);
  return talk.seconds();
}

/** Asks the shell on the serial console. */
export async function askShell({ talk }: Screen, command: string, seconds = 120): Promise<string> {
  return await talk.ask(command, PROMPT, seconds);
}

const PERSON = [
  'HOME=/home/live USER=live DISPLAY=:0 XAUTHORITY=/home/live/.Xauthority',
  'XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus',
].join(' ');
const X11 = 'DISPLAY=:0 XAUTHORITY=$(ls /tmp/serverauth.* /home/live/.Xauthority 2>/dev/null | tail -n 1)';

/** Waits until the X server shows windows of all these. Answers the seconds since the machine was started. */
export async function untilWindows(screen: Screen, names: readonly string[], seconds: number): Promise<number> {
  const until = screen.talk.seconds() + seconds;
  // what is asked for is not to be found in the question's own echo
  const asked = names.map((name) => `[${name[0]}]${name.slice(1)}`).join('|');
  for (;;) {
    const windows = await askShell(screen, `${X11} xwininfo -root -tree 2>&1 | grep -E '${asked}'`);
    if (names.every((name) => windows.includes(name))) return screen.talk.seconds();
    if (screen.talk.seconds() > until) throw new Error(`no ${names.join(' and ')} within ${seconds} s; the X server shows:\n${windows}`);
    await new Promise((resolve) => setTimeout(resolve, 3000));
  }
}

/** Waits until the X server shows the panel and the desktop. Answers the seconds since the machine was started. */
export async function untilDesktop(screen: Screen, seconds: number): Promise<number> {
  return await untilWindows(screen, ['xfce4-panel', 'xfdesktop'], seconds);
}

// a console, or a screen that is not drawn yet, has some; a wallpaper, icons and a panel have many
const COLOURS_LEAST = 256;

/** Waits until that is drawn, at most so many seconds. Answers the number of colours, or throws. */
export async function untilDrawn(screen: Screen, seconds: number): Promise<number> {
  const until = screen.talk.seconds() + seconds;
  for (;;) {
    const colours = await screen.colours();
    if (colours >= COLOURS_LEAST) return colours;
    if (screen.talk.seconds() > until) throw new Error(`the screen has ${colours} colours after ${seconds} s, fewer than ${COLOURS_LEAST}`);
    await new Promise((resolve) => setTimeout(resolve, 3000));
  }
}

const TELLING = ['uname -sr', 'df -h / /memory/data', 'ls -lh /memory/data/kindling', 'findmnt -nro SOURCE,TARGET -t squashfs'];

/** Opens the file manager on the bundles and a terminal that tells where the system is. */
export async function openWindows(screen: Screen, seconds: number): Promise<void> {
  const shell = [
    'show() { printf \'\\033[1;32mlive@kindling\\033[0m:\\033[1;34m~\\033[0m$ %s\\n\' "$1"; eval "$1"; }',
    '. ~/.bashrc',
    ...TELLING.map((command) => `show '${command}'`),
  ].join('\n');
  await askShell(screen, `echo ${Buffer.from(shell).toString('base64')} | base64 -d >/tmp/telling`);
  const where = '--geometry=78x18+30+350 --disable-server';
  await askShell(screen, `(cd /home/live && runuser -u live -- env ${PERSON} thunar /memory/data/kindling >/dev/null 2>&1 &)`);
  await askShell(
    screen,
    `(cd /home/live && runuser -u live -- env ${PERSON} xfce4-terminal ${where} -x bash --init-file /tmp/telling >/dev/null 2>&1 &)`,
  );
  await untilWindows(screen, ['kindling - Thunar', 'Terminal - '], seconds);
}
