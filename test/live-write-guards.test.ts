// kindling live write: what is known of a device, and every reason against it. sysfs and procfs are made up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceFacts } from '../src/node/device-facts.ts';
import { refusals } from '../src/verbs/live-write-guards.ts';
import { type FakeMachine, fakeMachine, MIB, SATA_AT, STICK } from './live-write-world.ts';

const IMAGE_SIZE = 3 * MIB + 512 * 3;

test('a stick is described as the kernel knows it', (t) => {
  const machine = fakeMachine(t);
  machine.add(STICK);
  const stick = machine.node('sdb');
  assert.deepEqual(deviceFacts(stick, machine.devices), {
    path: stick,
    name: 'sdb',
    numbers: '8:16',
    size: 8 * MIB,
    readOnly: false,
    removable: true,
    bus: 'usb',
    model: 'SanDisk Ultra Fit',
    serial: '4C530001',
    wholeDisk: undefined,
    partitions: [
      { name: 'sdb1', firstByte: MIB, size: 2 * MIB },
      { name: 'sdb2', firstByte: 3 * MIB, size: 4 * MIB },
    ],
    uses: [],
  });
});

const mounts = (lines: string) => (machine: FakeMachine) => machine.put('proc/self/mountinfo', lines);
const GUARDS: readonly (readonly [string, string, (machine: FakeMachine) => void, readonly string[]])[] = [
  ['nothing speaks against it', 'sdb', () => {}, []],
  ['a partition of it', 'sdb2', () => {}, ['device-partition: sdb2 is a partition of sdb; an image goes on a whole disk']],
  [
    'a partition is mounted',
    'sdb',
    mounts('30 22 8:18 / /media/my\\040stick rw - vfat /dev/sdb2 rw'),
    ['device-mounted: sdb2 is mounted on /media/my stick'],
  ],
  ['the whole of it is mounted', 'sdb', mounts('30 22 8:16 / /mnt rw - iso9660 /dev/sdb ro'), ['device-mounted: sdb is mounted on /mnt']],
  [
    'the root of the system',
    'sdb',
    mounts('22 1 8:17 / / rw - ext4 /dev/root rw'),
    ['device-mounted: sdb1 is the root of the running system'],
  ],
  [
    'mounted where only process 1 sees it',
    'sdb',
    (machine) => machine.put('proc/1/mountinfo', '30 22 8:17 / /mnt rw - ext4 /dev/sdb1 rw'),
    ['device-mounted: sdb1 is mounted on /mnt'],
  ],
  [
    'a btrfs, whose numbers are its own',
    'sdb',
    mounts('30 22 0:45 / /data rw - btrfs /dev/sdb2 rw'),
    ['device-mounted: sdb2 is mounted on /data'],
  ],
  [
    'the second device of a btrfs',
    'sdb',
    (machine) => machine.put('sys/fs/btrfs/12-34/devices/sdb2', ''),
    ['device-mounted: sdb2 is mounted on a btrfs of several devices'],
  ],
  [
    'swap',
    'sdb',
    (machine) => machine.put('proc/swaps', 'Filename Type Size Used Priority\n/dev/sdb1 partition 8 0 -2\n'),
    ['device-swap: sdb1 is swap space in use'],
  ],
  [
    'an open encrypted partition, mounted',
    'sdb',
    (machine) => {
      machine.hold('sdb2', { name: 'dm-0', numbers: '254:0', mapped: 'secret' });
      machine.put('proc/self/mountinfo', '30 22 254:0 / /secret rw - ext4 /dev/mapper/secret rw');
    },
    ['device-mounted: dm-0 is mounted on /secret', 'device-holder: sdb2 is held by dm-0 (secret)'],
  ],
  [
    'a volume group over an array over a partition, with the root',
    'sdb',
    (machine) => {
      machine.hold('sdb1', { name: 'md0', numbers: '9:0' });
      machine.hold('md0', { name: 'dm-1', numbers: '254:1', mapped: 'vg-root' });
      machine.put('proc/self/mountinfo', '22 1 254:1 / / rw - ext4 /dev/mapper/vg-root rw');
    },
    [
      'device-mounted: dm-1 is the root of the running system',
      'device-holder: sdb1 is held by md0',
      'device-holder: md0 is held by dm-1 (vg-root)',
    ],
  ],
  [
    'a write-protected stick',
    'sdb',
    (machine) => machine.put(`sys/devices/${STICK.at}/block/sdb/ro`, '1\n'),
    ['device-read-only: sdb is read-only: a write-protect switch, or a medium that cannot be written'],
  ],
  [
    'a card reader without a card',
    'sdb',
    (machine) => machine.put(`sys/devices/${STICK.at}/block/sdb/size`, '0\n'),
    ['device-empty: sdb has no size: there is no medium in it'],
  ],
  [
    'a stick that is too small',
    'sdb',
    (machine) => machine.put(`sys/devices/${STICK.at}/block/sdb/size`, '2048\n'),
    ['device-too-small: sdb has 1.0 MiB (1048576 bytes), the image 3.0 MiB (3147264 bytes)'],
  ],
  [
    'a second disk of the machine',
    'sdc',
    (machine) => machine.add({ name: 'sdc', numbers: '8:32', at: SATA_AT.replace('ata1', 'ata2'), size: 64 * MIB }),
    ['device-fixed: sdc is neither removable nor on USB (it is on ata): --force sdc if it is meant'],
  ],
  [
    'the system disk',
    'sda',
    () => {},
    [
      'device-mounted: sda1 is the root of the running system',
      'device-fixed: sda is neither removable nor on USB (it is on ata): --force sda if it is meant',
    ],
  ],
  [
    'a card on the mmc bus',
    'mmcblk0',
    (machine) =>
      machine.add({
        name: 'mmcblk0',
        numbers: '179:0',
        at: 'platform/mmc/mmc_host/mmc0/mmc0:1234',
        size: 64 * MIB,
        device: { type: 'SD', name: 'SD32G' },
      }),
    [],
  ],
  [
    'the memory of a board',
    'mmcblk1',
    (machine) =>
      machine.add({
        name: 'mmcblk1',
        numbers: '179:8',
        at: 'platform/mmc/mmc_host/mmc1/mmc1:0001',
        size: 64 * MIB,
        device: { type: 'MMC' },
      }),
    ['device-fixed: mmcblk1 is neither removable nor on USB (it is on mmc): --force mmcblk1 if it is meant'],
  ],
];
for (const [title, name, change, expected] of GUARDS) {
  test(`guards: ${title}`, (t) => {
    const machine = fakeMachine(t);
    machine.add(STICK);
    change(machine);
    const found = refusals(deviceFacts(machine.node(name), machine.devices), { imageSize: IMAGE_SIZE, force: undefined });
    assert.deepEqual(
      found.map(({ code, message }) => `${code}: ${message}`),
      expected,
    );
  });
}
