// A real Debian from media that `kindling live` made, by firmware and GRUB: as a disc, as a stick and as a disk, from BIOS and UEFI, until its
// systemd is the first process, and twice to its login prompt. Facts say what was mounted: a prompt alone proves little. A stick that shows up late is in live-start.long.ts.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import type { DiskBus, Proof } from '../../src/machine/index.ts';
import { qemu } from '../../src/machine/index.ts';
import { bootOutside } from '../../src/node/boot-outside.ts';
import { boot } from '../../src/verbs/boot.ts';
import { needs } from '../tools.ts';
import { CLONE, mustRun } from '../world/index.ts';
import { liveRoot } from '../world/live-root.ts';
import { consoleOf } from './boot.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-live-media-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const made = new Map<string, Promise<string>>();

/** An image of a form, made once. */
function image(form: 'iso' | 'usb' | 'disk', ...words: readonly string[]): Promise<string> {
  const key = [form, ...words].join(' ');
  const held = made.get(key) ?? make(form, words);
  made.set(key, held);
  return held;
}

async function make(form: string, words: readonly string[]): Promise<string> {
  const { tar } = await liveRoot();
  const path = join(folder, `${form}${made.size}.img`);
  const append = 'kindling.report=ttyS1 no_timer_check panic=-1';
  const line = ['live', form, '--root', tar, '-o', path, '--menu-timeout', '0', '--append', append, ...words];
  await mustRun(join(CLONE, 'bin/kindling'), line, { timeout: 900_000 });
  return path;
}

async function started(file: string, firmware: 'bios' | 'uefi', bus: DiskBus, until = 'released'): Promise<Proof> {
  const request = {
    kernel: undefined,
    archives: [],
    disks: [{ file, bus, format: 'raw' as const, readOnly: false, writes: false }],
    firmware,
    append: '',
    memory: 768,
    processors: 1,
    until,
    timeout: 420,
    accelerator: 'tcg' as const,
    type: undefined,
    asIs: true,
  };
  const proof = await boot(request, bootOutside());
  if (!proof.reached) {
    const tail = consoleOf(proof).split('\n').slice(-25).join('\n');
    assert.fail(`${proof.reason?.code}: ${proof.reason?.text}\n${tail}\nrepeat with: ${qemu.quoted(proof.qemu)}`);
  }
  rmSync(dirname(proof.console), { recursive: true, force: true });
  return proof;
}

const ISO_CASES: readonly (readonly [name: string, firmware: 'bios' | 'uefi', bus: DiskBus, medium: RegExp])[] = [
  ['BIOS, CD', 'bios', 'ide-cd', /^\/dev\/sr0 iso9660/],
  ['UEFI, CD', 'uefi', 'ide-cd', /^\/dev\/sr0 iso9660/],
  ['BIOS, stick', 'bios', 'usb', /^\/dev\/sda iso9660/],
  ['UEFI, stick', 'uefi', 'usb', /^\/dev\/sda iso9660/],
  ['BIOS, virtio disk', 'bios', 'virtio', /^\/dev\/vda iso9660/],
];

for (const [name, firmware, bus, medium] of ISO_CASES) {
  test(`an ISO image starts: ${name}`, async (t) => {
    if (!needs(t, 'qemu-system-x86_64', 'grub-mkimage', 'mmdebstrap')) return;
    // the way to the prompt is the same from every medium, and long
    const until = name === 'BIOS, CD' || name === 'UEFI, stick' ? 'login:' : 'released';
    const proof = await started(await image('iso'), firmware, bus, until);
    assert.match(proof.facts.medium ?? '', medium);
    assert.equal(proof.facts.union, '2');
  });
}

test('an image of a stick with a partition for changes: BIOS', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'grub-mkimage', 'mmdebstrap', 'mkfs.ext4')) return;
  const proof = await started(await image('usb', '--changes', '64M'), 'bios', 'usb');
  assert.match(proof.facts.medium ?? '', /^\/dev\/sda3 vfat/);
  assert.match(proof.facts.changes ?? '', /sda4/);
});

test('an image of a disk with ext4: UEFI', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'grub-mkimage', 'mmdebstrap', 'mkfs.ext4')) return;
  const proof = await started(await image('disk', '--changes', '64M'), 'uefi', 'virtio');
  assert.match(proof.facts.medium ?? '', /^\/dev\/vda3 ext4/);
  assert.match(proof.facts.changes ?? '', /vda3/);
});
