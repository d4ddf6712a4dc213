// Which class the hardware of real machines falls into: what holds a root first (disks of hypervisors and NVMe before all), what a person
// types on next, the rest last.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needs } from '../tools.ts';
import { inShell, SHELLS } from './shells.ts';

const STAGES: readonly (readonly [string, number])[] = [
  ['pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00', 0], // virtio block
  ['pci:v00001AF4d00001048sv00001AF4sd00001100bc00scFFi00', 0], // virtio SCSI, modern
  ['pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00', 3], // virtio network
  ['pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01', 1], // AHCI
  ['pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02', 0], // NVMe
  ['pci:v00001077d00002532sv00001077sd0000015Cbc0Csc04i00', 1], // Fibre Channel
  ['pci:v00001B36d0000000Dsv00001AF4sd00001100bc0Csc03i30', 2], // xHCI
  ['pci:v00001B36d00000007sv00001AF4sd00001100bc08sc05i01', 2], // SD host
  ['pci:v00001234d00001111sv00001AF4sd00001100bc03sc00i00', 3], // display
  ['pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00', 3], // network
  ['virtio:d00000002v00001AF4', 0],
  ['virtio:d00000008v00001AF4', 0],
  ['virtio:d00000012v00001AF4', 2], // input
  ['virtio:d00000001v00001AF4', 3],
  ['scsi:t-0x00', 0],
  ['mmc:block', 0],
  ['vmbus:32412632cb86a24e9fb9be8bc6a2c0a1', 0],
  ['acpi:VMBUS:', 0],
  ['acpi:LNRO0005:', 0],
  ['acpi:PNP0303:', 2],
  ['of:NmmcT(null)Cbrcm,bcm2711-emmc2', 1],
  ['of:Nvirtio_mmioT(null)Cvirtio,mmio', 0],
  ['usb:v46F4p0001d0000dc00dsc00dp00ic08isc06ip50in00', 2],
  ['usb:v0627p0001d0000dc00dsc00dp00ic03isc01ip01in00', 2],
  ['usb:v0BDAp8153d3000dc00dsc00dp00icFFiscFFip00in00', 3], // network
  ['hid:b0003g0001v00000627p00000001', 2],
  ['serio:ty06pr00id00ex00', 2],
  ['platform:pcspkr', 3],
];

test('hardware is sorted into classes by its modalias', async (t) => {
  if (!needs(t, 'busybox', 'dash')) return;
  const script = 'for one in "$@"; do alias_stage "$one"; echo "$one $a_stage"; done';
  const expected = STAGES.map(([alias, stage]) => `${alias} ${stage}`);
  for (const shell of SHELLS) {
    const said = await inShell(
      shell,
      ['coldplug.sh'],
      script,
      STAGES.map(([alias]) => alias),
    );
    assert.deepEqual(said, expected, shell.join(' '));
  }
});
