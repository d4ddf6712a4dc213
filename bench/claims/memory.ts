// Claims: generic squash reaches the root's init 3x / 6x sooner than initramfs-tools' / dracut's image, within 1.10x of plain; the kernel
// unpacks it in less time than plain; it boots in 128 MiB; nothing is left after the switch. While the archive runs it leaves 15 MB more
// memory free with 4 KiB pages and 35 MB more with 64 KiB pages (the claims of dracut's own squash module).
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LABEL, rootDisk } from '../images.ts';
import { command, median } from '../measure.ts';
import { type Arena, dracutSquash } from '../peers.ts';
import { type Booted, kernelTimes, PICTURE } from '../phases.ts';
import { type Chart, figure } from '../plot.ts';
import { bootLargePages, hasLargePages, powerWorld } from '../powerpc.ts';
import { KINDLING, type Row, ratio } from '../table.ts';

/** What the claim found: rows of the one table, all contestants side by side, and the memory picture as SVG. */
export interface MemoryFound {
  readonly rows: readonly Row[];
  readonly contestants: string;
  readonly picture: string;
}

const NAMES = ['plain', 'squash', 'initramfs-tools', 'dracut', 'dracut-squash', 'dracut, kindling squash'] as const;
type Name = (typeof NAMES)[number];

type Many = ReadonlyMap<string, readonly Booted[]>;

async function makeImages(at: Arena): Promise<Record<Name, string>> {
  const image = (name: string): string => join(at.out, `${name}.img`);
  const build = (layout: string): Promise<void> =>
    command([KINDLING, 'build', '--quiet', '--root', at.root, '--layout', layout, '-o', image(layout)], at.log);
  await build('plain');
  await build('squash');
  await dracutSquash(at, 'dracut-squash.img');
  await command([KINDLING, 'squash', '--quiet', '--root', at.root, image('dracut'), '-o', image('dracut-kindling')], at.log);
  return {
    plain: image('plain'),
    squash: image('squash'),
    'initramfs-tools': image('initramfs-tools'),
    dracut: image('dracut'),
    'dracut-squash': image('dracut-squash'),
    'dracut, kindling squash': image('dracut-kindling'),
  };
}

function words(at: Arena, image: string, disk: string): string[] {
  const machine = ['boot', '--json', '--quiet', '-k', at.vmlinuz, '-a', image, '--disk', disk];
  return [...machine, '--append', `root=LABEL=${LABEL} ro init=/sbin/probe-init`, '--until', 'fact:probe.done', '--timeout', '300'];
}

