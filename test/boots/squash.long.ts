// The matrix of squashed archives: disks and roots of the plain ones in both layouts, with and without busybox; other programs' archives
// squashed afterwards; and each way the image can fail to come or to go.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { type Arena, arena, dracut, mkinitramfs } from '../../bench/peers.ts';
import { bytesSource, utf8 } from '../../src/bytes/index.ts';
import { encodeWhole } from '../../src/formats/newc/index.ts';
import type { DiskBus, Proof } from '../../src/machine/index.ts';
import { file } from '../../src/tree/index.ts';
import { needs } from '../tools.ts';
import { CLONE, debianKernel, debianRoot, type FileSystem, mustRun } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import { bootFromDisk, builtArchive } from './disk-cases.ts';
import { archives, LABEL, lateDisk, lateRoot, plainRoot } from './early-world.ts';
import { assertNothingLeft, assertReleased, bootSquashed, freeAfter, imageAt } from './squash-world.ts';

const QEMU = 'qemu-system-x86_64';
const LAYOUTS = ['squash', 'squash-usr'] as const;
const made = archives();
const folder = mkdtempSync(join(tmpdir(), 'kindling-squash-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let kernel = '';
const generic: Partial<Record<(typeof LAYOUTS)[number], string>> = {};

before(async () => {
  kernel = (await debianKernel('amd64')).vmlinuz;
  const root = (await debianRoot('amd64')).folder;
  for (const layout of LAYOUTS) generic[layout] = await builtArchive(root, ['--layout', layout]);
});

// disks.long.ts has every bus; the image comes with the archive, and only the ways in which devices appear differ
const BUSES: readonly DiskBus[] = ['virtio', 'usb', 'sd', 'ide-cd'];
for (const bus of BUSES) {
  test(`squash: ext4 on ${bus}`, async (t) => {
    if (needs(t, QEMU, 'mkfs.ext4')) await bootFromDisk(generic.squash!, { bus, fs: 'ext4' }, 'squash');
  });
}

for (const bus of ['nvme'] as const) {
  test(`squash: ext4 on ${bus} of q35`, async (t) => {
    if (needs(t, QEMU, 'mkfs.ext4')) await bootFromDisk(generic.squash!, { bus, fs: 'ext4', type: 'q35' }, 'squash');
  });
}

for (const bus of ['ahci'] as const) {
  test(`squash-usr: ext4 on ${bus}`, async (t) => {
    if (needs(t, QEMU, 'mkfs.ext4')) await bootFromDisk(generic['squash-usr']!, { bus, fs: 'ext4' }, 'squash-usr');
  });
}

const MAKERS: readonly (readonly [FileSystem, string])[] = [
  ['xfs', 'mkfs.xfs'],
  ['btrfs', 'mkfs.btrfs'],
  ['squashfs', 'mksquashfs'],
];
for (const [fs, maker] of MAKERS) {
  for (const [layout, bus] of [
    ['squash', 'scsi'],
    ['squash-usr', 'virtio'],
  ] as const) {
    test(`${layout}: ${fs} on ${bus}`, async (t) => {
      if (needs(t, QEMU, maker)) await bootFromDisk(generic[layout]!, { bus, fs }, layout);
    });
  }
}

for (const layout of LAYOUTS) {
  test(`${layout} without busybox, for any machine`, async (t) => {
    if (needs(t, QEMU)) assertReleased(await bootSquashed(kernel, await made.generic(await plainRoot(), '--layout', layout), 240));
  });
}

for (const place of ['pre-mount', 'mount', 'pre-switch']) {
  test(`squash: rd.break=${place} gives a shell`, async (t) => {
    if (!needs(t, QEMU)) return;
    const disks = [{ file: await lateDisk() }];
    const append = `root=LABEL=${LABEL} init=/sbin/probe-init rd.break=${place}`;
    const proof = await bootArchive({ kernel, archive: generic.squash!, disks, append, until: '(kindling) #', timeout: 180 });
    assert.equal(proof.reached, true, consoleOf(proof).slice(-2000));
  });
}

// --- archives of other programs ---

let peers: Arena | undefined;

/** Peers run in a root of their own, which only root can enter. */
function needsRoot(t: TestContext): boolean {
  if (process.getuid?.() === 0) return true;
  t.skip('needs root, to run the peers in a root of their own');
  return false;
}

async function peer(name: 'dracut' | 'initramfs-tools'): Promise<string> {
  peers ??= await arena(folder);
  const file = `${name}.img`;
  if (name === 'dracut') await dracut(peers, file);
  else await mkinitramfs(peers, file);
  return join(folder, file);
}

async function squashed(image: string, layout: string): Promise<string> {
  const to = `${image}.${layout}`;
  await mustRun(join(CLONE, 'bin/kindling'), ['squash', image, '--root', (await debianRoot('amd64')).folder, '--layout', layout, '-o', to]);
  return to;
}

for (const name of ['initramfs-tools', 'dracut'] as const) {
  test(`an image of ${name}, squashed in both layouts: all of it is freed at its own switch`, async (t) => {
    if (!needs(t, QEMU) || !needsRoot(t)) return;
    const image = await peer(name);
    const plain = await bootSquashed(kernel, image, 400);
    for (const layout of LAYOUTS) {
      const proof: Proof = await bootSquashed(kernel, await squashed(image, layout), 400);
      if (name === 'dracut') assertNothingLeft(proof);
      else assertReleased(proof);
      // systemd's way leaves three modules loaded
      assert.ok(freeAfter(proof) > freeAfter(plain) - 4096, `${layout}: ${freeAfter(proof)}, plain: ${freeAfter(plain)} KiB free`);
    }
  });
}

// --- what can go wrong ---

async function failing(archive: string): Promise<Proof> {
  const proof = await bootArchive({ kernel, archive, append: 'root=/dev/vda rd.shell=0' });
  assert.equal(proof.reason?.code, 'early');
  return proof;
}

/** The archive with bytes of it replaced, as long as they were. */
function altered(archive: string, from: string, to: string): string {
  assert.equal(from.length, to.length);
  const bytes = readFileSync(archive);
  let count = 0;
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) {
    bytes.write(to, at, 'latin1');
    count += 1;
  }
  assert.ok(count > 0);
  const path = join(folder, `altered-${to.replace(/[^a-z0-9]/gi, '')}.img`);
  writeFileSync(path, bytes);
  return path;
}

test('what is no image at all, and no image', async (t) => {
  if (!needs(t, QEMU)) return;
  const archive = await made.host(await lateRoot(), '--layout', 'squash', '--codec', 'none');
  const bytes = readFileSync(archive);
  bytes.write('tsqs', imageAt(bytes), 'latin1');
  writeFileSync(`${archive}.other`, bytes);
  const other = await failing(`${archive}.other`);
  assert.match(other.reason?.text ?? '', /which begins with the bytes 74 73 71 73 and so is no squashfs/);
  const none = await failing(altered(archive, "IMAGE='/squash-root.img'", "IMAGE='/squash-boot.img'"));
  assert.match(none.reason?.text ?? '', /^SQUASH: the archive has no \/squash-boot\.img/);
});

test('modules of another kernel', async (t) => {
  if (!needs(t, QEMU)) return;
  const archive = await made.host(await lateRoot(), '--layout', 'squash', '--codec', 'none');
  const { version } = await debianKernel('amd64');
  const proof = await failing(altered(archive, `lib/modules/${version}/`, `lib/modules/${version.replace('6.', '9.')}/`));
  assert.match(proof.reason?.text ?? '', new RegExp(`^SQUASH: this kernel, ${version}, cannot read squashfs`));
  assert.match(consoleOf(proof), /there is no \/lib\/modules\/6.*: the archive's modules \(loop squashfs overlay\) are for another kernel/);
});

test('a process that still runs from the image is named, and the boot goes on', async (t) => {
  if (!needs(t, QEMU)) return;
  const plain = await made.host(await lateRoot());
  // what early userspace reads first starts something that nobody ends
  const settings = await mustRun(join(CLONE, 'bin/kindling'), ['cat', plain, 'usr/lib/kindling/early.conf']);
  const more = encodeWhole([file('usr/lib/kindling/early.conf', bytesSource(utf8(`${settings}sleep 1000 &\n`)))]);
  const image = join(folder, 'holding.img');
  const first = readFileSync(plain);
  writeFileSync(image, Buffer.concat([first, Buffer.alloc(-first.length & 3), more]));
  const proof = await bootSquashed(kernel, await squashed(image, 'squash'), 180);
  assertReached(proof);
  assert.match(proof.facts.squash ?? '', /^held by \d+ \(sleep\) with \/usr\/bin\/(busybox|sleep)$/);
  assert.match(proof.facts['probe.loops'] ?? '', /squash-root\.img \(deleted\)/);
  assert.match(consoleOf(proof), /kindling: warning: the memory of the image is not free: held by/);
});
