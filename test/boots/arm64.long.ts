// A whole Debian root of another architecture: planned, built, verified, and booted until its systemd runs.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../tools.ts';
import { CLONE, debianRoot, diskImage, mustRun } from '../world/index.ts';
import { assertReached, bootArchive } from './boot.ts';
import { builtArchive } from './disk-cases.ts';

test("arm64: Debian's root and kernel packages, up to its systemd", async (t) => {
  if (!needs(t, 'qemu-system-aarch64', 'mkfs.ext4', 'debugfs')) return;
  const { folder, owners, kernel } = await debianRoot('arm64');
  await mustRun(join(CLONE, 'bin/kindling'), ['plan', '--root', folder, '--json']);
  const archive = await builtArchive(folder);
  await mustRun(join(CLONE, 'bin/kindling'), ['verify', archive, '--root', folder]);
  const proof = await bootArchive({
    kernel: kernel.vmlinuz,
    archive,
    disks: [{ file: await diskImage({ fs: 'ext4', root: folder, owners, label: 'debian64' }) }],
    append: 'root=LABEL=debian64 rw',
    timeout: 240,
  });
  assertReached(proof);
  assert.match(proof.facts['init-runs'] ?? '', /systemd/);
});
