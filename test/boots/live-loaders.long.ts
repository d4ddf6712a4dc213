// Live media with the loaders that are not the usual one, by UEFI until their systemd is the first process: systemd-boot from a stick, a unified
// kernel image from a disc, and, with Secure Boot on, shim and a signed GRUB from a disc. The same firmware refuses what nobody has signed.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { type DiskBus, qemu } from '../../src/machine/index.ts';
import { bootOutside } from '../../src/node/boot-outside.ts';
import { boot } from '../../src/verbs/boot.ts';
import { needs, needsFiles } from '../tools.ts';
import { CLONE, mustRun } from '../world/index.ts';
import { liveRoot } from '../world/live-root.ts';
import { consoleOf } from './boot.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-live-loaders-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const SYSTEMD = ['/usr/lib/systemd/boot/efi/systemd-bootx64.efi', '/usr/lib/systemd/boot/efi/linuxx64.efi.stub'];
const SIGNED = ['/usr/lib/shim/shimx64.efi.signed', '/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed'];
const FIRMWARE = ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_CODE_4M.ms.fd'];

/** A medium of the one root; its bundles are those of the medium before. */
async function image(form: 'iso' | 'usb', ...words: readonly string[]): Promise<string> {
  const { tar } = await liveRoot();
  const path = join(folder, `${[form, ...words].join('')}.img`);
  const append = 'kindling.report=ttyS1 no_timer_check panic=-1 ignore_loglevel';
  const line = ['live', form, '--root', tar, '-o', path, '--menu-timeout', '0', '--append', append, ...words];
  await mustRun(join(CLONE, 'bin/kindling'), line, { timeout: 900_000 });
  assert.match(await mustRun(join(CLONE, 'bin/kindling'), ['verify', '--strict', '--json', path]), /"passed": *true/);
  return path;
}

interface Started {
  readonly facts: Readonly<Record<string, string>>;
  readonly console: string;
}

async function started(file: string, bus: DiskBus, { secureBoot = false, until = 'released' } = {}): Promise<Started> {
  const request = {
    kernel: undefined,
    archives: [],
    disks: [{ file, bus, format: 'raw' as const, readOnly: false, writes: false }],
    firmware: 'uefi' as const,
    secureBoot,
    append: '',
    memory: 768,
    processors: 1,
    until,
    timeout: 600,
    accelerator: 'tcg' as const,
    type: undefined,
    asIs: true,
  };
  const proof = await boot(request, bootOutside());
  const console = consoleOf(proof);
  if (!proof.reached) {
    const tail = console.split('\n').slice(-25).join('\n');
    assert.fail(`${proof.reason?.code}: ${proof.reason?.text}\n${tail}\nrepeat with: ${qemu.quoted(proof.qemu)}`);
  }
  rmSync(dirname(proof.console), { recursive: true, force: true });
  return { facts: proof.facts, console };
}

test('systemd-boot starts a stick whose kernel lies beside it', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mmdebstrap') || !needsFiles(t, ...SYSTEMD, ...FIRMWARE)) return;
  const { facts } = await started(await image('usb', '--loader', 'systemd-boot'), 'usb');
  assert.match(facts.medium ?? '', /^\/dev\/sda2 vfat/);
  assert.equal(facts.union, '2');
});

test('a unified kernel image starts a disc', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mmdebstrap') || !needsFiles(t, ...SYSTEMD, ...FIRMWARE)) return;
  const { facts, console } = await started(await image('iso', '--loader', 'uki'), 'ide-cd');
  assert.match(facts.medium ?? '', /^\/dev\/sr0 iso9660/);
  assert.match(console, /Command line: quiet perch /);
});

test('with Secure Boot on, shim and the signed GRUB start a disc', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mmdebstrap', 'grub-mkimage') || !needsFiles(t, ...SIGNED, ...FIRMWARE)) return;
  const { facts, console } = await started(await image('iso', '--secure-boot'), 'scsi-cd', { secureBoot: true });
  assert.match(facts.medium ?? '', /^\/dev\/sr0 iso9660/);
  assert.match(console, /secureboot: Secure boot enabled/);
});

test('with Secure Boot on, what nobody has signed is refused', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mmdebstrap', 'grub-mkimage') || !needsFiles(t, ...FIRMWARE)) return;
  const { console } = await started(await image('iso'), 'scsi-cd', { secureBoot: true, until: 'Access Denied' });
  assert.match(console, /BdsDxe: failed to load .*: Access Denied/);
});
