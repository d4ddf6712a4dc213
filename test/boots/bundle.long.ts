// Bundles made by `kindling bundle` in a real live system: what the kernel shows of a bundle and of the difference laid over it, and a module
// of a bundle of its own that modprobe finds only because `kindling bundle fix` made the indexes anew.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../tools.ts';
import { CLONE, debianKernel } from '../world/index.ts';
import { assertReached, bootArchive } from './boot.ts';
import { ext4Medium, liveArchive, liveSource, mediumFolder, scratchFolder, usualBundles } from './live-world.ts';

const DRIVER = 'kernel/drivers/net/dummy.ko';
const PROBE = `fact bundle.tree $(cd /srv && find . | sort)
fact bundle.text "$(cat /srv/text)"
fact bundle.mode "$(stat -c %a /srv/mode)"
modprobe dummy 2>/dev/null
grep -q '^dummy ' /proc/modules && fact bundle.module loaded
`;

function put(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

function bundle(...argv: string[]): string {
  const { status, stdout, stderr } = spawnSync(join(CLONE, 'bin/kindling'), ['bundle', ...argv], { encoding: 'utf8' });
  assert.equal(status, 0, `kindling bundle ${argv.join(' ')}\n${stdout}${stderr}`);
  return stdout + stderr;
}

test('a difference and fixed indexes hold in a booted live system', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mkfs.ext4')) return;
  const { version, vmlinuz } = await debianKernel('amd64');
  const scratch = scratchFolder();
  const at = (name: string) => join(scratch, name);
  put(at('base'), {
    'srv/text': 'old',
    'srv/gone': 'x',
    'srv/dir/old': 'x',
    'srv/deep/er/z': 'z',
    'srv/mode': 'm',
    'srv/kind/inside': 'x',
    'srv/kept': 'k',
  });
  cpSync(at('base'), at('new'), { recursive: true, preserveTimestamps: true });
  for (const path of ['srv/gone', 'srv/dir', 'srv/deep', 'srv/kind']) rmSync(at(`new/${path}`), { recursive: true });
  put(at('new'), { 'srv/text': 'new', 'srv/dir/new': 'x', 'etc/probe.d/bundle': PROBE });
  writeFileSync(at('new/srv/mode'), 'm', { mode: 0o600 });
  spawnSync('chmod', ['600', at('new/srv/mode')]);
  symlinkSync('text', at('new/srv/kind'));
  const driver = `usr/lib/modules/${version}/extra/dummy.ko`;
  mkdirSync(dirname(at(`driver/${driver}`)), { recursive: true });
  copyFileSync(join(await liveSource(), 'usr/lib/modules', version, DRIVER), at(`driver/${driver}`));

  const bundles: Record<string, string> = { ...(await usualBundles()) };
  const add = (name: string, ...argv: string[]) => {
    bundle('make', ...argv, '-o', at(name), '--codec', 'zstd:3');
    bundles[name] = at(name);
  };
  add('05-base.sb', at('base'));
  add('10-new.sb', at('new'), '--over', at('05-base.sb'));
  add('20-driver.sb', at('driver'));
  const before = spawnSync(join(CLONE, 'bin/kindling'), ['bundle', 'order', ...Object.values(bundles)], { encoding: 'utf8' });
  assert.equal(before.status, 1, before.stderr);
  assert.match(before.stdout, /modules-dep-stale: .*20-driver\.sb \(dummy\.ko\)/);
  bundle('fix', ...Object.values(bundles), '-o', at('99-fixes.sb'));
  bundles['99-fixes.sb'] = at('99-fixes.sb');

  const proof = await bootArchive({
    kernel: vmlinuz,
    archive: await liveArchive(),
    disks: [{ file: await ext4Medium(mediumFolder({ bundles })) }],
    append: 'init=/usr/sbin/probe-init rd.shell=0',
    until: 'fact:probe.done',
  });
  assertReached(proof);
  const { facts } = proof;
  assert.match(facts['live.BUNDLES'] ?? '', /^01-core\.sb 02-modules\.sb 05-base\.sb 10-new\.sb 20-driver\.sb 99-fixes\.sb$/);
  assert.equal(facts['bundle.tree'], '. ./dir ./dir/new ./kept ./kind ./mode ./text');
  assert.deepEqual([facts['bundle.text'], facts['bundle.mode'], facts['bundle.module']], ['new', '600', 'loaded']);
});
