// Linux survives damaged copies of the squashfs images we write: every table, several times. What it said of each is recorded.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bytesSource } from '../../src/bytes/index.ts';
import { damaged, plainImage, regions } from '../../src/formats/squashfs/damaged.fixture.ts';
import { directory, type Entry, file } from '../../src/tree/index.ts';
import { needs } from '../tools.ts';
import { debianKernel } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import { tinyArchive } from './tiny.ts';

const MODULES = ['drivers/block/loop.ko', 'fs/squashfs/squashfs.ko'];
const SEEDS = [1, 2, 3];

const SCRIPT = `phase early
${MODULES.map((path) => `busybox insmod /${path.split('/').pop()}`).join('\n')}
busybox mkdir /mnt
for image in /images/*; do
  name=$(busybox basename $image)
  if busybox mount -t squashfs -o ro,loop $image /mnt 2>/dev/null; then
    busybox timeout 20 busybox find /mnt -exec busybox stat {} + >/dev/null 2>&1
    a=$?
    busybox timeout 20 busybox find /mnt -type f -exec busybox cat {} + >/dev/null 2>&1
    say fact $name listed $a, read $?
    busybox umount /mnt || say fact $name busy
  else
    say fact $name refused
  fi
done
say fact alive $(busybox cat /proc/sys/kernel/tainted)
phase init
busybox sleep 99
`;

test('Linux survives damaged images', async (t) => {
  if (!needs(t, 'qemu-system-x86_64')) return;
  const { vmlinuz: kernel, root, version } = await debianKernel('amd64');
  const modules = MODULES.map((path): Entry => {
    const bytes = readFileSync(join(root, 'usr/lib/modules', version, 'kernel', path));
    return file(path.split('/').pop()!, bytesSource(bytes));
  });
  const image = await plainImage();
  const copies = regions(image).flatMap((region) => SEEDS.map((seed) => [`${region.name}${seed}`, damaged(image, region, seed)] as const));
  const images = [['whole', image] as const, ...copies].map(([name, bytes]): Entry => file(`images/${name}`, bytesSource(bytes)));
  const archive = await tinyArchive(SCRIPT, [...modules, directory('images'), ...images]);
  const proof = await bootArchive({ kernel, archive, memory: 512, until: 'init', timeout: 400 });
  assertReached(proof);
  assert.equal(proof.facts.whole, 'listed 0, read 0');
  for (const [name] of copies) {
    assert.ok(proof.facts[name] !== undefined && proof.facts[name] !== 'busy', `${name}: ${proof.facts[name]}`);
    t.diagnostic(`${name}: ${proof.facts[name]}`);
  }
  assert.equal(proof.facts.alive, '0', 'the kernel is not tainted: no warning, no oops');
  assert.doesNotMatch(consoleOf(proof), /Oops|BUG:|general protection|WARNING:/);
});
