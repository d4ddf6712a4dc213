// Squashed archives in real boots: the image is mounted, the very early userspace of a plain archive runs in it, and before the switch all of
// it is unmounted and given back. Numbers are those of a plain archive on the same machine.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { needs } from '../tools.ts';
import { debianKernel } from '../world/index.ts';
import { bootArchive, consoleOf } from './boot.ts';
import { archives, lateRoot, plainRoot } from './early-world.ts';
import { assertReleased, bootSquashed, freeAfter, freeAt, imageAt } from './squash-world.ts';

const QEMU = 'qemu-system-x86_64';
const made = archives();
let kernel = '';

before(async () => {
  kernel = (await debianKernel('amd64')).vmlinuz;
});

test('a generic archive, plain and squashed: less memory before the switch, the same after it, late modules as ever', async (t) => {
  if (!needs(t, QEMU)) return;
  const root = await lateRoot();
  const plain = await bootSquashed(kernel, await made.generic(root));
  const squashed = await bootSquashed(kernel, await made.generic(root, '--layout', 'squash'));
  assertReleased(squashed);
  assert.deepEqual(
    squashed.phases.map(({ name }) => name),
    ['squash', 'early', 'coldplug', 'device', 'mount', 'switch', 'init', 'released'],
  );
  assert.equal(squashed.facts['probe.modprobe'], 'nilfs2');
  assert.equal(squashed.facts['probe.request'], 'jfs');
  assert.equal(squashed.facts['probe.mounts'], plain.facts['probe.mounts']);
  assert.match(squashed.facts['late-modules'] ?? '', /^\/newroot\/usr\/lib\/modules\//);
  assert.ok(
    freeAt(squashed, 'early') > freeAt(plain, 'early') + 20 * 1024,
    `${freeAt(squashed, 'early')}, ${freeAt(plain, 'early')} KiB free`,
  );
  // kernel objects differ from boot to boot by a MiB or two; the image alone would be 17
  assert.ok(freeAfter(squashed) > freeAfter(plain) - 4096, `${freeAfter(squashed)}, ${freeAfter(plain)} KiB free at the end`);
});

test("the first layout: only /usr and /etc in the image, and the kernel's own are back before the switch", async (t) => {
  if (!needs(t, QEMU)) return;
  const proof = await bootSquashed(kernel, await made.host(await lateRoot(), '--layout', 'squash-usr'));
  assertReleased(proof);
  assert.equal(proof.facts['probe.request'], 'jfs');
});

test('without busybox: the loader and the way back on single programs and their libraries', async (t) => {
  if (!needs(t, QEMU)) return;
  const proof = await bootSquashed(kernel, await made.host(await plainRoot(), '--layout', 'squash'));
  assertReleased(proof);
});

test('a damaged image: said what was looked for and seen, on the console and in the report', async (t) => {
  if (!needs(t, QEMU)) return;
  const archive = await made.host(await lateRoot(), '--layout', 'squash');
  const bytes = readFileSync(archive);
  bytes.writeUInt16LE(9, imageAt(bytes) + 20); // a compressor that does not exist
  writeFileSync(`${archive}.damaged`, bytes);
  const proof = await bootArchive({ kernel, archive: `${archive}.damaged`, append: 'root=/dev/vda rd.shell=0' });
  assert.equal(proof.reason?.code, 'early');
  assert.match(
    proof.reason?.text ?? '',
    /^SQUASH: \/squash-root\.img, squashfs with an unknown compressor, could not be mounted by kernel 6\./,
  );
  assert.match(consoleOf(proof), /kindling: mounting \/squash-root\.img as squashfs: mount/);
  assert.match(consoleOf(proof), /kindling: restarting/);
});
