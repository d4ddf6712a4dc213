// The counterpart of the late modules in early.test.ts: the same boot, but the root's module tree cannot be put in place, so the kernel's own
// request for a deferred driver finds nothing. What works there works because of the bind, and for no other reason.
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../tools.ts';
import { debianKernel, diskImage, linkTree, once } from '../world/index.ts';
import { bootArchive, consoleOf } from './boot.ts';
import { archives, lateRoot, splitRoots } from './early-world.ts';

test('without the bind of its module tree, the kernel cannot load what was deferred', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mksquashfs')) return;
  const { root, usr } = await splitRoots('/dev/vdb /usr squashfs defaults,x-initrd.mount 0 0\n');
  const hidden = await once(`late-hidden-${root.split('/').at(-2)}`, (scratch) => {
    linkTree(root, scratch);
    // still on the disk, but not where early userspace looks for what it binds
    renameSync(join(scratch, 'lib/modules'), join(scratch, 'lib/modules.away'));
  });
  const disks = [
    { file: await diskImage({ fs: 'ext4', root: hidden, label: 'split' }) },
    { file: await diskImage({ fs: 'squashfs', root: usr }), readOnly: true },
  ];
  const proof = await bootArchive({
    kernel: (await debianKernel('amd64')).vmlinuz,
    archive: await archives().host(await lateRoot()),
    disks,
    append: 'root=LABEL=split init=/usr/sbin/probe-init rd.shell=0',
    until: 'fact:probe.done',
  });
  assert.equal(proof.reached, false);
  assert.doesNotMatch(consoleOf(proof), /squashfs: version/);
  assert.match(proof.reason?.text ?? '', /^USR: \/dev\/vdb could not be mounted as squashfs/);
});
