// Claim: `update -n` of a root in step takes under 0.3 s, and an update after one changed module is 50x faster than dracut making its image
// again: start of the program, judging, planning, writing, syncing and the record included. The page cache is warm for everybody: whoever
// changes a file and updates has just used the root. All work in one copy of the Debian root, whose module is replaced before each run.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Contestant, command, median, race } from '../measure.ts';
import { type Arena, dracut, mkinitramfs } from '../peers.ts';
import { KINDLING, type Row, ratio } from '../table.ts';

const CHECK_MOST = 0.3; // s
/** Files that are younger than this when a record is made are compared by their content, which is right and slow. */
const SETTLED = 2500; // ms

/** Replaces a module by one that says the same and has other bytes. */
function changeModule(root: string, version: string, nth: number): void {
  const path = join(root, 'usr/lib/modules', version, 'kernel/drivers/ata/ahci.ko');
  writeFileSync(`${path}.new`, Buffer.concat([readFileSync(path), Buffer.from(`change ${nth}`)]));
  renameSync(`${path}.new`, path);
}

/** Processor seconds of all children that have ended, theirs included. The kernel counts in hundredths. */
function processorSeconds(): number {
  const line = readFileSync('/proc/self/stat', 'latin1');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** The contestant, with what it used of the processors noted as well: a busy machine makes everybody wait, but not alike. */
function counted(contestant: Contestant, used: Map<string, number[]>): Contestant {
  return {
    ...contestant,
    async run() {
      const start = processorSeconds();
      await contestant.run();
      const all = used.get(contestant.name) ?? [];
      all.push(processorSeconds() - start);
      used.set(contestant.name, all);
    },
  };
}

/** Races the updates; rows for the table. */
export async function update(at: Arena, rounds: number): Promise<Row[]> {
  const root = join(at.out, 'root');
  await command(['cp', '-a', '--reflink=auto', at.root, root], at.log);
  const own: Arena = { ...at, root };
  const run = (...words: string[]): Promise<void> => command([KINDLING, 'update', '--quiet', '-R', root, ...words], at.log);
  await sleep(SETTLED);
  await run();

  const used = new Map<string, number[]>();
  const checks = await race([counted({ name: 'check', run: () => run('-n') }, used)], rounds, false);
  let count = 0;
  const changed = (): void => {
    count += 1;
    changeModule(root, at.version, count);
  };
  const contestants: Contestant[] = [
    { name: 'kindling', before: changed, run: () => run() },
    { name: 'initramfs-tools', before: changed, run: () => mkinitramfs(own, 'again-initramfs-tools.img') },
    { name: 'dracut', before: changed, run: () => dracut(own, 'again-dracut.img') },
  ];
  const times = await race(
    contestants.map((one) => counted(one, used)),
    rounds,
    false,
  );
  const processor = (name: string): number => median(used.get(name)!);
  const seconds = (name: string): number => median((times.get(name) ?? checks.get(name))!);
  const row = (peer: string, target: string, of: (name: string) => number, what: string): Row => ({
    what: `update after one changed module${what}`,
    ours: `${of('kindling').toFixed(2)} s`,
    peer,
    theirs: `${of(peer).toFixed(2)} s`,
    ratio: ratio(of(peer) / of('kindling')),
    target,
  });
  const bound = (of: (name: string) => number, what: string): Row => ({
    what: `\`update -n\`, in step${what}`,
    ours: `${of('check').toFixed(2)} s`,
    peer: 'the bound',
    theirs: `${CHECK_MOST.toFixed(2)} s`,
    ratio: ratio(CHECK_MOST / of('check')),
    target: 'at least 1x',
  });
  const busy = ', processor time';
  return [
    bound(seconds, ''),
    bound(processor, busy),
    row('dracut', '50x faster', seconds, ''),
    row('dracut', '50x less', processor, busy),
    row('initramfs-tools', 'faster', seconds, ''),
    row('initramfs-tools', 'less', processor, busy),
  ];
}
