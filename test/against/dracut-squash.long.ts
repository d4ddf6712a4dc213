// dracut's own squashed image, made inside a Debian root by dracut itself: one list of loader and image, equal to what lsinitrd prints of both.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { debianRoot } from '../world/index.ts';

const KINDLING = join(import.meta.dirname, '../../bin/kindling');
const folder = mkdtempSync(join(tmpdir(), 'kindling-dracut-squash-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ENTER = `set -e
R=$1; OUT=$2; shift 2
mount --bind /dev "$R/dev"; mount -t proc proc "$R/proc"; mount --bind /sys "$R/sys"
for at in tmp var/tmp run; do mount -t tmpfs tmpfs "$R/$at"; done
mount --bind "$OUT" "$R/mnt"
exec chroot "$R" "$@"`;

function run(program: string, args: readonly string[], env: Record<string, string> = {}): string {
  const options = { cwd: folder, encoding: 'latin1', maxBuffer: 1 << 29, env: { ...process.env, LC_ALL: 'C', ...env } } as const;
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${error ?? ''} ${stderr}`);
  return stdout;
}

/** Names in the lines of `cpio -tv` and of `unsquashfs -ll`, without the targets of links. */
function names(text: string): string[] {
  const lines = text.split('\n').filter((line) => /^[-dlcbps][-rwxsStT]{9} /.test(line));
  return lines
    .map((line) => line.replace(/ -> .*$/, '').replace(/^.* /, ''))
    .map((name) => name.replace(/^squashfs-root(\/|$)/, ''))
    .filter((name) => name !== '' && name !== '.');
}

test("dracut's squashed image is listed as lsinitrd lists it, and verified", {
  skip: process.getuid?.() !== 0 && 'making one needs root: dracut runs inside a root of its own',
}, async (t) => {
  if (!needs(t, 'unshare', 'lsinitrd', 'unsquashfs', 'cpio')) return;
  const { folder: root, kernel } = await debianRoot('amd64', ['dracut-core', 'dracut-squash', 'initramfs-tools-core', 'zstd', 'pigz']);
  const words = ['dracut', '--no-hostonly', '--add', 'squash', '--no-early-microcode', '--force', '/mnt/image', kernel.version];
  const path = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
  run(tool('unshare'), ['--mount', 'sh', '-c', ENTER, 'enter', root, folder, ...words], path);
  const theirs = run(tool('lsinitrd'), ['image']);
  assert.match(theirs, /Squashed content/);
  const ours = run(KINDLING, ['list', 'image'])
    .split('\n')
    .filter((name) => name !== '' && name !== '.');
  assert.ok(ours.length > 500, `${ours.length} names`);
  // lsinitrd cuts off the first three lines of unsquashfs' list, and with them /dev
  run(KINDLING, ['extract', '--outer', 'image', '-C', 'outer', 'squash-root.img']);
  const inner = run(tool('unsquashfs'), ['-ll', 'outer/squash-root.img']);
  assert.deepEqual(ours, [...new Set([...names(theirs), ...names(inner)])].sort());
  const cut = ours.filter((name) => !names(theirs).includes(name));
  assert.ok(cut.length <= 1, `lsinitrd lacks ${cut}`);
  // nothing but notes: the loader starts, and its modules mount the image
  run(KINDLING, ['verify', '--strict', 'image']);
  assert.notEqual(run(KINDLING, ['cat', 'image', 'init']), run(KINDLING, ['cat', '--outer', 'image', 'init']));
});
