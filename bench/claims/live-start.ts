// Claims: from the medium found to the root's own init at least 2x sooner than with Debian's live-boot on the same content, and less memory used
// by what holds the system up. "Found" is when the kernel has the medium's device, "entered" the first words of the system's init in the kernel's
// log: both are kernel time, the same lines on both sides. Memory: what is not available at the end of the boot, the same services running.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLONE, mustRun } from '../../test/world/index.ts';
import { CODEC, type LivePeer, livePeer, pipeIso } from '../live-world.ts';
import { median } from '../measure.ts';
import { KINDLING, type Row, ratio } from '../table.ts';

interface Started {
  /** Seconds from the medium's device to the system's init. */
  readonly entered: number;
  /** MiB. */
  readonly used: number;
}

const FOUND = /\[\s*(\d+\.\d+)\] .*\[vda\] \d+ 512-byte logical blocks/;
const ENTERED = /\[\s*(\d+\.\d+)\] systemd\[1\]: /;
const MEMORY = '1024';

function stamp(text: string, pattern: RegExp, what: string): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`the console never said that ${what}:\n${text.slice(-2000)}`);
  return Number(found);
}

function started(peer: LivePeer, iso: string, archive: string, words: string): Started {
  const append = `console=ttyS0 loglevel=7 systemd.log_target=kmsg printk.devkmsg=on ${words}`;
  const args = ['boot', '--json', '--quiet', '-k', peer.vmlinuz, '-a', archive, '--disk', `file=${iso},ro`, '--memory', MEMORY];
  const ran = spawnSync(KINDLING, [...args, '--append', append, '--until', 'live-root-up', '--timeout', '600'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (ran.status !== 0) throw new Error(`kindling boot ${iso}: exit code ${ran.status}\n${ran.stderr}\n${ran.stdout.slice(-2000)}`);
  const { facts, console: log } = JSON.parse(ran.stdout) as { facts: Record<string, string>; console: string };
  const text = readFileSync(log, 'utf8');
  const used = (Number(facts['live.memory.MemTotal']) - Number(facts['live.memory.MemAvailable'])) / 1024;
  return { entered: stamp(text, ENTERED, 'systemd runs') - stamp(text, FOUND, 'the disk is there'), used };
}

/** Boots both in turn. */
export async function liveStart(scratch: string, rounds: number): Promise<Row[]> {
  const peer = await livePeer();
  const [ours, folder] = [join(scratch, 'start.iso'), join(scratch, 'start')];
  await mustRun(join(CLONE, 'bin/kindling'), ['live', 'iso', '--root', peer.tar, '-o', ours, ...CODEC.ours]);
  await mustRun(join(CLONE, 'bin/kindling'), ['extract', ours, '-C', folder, 'boot']);
  const theirs = await pipeIso(peer, scratch);
  const runs = { ours: [] as Started[], theirs: [] as Started[] };
  for (let round = 0; round < rounds; round++) {
    runs.ours.push(started(peer, ours, join(folder, 'boot/initrd.img'), ''));
    runs.theirs.push(started(peer, theirs, peer.archive, 'boot=live'));
  }
  const [entered, theirEntered] = [runs.ours, runs.theirs].map((all) => median(all.map((one) => one.entered)));
  const [used, theirUsed] = [runs.ours, runs.theirs].map((all) => median(all.map((one) => one.used)));
  return [
    {
      what: "medium found to the system's init",
      ours: `${entered!.toFixed(2)} s`,
      peer: 'live-boot',
      theirs: `${theirEntered!.toFixed(2)} s`,
      ratio: ratio(theirEntered! / entered!),
      target: 'at least 2x sooner',
    },
    {
      what: 'memory not available when the system is up',
      ours: `${used!.toFixed(0)} MiB`,
      peer: 'live-boot',
      theirs: `${theirUsed!.toFixed(0)} MiB`,
      ratio: `${(used! / theirUsed!).toFixed(2)}x`,
      target: 'less',
    },
  ];
}
