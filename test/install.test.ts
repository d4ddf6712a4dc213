// What install puts into a root and uninstall takes out again: exactly that, whatever stops it in between, and never outside the root.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { KindlingError } from '../src/errors.ts';
import { sha256 } from '../src/node/digest.ts';
import { directoryRoot } from '../src/node/directory.ts';
import { installDisk, LINKING_DISK, type LinkingDisk } from '../src/node/install-disk.ts';
import { MANIFEST_PATH, parseManifest, printManifest } from '../src/verbs/install/manifest.ts';
import { fitting } from '../src/verbs/install/plan.ts';
import { isInstalled, readManifest } from '../src/verbs/install.ts';
import { fullRoot, installIn, scratch, snapshot, uninstallIn, write } from './install-world.ts';

test('only what fits a root goes in', (t) => {
  const base = scratch(t);
  write(base, {
    'etc/arch/etc/pacman.conf': '',
    'etc/arch/var/lib/pacman/local/ALPM_DB_VERSION': '9',
    'etc/arch/usr/lib/systemd/systemd': '',
  });
  assert.deepEqual(fitting(directoryRoot(join(base, 'etc/arch'))), ['pacman', 'systemd']);
  const old = join(base, 'old');
  write(old, { 'var/lib/dpkg/status': '', 'sbin/init': '', 'etc/init.d/cron': '', 'etc/rcS.d/S01x': '' });
  assert.deepEqual(fitting(directoryRoot(old)), ['debian', 'sysvinit']);
  const fedora = join(base, 'fedora');
  write(fedora, {
    'etc/grub.d/00_header': '',
    'etc/default/grub': 'GRUB_ENABLE_BLSCFG=true\n',
    'boot/loader/entries/a.conf': '',
    lib: '-> usr/lib',
    'usr/lib/systemd/systemd': '',
    'bin/kernel-install': '',
  });
  assert.deepEqual(fitting(directoryRoot(fedora)), ['kernel-install', 'systemd', 'bls']);
  write(join(base, 'bare'), { 'etc/passwd': '' });
  assert.deepEqual(fitting(directoryRoot(join(base, 'bare'))), []);
});

test('uninstall leaves no trace of install, and a second install changes nothing', async (t) => {
  const base = fullRoot(scratch(t));
  const before = snapshot(base);
  const first = await installIn(base);
  assert.ok(first.steps.every(({ act }) => act === 'make'));
  const between = snapshot(base);
  assert.ok(between.length > before.length + 12);
  const second = await installIn(base);
  assert.ok(isInstalled(second));
  assert.deepEqual(snapshot(base), between, 'not even a time may change');
  assert.deepEqual(uninstallIn(base).findings, []);
  assert.deepEqual(snapshot(base), before);
  assert.deepEqual(uninstallIn(base).remove, [], 'and nothing is left to remove');
});

test('another choice takes out what is not asked for any more', async (t) => {
  const base = fullRoot(scratch(t));
  const before = snapshot(base);
  await installIn(base);
  const work = await installIn(base, undefined, ['systemd']);
  assert.ok(work.steps.some(({ act, path }) => act === 'remove' && path === 'etc/grub.d/09_kindling'));
  const paths = snapshot(base).map((line) => line.split(' ')[0]);
  assert.ok(!paths.includes('etc/grub.d/09_kindling') && !paths.includes('etc/grub.d/42_kindling'));
  assert.ok(paths.includes('etc/systemd/system/kindling-update.service'));
  uninstallIn(base);
  assert.deepEqual(snapshot(base), before);
});

