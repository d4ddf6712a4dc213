// What may be deleted before the switch: the one mistake that must never happen is deleting in the root through a mount or a link.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { needs } from '../tools.ts';
import { inShell, SHELLS } from './shells.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-switch-'));
after(() => rmSync(folder, { recursive: true, force: true }));

// What the kernel shows when all is as early userspace left it.
const USUAL = `none / rootfs rw 0 0
proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0
devtmpfs /dev devtmpfs rw,nosuid,size=234080k,nr_inodes=58520,mode=755 0 0
tmpfs /run tmpfs rw,nosuid,nodev,mode=755 0 0
/dev/vda /newroot ext4 ro,relatime 0 0
/dev/vdb /newroot/usr squashfs ro,relatime 0 0
tmpfs /run/medium tmpfs rw 0 0
`;

const MOUNTS: readonly (readonly [string, string, boolean])[] = [
  ['the usual', USUAL, true],
  ['modules bound from the root', `${USUAL}/dev/vda /usr/lib/modules ext4 ro,relatime 0 0\n`, false],
  ['modules bound from the root, unmerged /usr', `${USUAL}/dev/vda /lib/modules ext4 ro,relatime 0 0\n`, false],
  ['one version bound', `${USUAL}/dev/vda /usr/lib/modules/6.1.0-56-amd64 ext4 ro,relatime 0 0\n`, false],
  ['firmware bound', `${USUAL}/dev/vda /usr/lib/firmware ext4 rw 0 0\n`, false],
  ['a place above bound', `${USUAL}/dev/vda /usr ext4 rw 0 0\n`, false],
  ['a place that is nowhere near', `${USUAL}/dev/vdc /mnt ext4 rw 0 0\n`, false],
  ['a name with a blank that begins like the new root', `${USUAL}/dev/vdc /newroot\\040b ext4 rw 0 0\n`, false],
  ['a name that begins like /run', `${USUAL}/dev/vdc /running ext4 rw 0 0\n`, false],
  ['something else mounted over /', `${USUAL}/dev/vdc / ext4 rw 0 0\n`, false],
  ['the first file system twice', `none / rootfs rw 0 0\n${USUAL}`, false],
  ['/ is no first file system', USUAL.replace('rootfs', 'ext4'), false],
  ['nothing', '', false],
];

for (const [name, text, allowed] of MOUNTS) {
  test(`deleting before the switch, ${name}: ${allowed ? 'allowed' : 'refused'}`, async (t) => {
    if (!needs(t, 'busybox', 'dash')) return;
    const file = join(folder, 'mounts');
    writeFileSync(file, text);
    const script =
      'e_new=/newroot; if mounts_known "$1"; then echo yes; else echo no; fi; if mounts_known "$1.absent"; then echo yes; else echo no; fi';
    for (const shell of SHELLS)
      assert.deepEqual(await inShell(shell, ['switch.sh'], script, [file]), [allowed ? 'yes' : 'no', 'no'], shell.join(' '));
  });
}

test('deleting before the switch: no tree behind a link', async (t) => {
  if (!needs(t, 'busybox', 'dash')) return;
  mkdirSync(join(folder, 'usr/lib/modules'), { recursive: true });
  symlinkSync('usr/lib', join(folder, 'lib'));
  symlinkSync('modules', join(folder, 'usr/lib/linked'));
  const script = 'for one in "$@"; do if tree_own "$one"; then echo yes; else echo no; fi; done';
  const paths = ['usr/lib/modules', 'lib/modules', 'usr/lib/linked', 'usr/lib/absent'].map((path) => join(folder, path));
  for (const shell of SHELLS)
    assert.deepEqual(await inShell(shell, ['switch.sh'], script, paths), ['yes', 'no', 'no', 'no'], shell.join(' '));
});
