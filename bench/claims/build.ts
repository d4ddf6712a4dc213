// Claim: a generic archive is built 20x faster than dracut's and 15x faster than initramfs-tools', cold, each with its defaults; image not
// larger. At zstd:9 4x faster than initramfs-tools, at zstd:15 2.5x faster than dracut at the same level.
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Contestant, command, median, peakMemory, race } from '../measure.ts';
import { type Arena, dracut, mkinitramfs } from '../peers.ts';
import { KINDLING, type Row, ratio } from '../table.ts';

function kindling(at: Arena, name: string, codec: string): Contestant {
  const file = join(at.out, name);
  return {
    name,
    run: () => command([KINDLING, 'build', '--quiet', '--root', at.root, '-o', file, '--codec', codec], at.log),
    before: () => rmSync(file, { force: true }),
  };
}

function sizeOf(at: Arena, name: string): number {
  return statSync(join(at.out, name)).size;
}

/** Races the builds; rows for the table. */
export async function build(at: Arena, rounds: number, cold: boolean): Promise<Row[]> {
  const names = { fast: 'kindling-zstd3.img', nine: 'kindling-zstd9.img', fifteen: 'kindling-zstd15.img' };
  const peers = { tools: 'initramfs-tools.img', dracut: 'dracut.img', dracut15: 'dracut-zstd15.img' };
  const contestants: Contestant[] = [
    kindling(at, names.fast, 'zstd:3'),
    kindling(at, names.nine, 'zstd:9'),
    kindling(at, names.fifteen, 'zstd:15'),
    { name: peers.tools, run: () => mkinitramfs(at, peers.tools) },
    { name: peers.dracut, run: () => dracut(at, peers.dracut) },
    { name: peers.dracut15, run: () => dracut(at, peers.dracut15, 'zstd -15 -q -T0') },
  ];
  const times = await race(contestants, rounds, cold);
  const seconds = (name: string): number => median(times.get(name)!);
  const row = (what: string, ours: string, peer: string, theirs: string, target: number): Row => ({
    what,
    ours: `${seconds(ours).toFixed(2)} s, ${(sizeOf(at, ours) / 1e6).toFixed(1)} MB`,
    peer,
    theirs: `${seconds(theirs).toFixed(2)} s, ${(sizeOf(at, theirs) / 1e6).toFixed(1)} MB`,
    ratio: ratio(seconds(theirs) / seconds(ours)),
    target: `${target}x faster`,
  });
  const state = cold ? 'cold' : 'warm';
  const peak = await peakMemory([KINDLING, 'build', '--quiet', '--root', at.root, '-o', join(at.out, names.fast)]);
  return [
    row(`build, defaults, ${state}`, names.fast, 'dracut', peers.dracut, 20),
    row(`build, defaults, ${state}`, names.fast, 'initramfs-tools', peers.tools, 15),
    row(`build at zstd:9, ${state}`, names.nine, 'initramfs-tools', peers.tools, 4),
    row(`build at zstd:15, ${state}`, names.fifteen, 'dracut', peers.dracut15, 2.5),
    {
      what: 'peak memory of a build',
      ours: `${(peak / 1e6).toFixed(0)} MB`,
      peer: 'the bound',
      theirs: '300 MB',
      ratio: ratio(300e6 / peak),
      target: 'at least 1x',
    },
  ];
}