function json(arguments_: readonly string[]): Record<string, unknown> {
  const ran = spawnSync(KINDLING, arguments_, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (ran.status !== 0)
    throw new Error(`kindling ${arguments_.join(' ')}: exit code ${ran.status}\n${ran.stderr}\n${ran.stdout.slice(-2000)}`);
  return JSON.parse(ran.stdout);
}

interface Proof {
  readonly phases: readonly { name: string; free?: number; uptime?: number }[];
  readonly facts: Record<string, string>;
  readonly memory: { least: number };
}

function boot(at: Arena, image: string, disk: string): Booted {
  const console = join(at.out, 'console');
  const proof = json([...words(at, image, disk), '--console', console]) as unknown as Proof;
  return {
    phases: new Map(proof.phases.map(({ name, free, uptime }) => [name, { free: (free ?? 0) / 1024, uptime: uptime ?? 0 }])),
    ...kernelTimes(readFileSync(console, 'utf8')),
    rootInit: Number(proof.facts['probe.uptime']),
    peak: proof.memory.least / 1024,
    available: Number(proof.facts['probe.memory.available']) / 1024,
  };
}

function leastMemory(at: Arena, image: string, disk: string): number {
  return (json([...words(at, image, disk), '--min-memory']).minMemory as { measured: number }).measured;
}

function interleaved(names: readonly string[], rounds: number, one: (name: string) => Booted): Many {
  const found = new Map<string, Booted[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) for (const name of names) found.get(name)!.push(one(name));
  return found;
}

function middle(many: Many, name: string, value: (one: Booted) => number): number {
  return median(many.get(name)!.map(value));
}

const freeAt =
  (phase: string) =>
  (one: Booted): number =>
    one.phases.get(phase)!.free;

function chart(title: string, many: Many): Chart {
  const lines = ['squash', 'plain'].map((name) => ({
    name,
    values: PICTURE.map((phase) => (many.get(name)!.every((one) => one.phases.has(phase)) ? middle(many, name, freeAt(phase)) : undefined)),
  }));
  // plain first: it is what squash is compared with
  return { title, unit: 'MiB', categories: PICTURE, series: lines.reverse(), rule: { before: 'init', text: 'the switch' } };
}

/** Rows about one machine's plain and squash: time, what is free while the archive runs and after it. */
function pairRows(many: Many, pages: string, target: number): Row[] {
  const row = (what: string, value: (one: Booted) => number, unit: string, against: string, target: string): Row => {
    const ours = middle(many, 'squash', value);
    const theirs = middle(many, 'plain', value);
    const digits = unit === 's' ? 2 : 1;
    const shown = against === 'more' ? `${(ours - theirs).toFixed(1)} MiB more` : ratio(against === 'time' ? theirs / ours : ours / theirs);
    return {
      what,
      ours: `${ours.toFixed(digits)} ${unit}`,
      peer: 'plain',
      theirs: `${theirs.toFixed(digits)} ${unit}`,
      ratio: shown,
      target,
    };
  };
  return [
    row(`kernel unpacks the archive, squash, ${pages} pages`, (one) => one.unpacked, 's', 'time', 'less than plain'),
    row(`archive's init starts, squash, ${pages} pages`, (one) => one.initStarts, 's', 'time', 'sooner than plain'),
    row(`kernel start to the root's init, squash, ${pages} pages`, (one) => one.rootInit, 's', 'time', 'at least 0.91x (within 1.10x)'),
    row(`free when the archive's init runs, squash, ${pages} pages`, freeAt('early'), 'MiB', 'more', `${target} MB more`),
    row(`free just before the switch, squash, ${pages} pages`, freeAt('switch'), 'MiB', 'more', 'more'),
    row(`free after the switch, squash, ${pages} pages`, freeAt('released'), 'MiB', 'ratio', '1.00x: nothing left'),
  ];
}

/** Boots everything in turn, searches the least memory of each, draws the picture. Needs the peers' images of the build claim. */
export async function memory(at: Arena, rounds: number): Promise<MemoryFound> {
  const disk = await rootDisk();
  const images = await makeImages(at);
  const many = interleaved(NAMES, rounds, (name) => boot(at, images[name as Name], disk));
  const least = new Map(NAMES.map((name) => [name, leastMemory(at, images[name], disk)]));
  const compared = (what: string, ours: Name, theirs: Name, value: (one: Booted) => number, target: string): Row => ({
    what: `${what}, ${ours}`,
    ours: `${middle(many, ours, value).toFixed(2)} s`,
    peer: theirs,
    theirs: `${middle(many, theirs, value).toFixed(2)} s`,
    ratio: ratio(middle(many, theirs, value) / middle(many, ours, value)),
    target,
  });
  const smallest = (ours: Name, theirs: Name, target: string): Row => ({
    what: `least RAM that boots, ${ours}`,
    ours: `${least.get(ours)} MiB`,
    peer: theirs,
    theirs: `${least.get(theirs)} MiB`,
    ratio: ratio(least.get(theirs)! / least.get(ours)!),
    target,
  });
  const rows = [
    compared("kernel start to the root's init", 'squash', 'initramfs-tools', (one) => one.rootInit, '3x sooner'),
    compared("kernel start to the root's init", 'squash', 'dracut', (one) => one.rootInit, '6x sooner'),
    compared("kernel start to the root's init", 'squash', 'dracut-squash', (one) => one.rootInit, 'sooner'),
    compared("kernel start to the root's init", 'dracut, kindling squash', 'dracut-squash', (one) => one.rootInit, 'not later'),
    smallest('squash', 'plain', '128 MiB or less'),
    smallest('squash', 'dracut-squash', 'less'),
    smallest('dracut, kindling squash', 'dracut', 'less'),
    smallest('dracut, kindling squash', 'dracut-squash', 'not more'),
    ...pairRows(many, '4 KiB', 15),
  ];
  const charts = [chart('Free memory, 4 KiB pages (x86-64, 512 MiB)', many)];
  if (hasLargePages()) {
    const world = await powerWorld(at);
    const large = interleaved(['plain', 'squash'], Math.min(rounds, 3), (name) =>
      bootLargePages(at, world, world[name as 'plain' | 'squash']),
    );
    rows.push(...pairRows(large, '64 KiB', 35));
    charts.push(chart('Free memory, 64 KiB pages (powerpc64le, 1024 MiB)', large));
  } else console.log('no qemu-system-ppc64: 64 KiB pages are not measured');
  return { rows, contestants: contestants(many, images, least), picture: figure(charts) };
}

/** All contestants of the 4 KiB machine side by side, as Markdown. */
function contestants(many: Many, images: Record<Name, string>, least: ReadonlyMap<Name, number>): string {
  const head = "| image | size | unpacked in | its init starts at | root's init at | least RAM | touched at most | available after |\n";
  const line = (name: Name): string => {
    const of = (value: (one: Booted) => number, digits: number): string => middle(many, name, value).toFixed(digits);
    const size = (statSync(images[name]).size / 1e6).toFixed(1);
    const times = `${of((one) => one.unpacked, 2)} s | ${of((one) => one.initStarts, 2)} s | ${of((one) => one.rootInit, 2)} s`;
    const memory = `${least.get(name)} MiB | ${of((one) => one.peak ?? 0, 0)} MiB | ${of((one) => one.available, 1)} MiB`;
    return `| ${name} | ${size} MB | ${times} | ${memory} |\n`;
  };
  return `${head}|---|---|---|---|---|---|---|---|\n${NAMES.map(line).join('')}`;
}
