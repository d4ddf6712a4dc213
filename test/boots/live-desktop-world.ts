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
  console: { recipes: ['console'], title: 'Debian console', most: 120e6, memory: 512 },
  desktop: { recipes: ['console', 'desktop'], title: 'Debian desktop', most: 250e6, memory: 1536 },
} as const;
export type LiveSystem = keyof typeof LIVE_SYSTEMS;

/** The root of a system, made by mmdebstrap once. */
export async function liveTar(system: LiveSystem): Promise<string> {
  const folders = LIVE_SYSTEMS[system].recipes.map((name) => join(CLONE, 'recipes/live', name));
  return await recipeTar(`live-${system}`, folders);
}

/** Writes the ISO image of a system. Bundles that were made before are taken again. Answers its size. */
export async function liveIso(system: LiveSystem, iso: string, words: readonly string[] = []): Promise<number> {
  const tar = await liveTar(system);
  const title = ['--title', LIVE_SYSTEMS[system].title, '--label', `KINDLING_${system.toUpperCase()}`];
  await mustRun(join(CLONE, 'bin/kindling'), ['live', 'iso', '--root', tar, '-o', iso, ...title, ...words]);
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

const WINDOWS = 'DISPLAY=:0 XAUTHORITY=$(ls /tmp/serverauth.* /home/live/.Xauthority 2>/dev/null | tail -n 1) xwininfo -root -tree';

/** Waits until the X server shows the panel's and the desktop's windows. Answers the seconds since the machine was started. */
export async function untilDesktop(screen: Screen, seconds: number): Promise<number> {
  const until = screen.talk.seconds() + seconds;
  for (;;) {
    const windows = await askShell(screen, `${WINDOWS} 2>&1 | grep -E '[x]fce4-panel|[x]fdesktop'`);
    if (windows.includes('xfce4-panel') && windows.includes('xfdesktop')) return screen.talk.seconds();
    if (screen.talk.seconds() > until) throw new Error(`no panel and desktop within ${seconds} s; the X server shows:\n${windows}`);
    await new Promise((resolve) => setTimeout(resolve, 5000));
  }
}
