// Claims: kernel start to the root's init, generic plain 2x / 3.5x sooner than with initramfs-tools' / dracut's image, host scope 3x / 6x,
// host within 1.15x of a bare archive. Least RAM within 1.1x of the law (floor + archive + unpacked); host scope in 128 MiB; nothing left
// allocated after the switch.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { bareImage, kindlingImages, LABEL, rootDisk } from '../images.ts';
import { median } from '../measure.ts';
import type { Arena } from '../peers.ts';
import { KINDLING, type Row, ratio } from '../table.ts';

interface Booted {
  /** Seconds of kernel time when the root's init ran. */
  readonly uptime: number;
  /** MiB available to the root's init when nothing of early userspace runs any more. */
  readonly available: number;
}

const READY = 'fact:probe.done';

function words(at: Arena, image: string, disk: string): string[] {
  const append = `root=LABEL=${LABEL} ro init=/sbin/probe-init quiet`;
  return [
    'boot',
    '--json',
    '--quiet',
    '-k',
    at.vmlinuz,
    '-a',
    image,
    '--disk',
    disk,
    '--append',
    append,
    '--until',
    READY,
    '--timeout',
    '180',
  ];
}

function json(arguments_: readonly string[]): Record<string, unknown> {
  const ran = spawnSync(KINDLING, arguments_, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (ran.status !== 0)
    throw new Error(`kindling ${arguments_.join(' ')}: exit code ${ran.status}\n${ran.stderr}\n${ran.stdout.slice(-2000)}`);
  return JSON.parse(ran.stdout);
}

function boot(at: Arena, image: string, disk: string): Booted {
  const facts = json(words(at, image, disk)).facts as Record<string, string>;
  return { uptime: Number(facts['probe.uptime']), available: Number(facts['probe.memory.available']) / 1024 };
}

function leastMemory(at: Arena, image: string, disk: string): number {
  return (json([...words(at, image, disk), '--min-memory']).minMemory as { measured: number }).measured;
}

const NAMES = ['generic', 'host', 'bare', 'initramfs-tools', 'dracut'] as const;
type Name = (typeof NAMES)[number];

/** Boots all images in turn, then searches the least memory of each; rows for the table. Needs the images of the build claim. */
export async function boots(at: Arena, rounds: number): Promise<Row[]> {
  const disk = await rootDisk();
  const images: Record<Name, string> = {
    ...(await kindlingImages(at)),
    bare: await bareImage(at),
    'initramfs-tools': join(at.out, 'initramfs-tools.img'),
    dracut: join(at.out, 'dracut.img'),
  };
  const results = new Map<Name, Booted[]>(NAMES.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) for (const name of NAMES) results.get(name)!.push(boot(at, images[name], disk));
  const least = new Map(NAMES.map((name) => [name, leastMemory(at, images[name], disk)]));
  const uptime = (name: Name): number => median(results.get(name)!.map((one) => one.uptime));
  const sooner = (ours: Name, theirs: Name, target: string): Row => ({
    what: `kernel start to the root's init, ${ours}`,
    ours: `${uptime(ours).toFixed(2)} s`,
    peer: theirs,
    theirs: `${uptime(theirs).toFixed(2)} s`,
    ratio: ratio(uptime(theirs) / uptime(ours)),
    target,
  });
  const memory = (name: Name, peer: Name, target: string): Row => ({
    what: `least RAM that boots, ${name} (root= given)`,
    ours: `${least.get(name)} MiB`,
    peer,
    theirs: `${least.get(peer)} MiB`,
    ratio: ratio(least.get(peer)! / least.get(name)!),
    target,
  });
  const available = (name: Name): number => median(results.get(name)!.map((one) => one.available));
  return [
    sooner('generic', 'initramfs-tools', '2x sooner'),
    sooner('generic', 'dracut', '3.5x sooner'),
    sooner('host', 'initramfs-tools', '3x sooner'),
    sooner('host', 'dracut', '6x sooner'),
    sooner('host', 'bare', 'at least 0.87x (within 1.15x of its time)'),
    memory('generic', 'initramfs-tools', `law: ${law(images.generic, least.get('generic')!)}`),
    memory('generic', 'dracut', 'less'),
    memory('host', 'bare', '128 MiB or less'),
    {
      what: 'available after the switch, generic',
      ours: `${available('generic').toFixed(1)} MiB`,
      peer: 'bare',
      theirs: `${available('bare').toFixed(1)} MiB`,
      ratio: ratio(available('generic') / available('bare')),
      target: '1.00x: nothing left',
    },
  ];
}

function law(image: string, measured: number): string {
  const forecast = json(['verify', '--json', image]).forecast as { leastMemory: number };
  const mib = forecast.leastMemory / (1 << 20);
  return `forecast ${mib.toFixed(0)} MiB (archive ${(statSync(image).size / (1 << 20)).toFixed(1)} MiB), measured ${(measured / mib).toFixed(2)}x of it, 1.1x allowed`;
}
