// What the boots of squashed archives share: a disk whose init says what is left of the image, and the checks of a proof.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Proof } from '../../src/machine/index.ts';
import { diskImage, linkTree, once } from '../world/index.ts';
import { assertReached, bootArchive, type TestDisk } from './boot.ts';
import { LABEL, lateRoot } from './early-world.ts';

// Said by the root's init: loop devices and file systems of the image that are still there, and what is free without caches.
const LEFT = `loops=
for file in /sys/block/loop*/loop/backing_file; do
	[ ! -r "$file" ] || loops="$loops $(cat "$file")"
done
fact probe.loops "\${loops:-none}"
fact probe.squash "$(grep -cE ' (squashfs|overlay|ramfs) ' /proc/mounts)"
sync
echo 3 >/proc/sys/vm/drop_caches
sleep 0.2
fact probe.memory.dropped "$(memory MemFree)"
`;

/** The root of the late modules whose init also says what is left of an image. Made once. */
export async function squashRoot(): Promise<string> {
  const late = await lateRoot();
  return once(`squash-${LEFT.length}-${late.split('/').pop()}`, (scratch) => {
    linkTree(late, scratch);
    const file = join(scratch, 'etc/probe.d/a-squash');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, LEFT);
  });
}

/** An ext4 disk of it, labelled as all of early userspace's are. */
export async function squashDisk(): Promise<TestDisk> {
  return { file: await diskImage({ fs: 'ext4', root: await squashRoot(), label: LABEL }) };
}

/** Boots from that disk until its init has said everything. */
export async function bootSquashed(kernel: string, archive: string, timeout = 120): Promise<Proof> {
  const append = `root=LABEL=${LABEL} init=/sbin/probe-init`;
  return bootArchive({ kernel, archive, disks: [await squashDisk()], append, until: 'fact:probe.done', timeout });
}

/** KiB free at a phase. */
export function freeAt(proof: Proof, phase: string): number {
  const free = proof.phases.find(({ name }) => name === phase)?.free;
  assert.ok(free, `${phase} did not say what is free`);
  return free;
}

/** KiB free in the root's init once all caches were dropped. */
export function freeAfter(proof: Proof): number {
  return Number(proof.facts['probe.memory.dropped']);
}

/** Nothing of the image is left: no loop device, no mount. */
export function assertNothingLeft(proof: Proof): void {
  assertReached(proof);
  assert.equal(proof.facts['probe.loops'], 'none');
  assert.equal(proof.facts['probe.squash'], '0');
  assert.equal(proof.facts['probe.left'], 'none');
}

/** The same where the loader had a way back: it unmounted the image by itself before the switch and says so. */
export function assertReleased(proof: Proof): void {
  assertNothingLeft(proof);
  assert.equal(proof.facts.squash, 'released');
  assert.match(proof.facts.left ?? '', /^0 files /);
  for (const name of ['squashfs', 'loop', 'overlay']) assert.doesNotMatch(proof.facts.modules ?? '', new RegExp(`\\b${name}\\b`));
}

/** Where the image begins in an uncompressed or stored place of an archive: its magic, with the version at its place. */
export function imageAt(archive: Buffer): number {
  for (let at = archive.indexOf('hsqs'); at >= 0; at = archive.indexOf('hsqs', at + 1)) {
    if (archive.length > at + 96 && archive.readUInt32LE(at + 28) === 4) return at;
  }
  return assert.fail('the archive has no squashfs image');
}
