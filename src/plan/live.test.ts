// Part live: what a live archive reaches and what it leaves for its bundles, the settings that are refused, and that no other archive holds any of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, utf8 } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { file, makeTree } from '../tree/index.ts';
import { type Plan, plan } from './index.ts';
import type { SampleModule } from './modules/sample-tree.ts';
import { busybox, EARLY, planned, sample, settings, textIn } from './sample.fixture.ts';

const SCRIPTS = ['live.sh', 'live-find.sh'].map((name) => file(`usr/lib/kindling/early/${name}`, bytesSource(utf8('#\n'))));
const early = makeTree([...EARLY.entries, ...SCRIPTS]);

const APPLETS = [
  ...['[', 'ash', 'cat', 'cp', 'du', 'ln', 'ls', 'mkdir', 'modprobe', 'mount', 'pivot_root', 'rm', 'rmdir', 'sh', 'sleep', 'sort', 'stat'],
  ...['switch_root', 'umount'],
];

const MODULES: Readonly<Record<string, SampleModule>> = {
  'kernel/fs/squashfs/squashfs.ko': { alias: 'fs-squashfs' },
  'kernel/fs/overlayfs/overlay.ko': { alias: 'fs-overlay' },
  'kernel/fs/isofs/isofs.ko': { depends: 'cdrom', alias: 'fs-iso9660' },
  'kernel/drivers/cdrom/cdrom.ko': {},
  'kernel/drivers/scsi/sr_mod.ko': { depends: 'scsi_mod,cdrom' },
  'kernel/drivers/block/loop.ko': {},
  'kernel/drivers/nvme/host/nvme.ko': {},
  'kernel/drivers/usb/host/xhci-pci.ko': {},
  'kernel/drivers/usb/storage/usb-storage.ko': { depends: 'scsi_mod' },
  'kernel/drivers/md/dm-crypt.ko': { depends: 'dm-mod' },
  'kernel/drivers/md/dm-mod.ko': {},
};

const root = sample({ 'usr/bin/busybox': busybox(APPLETS), 'etc/fstab': '/dev/vda2 /usr xfs defaults 0 0\n' }, MODULES);

function live(said: Parameters<typeof settings>[0] = {}): Plan {
  return plan({ root, scope: 'generic', settings: settings({ add: ['live'], ...said }), early, decoders: [] });
}

const code = (wanted: string) => (error: unknown) => error instanceof KindlingError && error.code === wanted;
const ID = 'ab'.repeat(32);

test('all classes of media, file systems of media, and what stacks bundles', () => {
  const made = live();
  for (const name of ['virtio_blk', 'ahci', 'nvme', 'xhci_pci', 'usb_storage', 'sd_mod', 'sr_mod', 'isofs', 'ext4', 'crc32c_generic']) {
    assert.ok(made.packed.includes(name), name);
  }
  for (const name of ['squashfs', 'loop', 'overlay', 'dm_mod']) assert.ok(made.packed.includes(name), name);
  for (const name of ['e1000', 'radeon', 'jfs', 'hid_wacom', 'dm_crypt']) assert.ok(made.deferred.includes(name), name);
  assert.ok(made.tree.get('usr/lib/kindling/early/live-find.sh') !== undefined);
  assert.ok(made.tree.get('bin/pivot_root') ?? made.tree.get('usr/bin/pivot_root'));
});

test('parts that mount one root are not in force, unless added by name', () => {
  const parts = live().parts;
  for (const name of ['storage', 'filesystems', 'console', 'fsck', 'usr', 'resume']) assert.ok(!parts.includes(name), name);
  for (const name of ['init', 'tools', 'live', 'microcode']) assert.ok(parts.includes(name), name);
  assert.ok(live({ add: ['live', 'storage'] }).parts.includes('storage'));
});

test('only the classes that are asked for', () => {
  const made = live({ media: ['usb'] });
  assert.ok(made.packed.includes('usb_storage') && made.packed.includes('sd_mod'));
  for (const name of ['virtio_blk', 'ahci', 'nvme', 'sr_mod']) assert.ok(made.deferred.includes(name), name);
  assert.throws(() => live({ media: ['usb', 'tape'] }), /no class of media "tape"; there are usb, cd, virtio/);
});

test('early.conf says which medium, how it is entered, and how much memory that takes', () => {
  const lines = (said: Parameters<typeof settings>[0] = {}) => textIn(live(said), 'usr/lib/kindling/early.conf').split('\n');
  for (const line of ["LIVE='1'", "MEDIUM=''", "HANDOVER='pivot'", "DATA='kindling'", "MEMORY='48'", "TIMEOUT='60'"]) {
    assert.ok(lines().includes(line), line);
  }
  const other = lines({ medium: [ID], handover: ['switch'], 'live-memory': ['200'] });
  for (const line of [`MEDIUM='${ID}'`, "HANDOVER='switch'", "MEMORY='200'"]) assert.ok(other.includes(line), line);
});

test('settings that are refused', () => {
  for (const medium of ['', 'AB'.repeat(32), ID.slice(1), 'none'])
    assert.throws(() => live({ medium: [medium] }), code('BAD_CONFIG'), medium);
  for (const memory of ['', '-1', '1G']) assert.throws(() => live({ 'live-memory': [memory] }), code('BAD_CONFIG'), memory);
  assert.throws(() => live({ layout: ['squash'] }), code('CONFLICT'));
  const without = sample({}, { ...MODULES, 'kernel/fs/overlayfs/overlay.ko': {} });
  assert.throws(
    () => plan({ root: without, scope: 'generic', settings: settings({ add: ['live'] }), early, decoders: [] }),
    code('NO_PROGRAM'),
    'a root without what early userspace runs on',
  );
});

test('encrypted changes need the root to have cryptsetup', () => {
  assert.throws(() => live({ encrypted: ['yes'] }), /cryptsetup/);
});

test('other archives hold nothing of it', () => {
  const made = plan({ root: sample(), scope: 'generic', settings: settings(), early, decoders: [] });
  assert.deepEqual(
    made.tree.entries.filter(({ path }) => path.includes('live')),
    [],
  );
  assert.doesNotMatch(textIn(made, 'usr/lib/kindling/early.conf'), /LIVE|MEDIUM/);
  assert.deepEqual(
    planned(sample()).tree.entries.map(({ path }) => path),
    made.tree.entries.map(({ path }) => path),
  );
});
