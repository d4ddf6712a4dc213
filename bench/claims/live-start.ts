// Claims: from the medium found to the root's own init at least 2x sooner than with Debian's live-boot on the same content, and less memory used
// by what holds the system up. Same root, kernel, codec and block size, one squashfs image each, the same services running.
//
// "Found" is when the kernel has the medium's device, "entered" when it executes /sbin/init, of which a kernel with TOMOYO makes a note: both are
// kernel time, the same lines on both sides. What init does then is the system's own. (Up to init's first words live-boot's side takes a minute more
// under emulation: samples of the processor show it clearing pages for what is read, one instruction that QEMU is slow at. No machine does that.)
//
// Memory: what is in use when nothing more happens and the caches are dropped (bench/live-boot/overlay). Programs, kernel and drivers of the
// machine are the same on both sides, so the difference is that of what holds the system up.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLONE, mustRun } from '../../test/world/index.ts';
import { CODEC, type LivePeer, livePeer, peerDisc } from '../live-world.ts';
import { median } from '../measure.ts';
import { KINDLING, type Row, ratio } from '../table.ts';

interface Started {
  /** Seconds from the medium's device to the system's init. */
  readonly entered: number;
  /** MiB in use. */
  readonly used: number;
  /** MiB of it that are files in memory: of the system's own programs too, such as its journal. */
  readonly files: number;
}

interface Contestant {
  readonly iso: string;
  readonly archive: string;
  readonly words: string;
  readonly runs: Started[];
}

const FOUND = /\[\s*(\d+\.\d+)\] .*\[vda\] \d+ 512-byte logical blocks/;
const ENTERED = /\[\s*(\d+\.\d+)\] Not activating Mandatory Access Control as/;
const MEMORY = '1024';
const MIB = 1024;

function stamp(text: string, pattern: RegExp, what: string): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`the console never said that ${what}:\n${text.slice(-2000)}`);
  return Number(found);
}

function started(peer: LivePeer, { iso, archive, words }: Contestant): Started {
  const append = `console=ttyS0 loglevel=7 ${words}`;
  const args = ['boot', '--json', '--quiet', '-k', peer.vmlinuz, '-a', archive, '--disk', `file=${iso},ro`, '--memory', MEMORY];
  const ran = spawnSync(KINDLING, [...args, '--append', append, '--until', 'live-root-up', '--timeout', '600'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (ran.status !== 0) throw new Error(`kindling boot ${iso}: exit code ${ran.status}\n${ran.stderr}\n${ran.stdout.slice(-2000)}`);
  const { facts, console: log } = JSON.parse(ran.stdout) as { facts: Record<string, string>; console: string };
  const text = readFileSync(log, 'utf8');
  const settled = (name: string): number => {
    const value = Number(facts[`settled.${name}`]);
    if (!(value > 0)) throw new Error(`the system of ${iso} did not tell ${name}`);
    return value / MIB;
  };
  return {
    entered: stamp(text, ENTERED, 'init was executed') - stamp(text, FOUND, 'the disk is there'),
    used: settled('MemTotal') - settled('MemFree'),
    files: settled('Shmem'),
  };
}

async function contestant(peer: LivePeer, scratch: string, name: string, words: readonly string[]): Promise<Contestant> {
  const [iso, folder] = [join(scratch, `${name}.iso`), join(scratch, name)];
  await mustRun(join(CLONE, 'bin/kindling'), ['live', 'iso', '--root', peer.tar, '-o', iso, ...words, ...CODEC.ours]);
  await mustRun(join(CLONE, 'bin/kindling'), ['extract', iso, '-C', folder, 'boot']);
  return { iso, archive: join(folder, 'boot/initrd.img'), words: '', runs: [] };
}

/** Boots all in turn. */
export async function liveStart(scratch: string, rounds: number): Promise<Row[]> {
  const peer = await livePeer();
  const one = await contestant(peer, scratch, 'start-one', ['--one-bundle']);
  const two = await contestant(peer, scratch, 'start-two', []);
  const theirs: Contestant = { iso: await peerDisc(peer, scratch), archive: peer.archive, words: 'boot=live components', runs: [] };
  for (let round = 0; round < rounds; round++) {
    for (const each of [one, two, theirs]) each.runs.push(started(peer, each));
  }
  const middle = (of: Contestant, key: keyof Started): number => median(of.runs.map((run) => run[key]));
  const memory = (what: string, ours: Contestant, key: 'used' | 'files', target: string): Row => {
    const [mine, other] = [middle(ours, key), middle(theirs, key)];
    return {
      what,
      ours: `${mine.toFixed(1)} MiB`,
      peer: 'live-boot',
      theirs: `${other.toFixed(1)} MiB`,
      ratio: ratio(mine / other),
      target,
    };
  };
  const entered = middle(two, 'entered');
  return [
    {
      what: "medium found to the root's init",
      ours: `${entered.toFixed(2)} s`,
      peer: 'live-boot',
      theirs: `${middle(theirs, 'entered').toFixed(2)} s`,
      ratio: ratio(middle(theirs, 'entered') / entered),
      target: 'at least 2x sooner',
    },
    memory('memory in use when the system is up', one, 'used', 'less'),
    memory('... with a bundle of its own for the modules', two, 'used', ''),
    memory('of it files in memory', one, 'files', ''),
  ];
}
