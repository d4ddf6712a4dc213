// Claims: a root directory becomes a finished ISO image that boots on BIOS and UEFI no slower than by mksquashfs and grub-mkrescue with the same
// codec, and after a small change 5x sooner. Both sides start from the same folder and its kernel; the peer's boot archive is there already,
// ours is made in the measured time. The peer leaves out `boot`, we leave out the peer's archive in it. "Cold" is an empty cache of bundles and
// blocks; the files are in the page cache for both. The root rested before: of what changed within the last second no time is believed.
// Two roots: the small one of the tests, where starting and planning count, and the desktop that `npm run live` makes.
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { linkTree } from '../../test/world/index.ts';
import { CODEC, desktopFolder, type LivePeer, livePeer, peerMedium, pipeCommand } from '../live-world.ts';
import { type Contestant, command, median, race } from '../measure.ts';
import { KINDLING, type Row, ratio } from '../table.ts';

const MOST_COLD = 1;
const REST = 3000; // ms
const LEAST_CHANGED = 5;

/** Runs the races in a scratch folder. */
export async function liveMake(scratch: string, log: string, rounds: number): Promise<Row[]> {
  const peer = await livePeer();
  const small = await raceOf('small root', peer.folder, peer, { scratch, log, rounds });
  return [...small, ...(await raceOf('desktop', await desktopFolder(), peer, { scratch, log, rounds }))];
}

interface Track {
  readonly scratch: string;
  readonly log: string;
  readonly rounds: number;
}

async function raceOf(name: string, folder: string, peer: LivePeer, { scratch, log, rounds }: Track): Promise<Row[]> {
  const [root, medium, cache] = [join(scratch, 'root'), join(scratch, 'medium'), join(scratch, 'cache')];
  const [ours, theirs] = [join(scratch, 'ours.iso'), join(scratch, 'theirs.iso')];
  rmSync(root, { recursive: true, force: true });
  linkTree(folder, root);
  const changed = join(root, 'etc/motd');
  let count = 0;
  const change = (): void => {
    rmSync(changed, { force: true });
    writeFileSync(changed, `change ${count++}\n`);
  };
  const words = [
    KINDLING,
    'live',
    'iso',
    '--quiet',
    '--all-root',
    '--root',
    root,
    '-o',
    ours,
    ...CODEC.ours,
    '--exclude',
    'boot/live-boot.img',
  ];
  const kindling = (state: 'cold' | 'changed'): Contestant => ({
    name: state,
    run: () => command(words, log, { XDG_CACHE_HOME: cache }),
    before: () => {
      if (state === 'cold') rmSync(cache, { recursive: true, force: true });
      else change();
      mkdirSync(cache, { recursive: true });
      rmSync(ours, { force: true });
    },
  });
  const pipe: Contestant = {
    name: 'pipe',
    run: () => command(pipeCommand(root, medium, theirs), log),
    before: () => {
      peerMedium(peer, medium);
      rmSync(theirs, { force: true });
    },
  };
  await sleep(REST);
  const times = await race([kindling('cold'), pipe, kindling('changed')], rounds, false);
  const seconds = (contestant: string): number => median(times.get(contestant)!);
  const row = (what: string, state: string, target: string): Row => ({
    what,
    ours: `${seconds(state).toFixed(2)} s`,
    peer: 'mksquashfs, grub-mkrescue',
    theirs: `${seconds('pipe').toFixed(2)} s`,
    ratio: ratio(seconds('pipe') / seconds(state)),
    target,
  });
  const [size, theirSize] = [ours, theirs].map((path) => statSync(path).size / 1e6);
  return [
    row(`${name}: directory to ISO image, zstd:9, cold`, 'cold', `at least ${MOST_COLD}x as fast`),
    row(`${name}: after one file changed`, 'changed', `at least ${LEAST_CHANGED}x`),
    {
      what: `${name}: size of the image`,
      ours: `${size!.toFixed(1)} MB`,
      peer: 'mksquashfs, grub-mkrescue',
      theirs: `${theirSize!.toFixed(1)} MB`,
      ratio: `${(size! / theirSize!).toFixed(3)}x`,
      target: 'reported',
    },
  ];
}
