// The long side of install and uninstall: a whole Debian with its failsafe archive, and processes that are really killed.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makePackage } from '../scripts/package.ts';
import { snapshot, write } from './install-world.ts';
import { debianRoot, linkTree, mustRun } from './world/index.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
let folder = '';
let base = '';
let clean: string[] = [];

function kindling(...argv: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(KINDLING, argv, { encoding: 'utf8', timeout: 600_000 });
  return { code: status, out: stdout, err: stderr };
}

before(
  async () => {
    folder = mkdtempSync(join(tmpdir(), 'kindling-install-'));
    const debian = await debianRoot('amd64', ['libstdc++6', 'libatomic1']);
    const made = await makePackage(join(folder, 'kindling.deb'), { codec: 'gzip:1' });
    base = join(folder, 'root');
    linkTree(debian.folder, base);
    await mustRun('dpkg-deb', ['-x', made.path, base]);
    if (existsSync(join(base, 'etc/fstab'))) unlinkSync(join(base, 'etc/fstab'));
    write(base, {
      'etc/fstab': 'UUID=1111-aaaa / ext4 defaults 0 1\n',
      'etc/grub.d/00_header': '#!/bin/sh\n',
      'boot/loader/entries/own.conf': 'title Own\n',
    });
    clean = snapshot(base);
  },
  { timeout: 20 * 60_000 },
);
after(() => rmSync(folder, { recursive: true, force: true }));

test('a whole Debian: archive, failsafe with its kernel, entries; uninstalled without a trace', () => {
  const installed = kindling('install', '-R', base);
  assert.equal(installed.code, 0, installed.err);
  assert.doesNotMatch(installed.err, /there is no \/usr\/lib\/kindling/);
  for (const name of ['kindling-failsafe.img', 'kindling-failsafe.vmlinuz']) {
    assert.equal(statSync(join(base, 'boot', name)).mode & 0o777, 0o600, name);
  }
  const made = statSync(join(base, 'boot/kindling-failsafe.img')).mtimeMs;
  assert.match(readFileSync(join(base, 'boot/loader/entries/kindling-failsafe.conf'), 'utf8'), /kindling-failsafe\.vmlinuz/);
  assert.equal(kindling('install', '-R', base).code, 0);
  assert.equal(statSync(join(base, 'boot/kindling-failsafe.img')).mtimeMs, made, 'it is made once');
  assert.equal(kindling('update', '-R', base, '-n').code, 0);
  const gone = kindling('uninstall', '-R', base);
  assert.equal(gone.code, 0, gone.err);
  assert.deepEqual(snapshot(base), clean);
});

async function killed(argv: readonly string[], time: number): Promise<void> {
  const child: ChildProcess = spawn(KINDLING, argv, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await Promise.race([sleep(time), ended]);
  child.kill('SIGKILL');
  await ended;
}

test('killed at any time, an install is finished or taken back', async (t) => {
  const startedAt = performance.now();
  assert.equal(kindling('install', '-R', base, '--no-failsafe').code, 0);
  const whole = performance.now() - startedAt;
  const paths = snapshot(base).map((line) => line.split(' ')[0]);
  kindling('uninstall', '-R', base);
  const rounds = 8;
  for (let round = 0; round < rounds; round += 1) {
    const time = (whole * (round + 0.5)) / rounds;
    await killed(['install', '-R', base, '--no-failsafe'], time);
    if (round % 2 === 0) {
      const again = kindling('install', '-R', base, '--no-failsafe');
      assert.equal(again.code, 0, again.err);
      assert.deepEqual(
        snapshot(base).map((line) => line.split(' ')[0]),
        paths,
        `after ${time.toFixed(0)} ms`,
      );
      await killed(['uninstall', '-R', base], time / 4);
    }
    const gone = kindling('uninstall', '-R', base);
    assert.equal(gone.code, 0, gone.err);
    assert.deepEqual(snapshot(base), clean, `after ${time.toFixed(0)} ms`);
  }
  t.diagnostic(`${rounds} kills over ${whole.toFixed(0)} ms`);
});

test('where no failsafe can be made, all else is installed, and the exit code tells', () => {
  const library = join(base, 'usr/lib/x86_64-linux-gnu/libstdc++.so.6');
  rmSync(library);
  const before = snapshot(base);
  const ran = kindling('install', '-R', base);
  assert.equal(ran.code, 3, ran.err);
  assert.match(ran.err, /there is no failsafe archive: /);
  assert.match(readFileSync(join(base, 'var/lib/kindling/installed'), 'utf8'), /^state done$/m);
  assert.equal(kindling('uninstall', '-R', base).code, 0);
  assert.deepEqual(snapshot(base), before);
});