test('what a person wrote or changed is left, by install and by uninstall, and that is said', async (t) => {
  const base = fullRoot(scratch(t));
  write(base, { 'etc/grub.d/42_kindling': '#!/bin/sh\n# mine\n' });
  const work = await installIn(base);
  assert.deepEqual(
    work.findings.map(({ code, where }) => [code, where.path]),
    [['not-ours', 'etc/grub.d/42_kindling']],
  );
  const changed = join(base, 'etc/kindling.conf.d/10-install.conf');
  writeFileSync(changed, 'check = stop\n');
  chmodSync(join(base, 'etc/kernel/postinst.d/zz-kindling'), 0o644);
  const again = await installIn(base);
  const left = again.steps.filter(({ act }) => act === 'left').map(({ path }) => path);
  assert.deepEqual(left, ['etc/kindling.conf.d/10-install.conf', 'etc/grub.d/42_kindling']);
  assert.equal(
    again.steps.find(({ path }) => path === 'etc/kernel/postinst.d/zz-kindling')?.act,
    'replace',
    'the mode was changed: set again',
  );
  const { findings } = uninstallIn(base);
  assert.deepEqual(
    findings.map(({ where }) => where.path),
    ['etc/kindling.conf.d/10-install.conf'],
  );
  assert.equal(readFileSync(changed, 'utf8'), 'check = stop\n');
  assert.equal(readFileSync(join(base, 'etc/grub.d/42_kindling'), 'utf8'), '#!/bin/sh\n# mine\n');
});

test('a newer version of a hook replaces the older one that nobody changed', async (t) => {
  const base = fullRoot(scratch(t));
  const before = snapshot(base);
  await installIn(base);
  const path = 'etc/kernel/postinst.d/zz-kindling';
  writeFileSync(join(base, path), '#!/bin/sh\n# an older version\n');
  const disk = installDisk(base);
  const manifest = readManifest(disk, sha256)!;
  const digest = disk.digest(path);
  const made = manifest.made.map((one) => (one.path === path && one.kind === 'file' ? { ...one, digest } : one));
  writeFileSync(join(base, MANIFEST_PATH), printManifest({ ...manifest, made }, sha256));
  const work = await installIn(base);
  assert.equal(work.steps.find((step) => step.path === path)?.act, 'replace');
  uninstallIn(base);
  assert.deepEqual(snapshot(base), before);
});

test('a damaged list stops uninstall, and the next install makes it anew', async (t) => {
  const base = fullRoot(scratch(t));
  await installIn(base);
  const path = join(base, MANIFEST_PATH);
  const whole = readFileSync(path);
  for (const bytes of [whole.subarray(0, whole.length - 1), whole.subarray(0, 300), Buffer.alloc(0), Buffer.from('state done\n')]) {
    writeFileSync(path, bytes);
    assert.throws(
      () => uninstallIn(base),
      (error) => error instanceof KindlingError && ['BAD_CHECKSUM', 'BAD_MAGIC'].includes(error.code),
    );
  }
  const work = await installIn(base);
  assert.deepEqual(
    work.findings.map(({ code }) => code),
    ['list-damaged'],
  );
  assert.equal(readManifest(installDisk(base), sha256)?.state, 'done');
  assert.deepEqual(uninstallIn(base).findings, []);
  assert.ok(!snapshot(base).some((line) => /^(etc|var).*kindling/.test(line) && !line.includes('/ ')), 'only directories can stay');
});

test('the list refuses lines that install never writes', () => {
  for (const line of ['file 12 etc/x', 'link a', 'device etc/x', 'directory etc/a b', 'file']) {
    const text = `kindling installed 1\nstate done\nwith \n${line}\n`;
    const bytes = new TextEncoder().encode(`${text}end ${sha256(new TextEncoder().encode(text))}\n`);
    assert.throws(() => parseManifest(bytes, sha256), /expected a directory, file or link/, line);
  }
});

/** A disk that dies before its operation number `at`: from then on nothing happens any more. */
function dying(at: number): { disk: LinkingDisk; count: () => number } {
  let count = 0;
  const step = <A extends unknown[], R>(work: (...args: A) => R) => {
    return (...args: A): R => {
      count += 1;
      if (count > at) throw new Error('killed');
      return work(...args);
    };
  };
  const disk: LinkingDisk = {
    ...LINKING_DISK,
    create: step(LINKING_DISK.create),
    write: step(LINKING_DISK.write),
    chmod: step(LINKING_DISK.chmod),
    sync: step(LINKING_DISK.sync),
    rename: step(LINKING_DISK.rename),
    unlink: step(LINKING_DISK.unlink),
    mkdir: step(LINKING_DISK.mkdir),
    rmdir: step(LINKING_DISK.rmdir),
    symlink: step(LINKING_DISK.symlink),
    syncDirectory: step(LINKING_DISK.syncDirectory),
  };
  return { disk, count: () => count };
}

