import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource } from '../bytes/index.ts';
import { file, makeTree, withParents } from '../tree/index.ts';
import { classOf, driverFamily, sizesOf } from './sizes.ts';

const bytes = (size: number) => bytesSource(new Uint8Array(size));

test('classes and families: drivers apart from libraries, programs and data', () => {
  const classes = ['usr/lib/modules/6.1/kernel/fs/ext4/ext4.ko', 'lib/firmware/a.bin', 'usr/lib/x86_64-linux-gnu/libc.so.6', 'usr/bin/cat'];
  assert.deepEqual(
    [...classes, 'usr/share/icons/a.png', 'boot/vmlinuz', 'boot/grub/grub.cfg', 'usr/lib/x/y'].map((path) =>
      classOf({ path, mode: 0o644 }),
    ),
    ['drivers', 'firmware', 'libraries', 'programs', 'icons and themes', 'kernel', 'boot loader', 'data'],
  );
  assert.equal(classOf({ path: 'usr/lib/systemd/systemd', mode: 0o755 }), 'programs');
  const families = [
    'kernel/drivers/net/wireless/a/b.ko',
    'kernel/drivers/gpu/drm/drm.ko',
    'kernel/fs/xfs/xfs.ko',
    'modules.dep',
    'updates/dkms/a.ko',
  ];
  assert.deepEqual(
    families.map((path) => driverFamily(`usr/lib/modules/6.1/${path}`)),
    ['drivers/net/wireless', 'drivers/gpu', 'fs', 'indexes', 'updates'],
  );
  assert.equal(driverFamily('usr/bin/cat'), undefined);
});

test('a medium is counted with what its images hold, in their place', () => {
  const inner = makeTree(withParents([file('usr/bin/cat', bytes(300)), file('usr/lib/modules/6.1/kernel/fs/a.ko', bytes(100))]));
  const medium = makeTree(withParents([file('boot/vmlinuz', bytes(50)), file('kindling/01-core.sb', bytes(200))]));
  const sizes = sizesOf(medium, 250, (path) => (path.endsWith('.sb') ? { tree: inner } : undefined));
  assert.deepEqual(
    sizes.classes.map(({ name, count, size, stored }) => [name, count, size, stored]),
    [
      ['programs', 1, 300, 150],
      ['drivers', 1, 100, 50],
      ['kernel', 1, 50, 50],
    ],
  );
  assert.deepEqual(
    sizes.images.map(({ name, image, size }) => [name, image, size]),
    [
      ['', 250, 250],
      ['kindling/01-core.sb', 200, 400],
    ],
  );
  assert.deepEqual(
    sizes.drivers.map(({ name }) => name),
    ['fs'],
  );
});
