// Claim: the check at boot costs at most 150 ms under emulation when the archive is in step: ten boots with it and ten without, in turn, of
// one generic archive of the Debian root from one disk. What is compared is the uptime when the root's init runs; the time from the mount to the
// switch, where the check is, is given besides, because the rest of a boot varies by more than that.
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checked } from '../../test/boots/check-world.ts';
import { LABEL } from '../../test/boots/early-world.ts';
import { linkTree, once, probeRoot } from '../../test/world/index.ts';
import { median } from '../measure.ts';
import type { Arena } from '../peers.ts';
import { KINDLING, type Row } from '../table.ts';

interface Booted {
  /** Seconds of kernel time when the root's init ran. */
  readonly uptime: number;
  /** Seconds from the mount of the root to the switch. */
  readonly between: number;
  readonly check: string | undefined;
}

const MOST = 0.15; // s

/** The Debian root with an init that says when it runs. */
async function debianWithProbe(at: Arena): Promise<string> {
  const probe = await probeRoot('amd64');
  return once(`check-debian-${at.root.split('/').at(-2)}-${probe.split('-').at(-1)}`, (scratch) => {
    linkTree(at.root, scratch);
    const init = join(scratch, 'usr/sbin/probe-init');
    rmSync(init, { force: true });
    copyFileSync(join(probe, 'usr/sbin/probe-init'), init);
  });
}

function boot(at: Arena, archive: string, disk: string, word: string): Booted {
  const append = `root=LABEL=${LABEL} ro init=/sbin/probe-init quiet kindling.check=${word}`;
  const words = ['boot', '--json', '--quiet', '-k', at.vmlinuz, '-a', archive, '--disk', disk, '--append', append];
  const ran = spawnSync(KINDLING, [...words, '--until', 'fact:probe.uptime', '--timeout', '300'], { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (ran.status !== 0) throw new Error(`kindling ${words.join(' ')}: exit code ${ran.status}\n${ran.stderr}\n${ran.stdout.slice(-2000)}`);
  const proof: { facts: Record<string, string>; phases: { name: string; uptime: number }[] } = JSON.parse(ran.stdout);
  const phase = (name: string): number => proof.phases.find((one) => one.name === name)?.uptime ?? Number.NaN;
  return { uptime: Number(proof.facts['probe.uptime']), between: phase('switch') - phase('mount'), check: proof.facts.check };
}

/** Boots in turn; rows for the table. */
export async function check(at: Arena, rounds: number): Promise<Row[]> {
  const { archive, disk, inputs } = await checked({ root: await debianWithProbe(at), check: 'warn' });
  const results: Record<'warn' | 'off', Booted[]> = { warn: [], off: [] };
  for (let round = 0; round < rounds; round++) {
    for (const word of ['off', 'warn'] as const) {
      const one = boot(at, archive, disk, word);
      const expected = word === 'off' ? undefined : `in-step ${inputs.length} files`;
      if (one.check !== expected) throw new Error(`the check said ${one.check}, expected ${expected}`);
      results[word].push(one);
    }
  }
  const row = (what: string, value: (one: Booted) => number): Row => {
    const [ours, theirs] = [median(results.warn.map(value)), median(results.off.map(value))];
    return {
      what: `${what}, ${inputs.length} files in step`,
      ours: `${ours.toFixed(2)} s`,
      peer: 'off',
      theirs: `${theirs.toFixed(2)} s`,
      ratio: `${Math.round((ours - theirs) * 1000)} ms more`,
      target: `at most ${MOST * 1000} ms more`,
    };
  };
  return [row("kernel start to the root's init", (one) => one.uptime), row("the root's mount to the switch", (one) => one.between)];
}