test('killed before any operation of an install, the next install finishes it and uninstall takes it back', async (t) => {
  const home = scratch(t);
  const whole = fullRoot(join(home, 'whole'));
  const counting = dying(Number.POSITIVE_INFINITY);
  await installIn(whole, counting.disk);
  const files = snapshot(whole).map((line) => line.replace(/ [0-9.]+ (?=[0-9a-f]{64}$)/, ' '));
  assert.ok(counting.count() > 80);
  for (let at = 0; at < counting.count(); at += 1) {
    const base = join(home, 'root');
    rmSync(base, { recursive: true, force: true });
    fullRoot(base);
    const before = snapshot(base);
    await assert.rejects(installIn(base, dying(at).disk), /killed/, `operation ${at}`);
    if (at % 2 === 0) {
      await installIn(base);
      const now = snapshot(base).map((line) => line.replace(/ [0-9.]+ (?=[0-9a-f]{64}$)/, ' '));
      assert.deepEqual(now, files, `operation ${at}: finished`);
    }
    uninstallIn(base);
    assert.deepEqual(snapshot(base), before, `operation ${at}: taken back`);
  }
});

test('killed before any operation of an uninstall, the next one finishes it, and so does an install', async (t) => {
  const home = scratch(t);
  const whole = fullRoot(join(home, 'whole'));
  await installIn(whole);
  const counting = dying(Number.POSITIVE_INFINITY);
  uninstallIn(whole, counting.disk);
  assert.ok(counting.count() > 30);
  for (let at = 0; at < counting.count(); at += 1) {
    const base = join(home, 'root');
    rmSync(base, { recursive: true, force: true });
    fullRoot(base);
    const before = snapshot(base);
    await installIn(base);
    assert.throws(() => uninstallIn(base, dying(at).disk), /killed/);
    if (at % 2 === 0) {
      await installIn(base);
      assert.ok(isInstalled(await installIn(base)), `operation ${at}`);
    }
    uninstallIn(base);
    assert.deepEqual(snapshot(base), before, `operation ${at}`);
  }
});

test('no link leads out of the root', async (t) => {
  const home = scratch(t);
  const outside = join(home, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'zz-kindling'), 'precious');
  const base = join(home, 'root');
  write(base, { 'etc/passwd': '', 'var/lib/dpkg/status': '', 'usr/lib/systemd/systemd': '', 'inner/x': '' });
  mkdirSync(join(base, 'etc/kernel'), { recursive: true });
  // Absolute as the root has it: it leads to a place in the root, or nowhere.
  symlinkSync(outside, join(base, 'etc/kernel/postinst.d'));
  symlinkSync('../../../../../../../../inner', join(base, 'etc/kernel/postrm.d'));
  symlinkSync(`${outside}/zz-kindling`, join(base, 'etc/kindling.conf.d'));
  symlinkSync(`${outside}/zz-kindling`, join(base, 'etc/systemd'));
  const before = snapshot(home);
  await assert.rejects(installIn(base), KindlingError);
  assert.equal(readFileSync(join(outside, 'zz-kindling'), 'utf8'), 'precious');
  uninstallIn(base);
  assert.deepEqual(snapshot(home), before);
  for (const path of ['etc/kernel/postinst.d', 'etc/kindling.conf.d', 'etc/systemd']) rmSync(join(base, path));
  const between = snapshot(home);
  await installIn(base);
  assert.match(readFileSync(join(base, 'inner/zz-kindling'), 'utf8'), /uninstall -k/, 'a link that stays inside is followed');
  uninstallIn(base);
  assert.deepEqual(snapshot(home), between);
});
