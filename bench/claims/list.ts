// Claim: listing a foreign zstd image is 2x faster than lsinitrd, an uncompressed one 10x; comparing two images 2x faster than unpacking
// both and running diff.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { command, median, race } from '../measure.ts';
import type { Arena } from '../peers.ts';
import { KINDLING, type Row, ratio } from '../table.ts';

/** Races the readers over the images that the build claim left behind. */
export async function list(at: Arena, rounds: number): Promise<Row[]> {
  const foreign = join(at.out, 'dracut-zstd15.img');
  const other = join(at.out, 'initramfs-tools.img');
  const plain = join(at.out, 'plain.img');
  // what is compressed in dracut's image, uncompressed: the same entries in one cpio
  await command(['sh', '-c', `zstd -dcqf "${foreign}" >"${plain}"`], at.log);
  const [left, right] = [join(at.out, 'left'), join(at.out, 'right')];
  const clean = (): void => {
    for (const folder of [left, right]) rmSync(folder, { recursive: true, force: true });
  };
  const unpack = (file: string, folder: string): string =>
    `mkdir "${folder}" && zstd -dcq "${file}" | (cd "${folder}" && cpio -idm --quiet)`;
  const times = await race(
    [
      { name: 'list', run: () => command([KINDLING, 'list', foreign], '/dev/null') },
      { name: 'lsinitrd', run: () => command(['lsinitrd', foreign], '/dev/null') },
      { name: 'list plain', run: () => command([KINDLING, 'list', plain], '/dev/null') },
      { name: 'lsinitrd plain', run: () => command(['lsinitrd', plain], '/dev/null') },
      { name: 'diff', run: () => command(['sh', '-c', `"${KINDLING}" diff "${foreign}" "${other}"; test $? = 1`], '/dev/null') },
      {
        name: 'unpack and diff',
        before: clean,
        run: () =>
          command(
            ['sh', '-c', `${unpack(foreign, left)} && ${unpack(other, right)}; diff -r "${left}" "${right}"; test $? -le 2`],
            '/dev/null',
          ),
      },
    ],
    rounds,
    false,
  );
  clean();
  const row = (what: string, ours: string, peer: string, target: number): Row => {
    const [a, b] = [median(times.get(ours)!), median(times.get(peer)!)];
    return { what, ours: `${a.toFixed(2)} s`, peer, theirs: `${b.toFixed(2)} s`, ratio: ratio(b / a), target: `${target}x faster` };
  };
  return [
    row("list dracut's zstd image", 'list', 'lsinitrd', 2),
    row('list the same, uncompressed', 'list plain', 'lsinitrd plain', 10),
    row('compare two images', 'diff', 'unpack and diff', 2),
  ];
}
