// Proof before trust: what a proof boot is given, and that it tells a good archive from a bad one. The disk of a running system is looked
// at through made-up /sys and /proc; a directory becomes a real image and a real boot.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { KindlingError } from '../../src/errors.ts';
import { proveOutside } from '../../src/node/prove-disks.ts';
import { PROOF_DEFAULTS, proveUpdate } from '../../src/verbs/update/prove.ts';
import { needs } from '../tools.ts';
import { debianKernel } from '../world/index.ts';
import { archives, lateRoot } from './early-world.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kindling-prove-test-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const made = archives();

interface Device {
  readonly name: string;
  /** The module that drives it; the whole device path ends in it. */
  readonly driver: string;
  readonly partition?: number;
  readonly slaves?: readonly string[];
}

/** A /sys and /proc in which a root is mounted from a device. */
function places(base: string, { name, driver, partition, slaves = [] }: Device, commandLine = '') {
  const home = mkdtempSync(join(scratch, 'places-'));
  const [sys, proc] = [join(home, 'sys'), join(home, 'proc')];
  const controller = join(sys, 'devices/pci0/controller');
  const disk = join(controller, 'block', partition === undefined ? name : name.replace(/p?\d+$/, ''));
  const device = partition === undefined ? disk : join(disk, name);
  for (const folder of [device, join(sys, 'class/block'), join(sys, 'dev/block'), join(sys, 'module', driver), join(proc, 'self')]) {
    mkdirSync(folder, { recursive: true });
  }
  mkdirSync(join(controller, 'driver'), { recursive: true });
  symlinkSync(join(sys, 'module', driver), join(controller, 'driver/module'));
  if (partition !== undefined) writeFileSync(join(device, 'partition'), `${partition}\n`);
  for (const slave of slaves) mkdirSync(join(device, 'slaves', slave), { recursive: true });
  symlinkSync(device, join(sys, 'class/block', name));
  symlinkSync(device, join(sys, 'dev/block/8:1'));
  writeFileSync(join(proc, 'self/mountinfo'), `22 1 8:1 / ${base} rw - ext4 /dev/${name} rw\n`);
  writeFileSync(join(proc, 'cmdline'), `${commandLine}\n`);
  return { sys, proc };
}

test('a root on layers, or on a disk that QEMU does not have: no boot is claimed', async () => {
  const base = mkdtempSync(join(scratch, 'root-'));
  const disks = async (device: Device) => await proveOutside(places(base, device)).rootDisks(base);
  const layered = await disks({ name: 'dm-0', driver: 'virtio_blk', slaves: ['vda2'] });
  assert.match('why' in layered ? layered.why : '', /rests on vda2/);
  const strange = await disks({ name: 'dasda1', driver: 'dasd_eckd_mod', partition: 1 });
  assert.match('why' in strange ? strange.why : '', /QEMU has no disk with its driver/);
});

test('more than the stated size is not made into an image', async () => {
  const base = mkdtempSync(join(scratch, 'big-'));
  writeFileSync(join(base, 'file'), new Uint8Array(64 << 10));
  const found = await proveOutside({ imageMost: 32 << 10 }).rootDisks(base);
  assert.match('why' in found ? found.why : '', /holds more than 0 MiB/);
});

test('a new archive is booted with its root before it is trusted; one that cannot find its root is told apart', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mkfs.ext4')) return;
  const { vmlinuz } = await debianKernel('amd64');
  const root = await lateRoot();
  const request = { archive: await made.generic(root), kernel: vmlinuz, root, ...PROOF_DEFAULTS };
  const before = imagesOfProofs();
  const good = await proveUpdate(request, proveOutside());
  assert.equal(good.how, 'booted');
  assert.equal(good.how === 'booted' && good.proof.reached, true, JSON.stringify(good).slice(0, 400));

  const config = join(scratch, 'blind.conf');
  writeFileSync(config, 'omit-modules = virtio_blk\n');
  const blind = await made.generic(root, '--config', config);
  await assert.rejects(
    async () => await proveUpdate({ ...request, archive: blind, timeout: 20 }, proveOutside()),
    (error) => error instanceof KindlingError && error.code === 'TIMEOUT',
  );
  assert.deepEqual(imagesOfProofs(), before, 'the images of the root are gone');
});

function imagesOfProofs(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('kindling-prove-') && !name.startsWith('kindling-prove-test-'));
}
