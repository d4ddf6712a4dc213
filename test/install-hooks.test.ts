// The hooks that install puts into a root, called by the real programs that call them: run-parts, kernel-install, pacman, and by shells.
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { HOOKS, scratch, write } from './install-world.ts';
import { needs, tool } from './tools.ts';

const VERSION = '6.1.0-9-amd64';
const SHELLS = ['dash', 'bash', 'busybox sh'];

/** A hook, with the program and /boot in a folder instead. */
function hook(name: string, path: string, folder: string): string {
  const text = readFileSync(join(HOOKS, name), 'utf8')
    .replaceAll('/usr/lib/kindling/kindling', `${folder}/kindling`)
    .replaceAll('/run/kindling/', `${folder}/run/`)
    .replaceAll('"/boot/', `"${folder}/boot/`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

/** A program that notes how it was called, makes the archive it is asked for, and ends as the file "code" says. */
function recorder(folder: string): void {
  const text = `#!/bin/sh
echo "$*" >>"${folder}/calls"
case "$1 $2" in "update -k") mkdir -p "${folder}/boot"; echo "archive of $3" >"${folder}/boot/kindling-$3.img" ;; esac
echo "on standard output"
exit "$(cat "${folder}/code" 2>/dev/null || echo 0)"
`;
  writeFileSync(join(folder, 'kindling'), text, { mode: 0o755 });
}

function calls(folder: string): string[] {
  const path = join(folder, 'calls');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
  rmSync(path, { force: true });
  return lines;
}

function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): SpawnSyncReturns<string> {
  return spawnSync(program, args, { encoding: 'utf8', timeout: 60_000, env: { PATH: process.env.PATH ?? '', ...env } });
}

test('every script is clean under shellcheck, and every shell can read it', (t) => {
  if (!needs(t, 'shellcheck', 'dash', 'bash', 'busybox')) return;
  const scripts = readdirSync(HOOKS).filter((name) => name.endsWith('.sh'));
  assert.ok(scripts.length >= 6);
  const checked = run(tool('shellcheck'), ['-s', 'sh', ...scripts.map((name) => join(HOOKS, name))]);
  assert.equal(checked.stdout, '');
  for (const shell of SHELLS) {
    for (const name of scripts) assert.equal(run('sh', ['-c', `${shell} -n ${join(HOOKS, name)}`]).stderr, '', `${shell} ${name}`);
  }
});

test('run-parts: after the own generator, before the boot menu; the kernel alone; a failure is the package’s', (t) => {
  if (!needs(t, 'run-parts')) return;
  const folder = scratch(t);
  recorder(folder);
  const parts = join(folder, 'postinst.d');
  hook('kernel-postinst.sh', join(parts, 'zz-kindling'), folder);
  for (const name of ['initramfs-tools', 'zz-update-grub']) {
    writeFileSync(join(parts, name), `#!/bin/sh\necho "${name} $1" >>"${folder}/calls"\n`, { mode: 0o755 });
  }
  // As the maintainer script of linux-image calls it.
  const install = (env: Record<string, string> = {}) =>
    run(tool('run-parts'), ['--report', '--exit-on-error', `--arg=${VERSION}`, `--arg=/boot/vmlinuz-${VERSION}`, parts], env);

  const fine = install({ DEB_MAINT_PARAMS: 'configure 6.1.99-1' });
  assert.equal(fine.status, 0, fine.stderr);
  assert.deepEqual(calls(folder), [`initramfs-tools ${VERSION}`, `update -k ${VERSION}`, `zz-update-grub ${VERSION}`]);
  assert.ok(!fine.stdout.includes('on standard output'), 'standard output belongs to debconf');

  const others = [`initramfs-tools ${VERSION}`, `zz-update-grub ${VERSION}`];
  for (const env of [{ INITRD: 'No' }, { DEB_MAINT_PARAMS: 'abort-upgrade' }, { DEB_MAINT_PARAMS: "'abort-remove'" }]) {
    assert.equal(install(env).status, 0);
    assert.deepEqual(calls(folder), others, JSON.stringify(env));
  }
  install({ DEB_MAINT_PARAMS: "'configure' '6.1.99-1'" });
  assert.equal(calls(folder).length, 3, 'the quoted form');
  install();
  assert.equal(calls(folder).length, 3, 'a kernel that is no package');

  writeFileSync(join(folder, 'code'), '4');
  const failed = install({ DEB_MAINT_PARAMS: 'configure' });
  assert.notEqual(failed.status, 0);
  assert.match(failed.stderr, /zz-kindling exited with return code 4/);
  assert.deepEqual(calls(folder), [`initramfs-tools ${VERSION}`, `update -k ${VERSION}`], 'the own initrd was made before');

  rmSync(join(folder, 'kindling'));
  assert.equal(install().status, 0, 'without the program the hook does nothing');
});

test('run-parts: removing a kernel takes its archives, an upgrade does not', (t) => {
  if (!needs(t, 'run-parts')) return;
  const folder = scratch(t);
  recorder(folder);
  const parts = join(folder, 'postrm.d');
  hook('kernel-postrm.sh', join(parts, 'zz-kindling'), folder);
  const image = join(folder, 'vmlinuz');
  const remove = (words: string): string[] => {
    const ran = run(tool('run-parts'), ['--exit-on-error', `--arg=${VERSION}`, `--arg=${image}`, parts], { DEB_MAINT_PARAMS: words });
    assert.equal(ran.status, 0, ran.stderr);
    return calls(folder);
  };
  for (const words of ['remove', "'remove'", 'purge']) assert.deepEqual(remove(words), [`uninstall -k ${VERSION}`], words);
  for (const words of ['upgrade 6.1.99-2', "'upgrade' '6.1'", 'failed-upgrade', 'abort-install', 'disappear'])
    assert.deepEqual(remove(words), [], words);
  writeFileSync(image, '');
  assert.deepEqual(remove('purge'), [], 'another package has the same kernel');
});

test('kernel-install: hands the archive on only as the generator, keeps its own otherwise, and goes with the kernel', (t) => {
  if (!needs(t, 'kernel-install')) return;
  const folder = scratch(t);
  recorder(folder);
  const plugins = join(folder, 'install.d');
  hook('kernel-install.sh', join(plugins, '50-kindling.install'), folder);
  symlinkSync('50-kindling.install', join(plugins, '95-kindling.install'));
  const entry = '/usr/lib/kernel/install.d/90-loaderentry.install';
  const image = join(folder, 'vmlinuz');
  write(folder, { vmlinuz: 'kernel', given: 'given initrd', 'conf/cmdline': 'root=/dev/vda quiet\n', 'esp/token/keep': '' });
  const install = (generator: string, ...words: string[]): SpawnSyncReturns<string> => {
    writeFileSync(join(folder, 'conf/install.conf'), `layout=bls\ninitrd_generator=${generator}\n`);
    return run(tool('kernel-install'), words, {
      KERNEL_INSTALL_CONF_ROOT: join(folder, 'conf'),
      KERNEL_INSTALL_PLUGINS: [join(plugins, '50-kindling.install'), entry, join(plugins, '95-kindling.install')].join(' '),
      MACHINE_ID: '0123456789abcdef0123456789abcdef',
      BOOT_ROOT: join(folder, 'esp'),
      ENTRY_TOKEN: 'token',
    });
  };
  const initrd = join(folder, 'esp/token', VERSION, 'initrd');

  const own = install('kindling', 'add', VERSION, image);
  assert.equal(own.status, 0, own.stderr);
  assert.deepEqual(calls(folder), [`update -k ${VERSION}`]);
  assert.equal(readFileSync(initrd, 'utf8'), `archive of ${VERSION}\n`);
  const conf = readFileSync(join(folder, 'esp/loader/entries', `token-${VERSION}.conf`), 'utf8');
  assert.match(conf, /^initrd +.*\/initrd$/m);

  assert.equal(install('kindling', 'remove', VERSION).status, 0);
  assert.deepEqual(calls(folder), [`uninstall -k ${VERSION}`]);
  assert.ok(!existsSync(initrd));

  for (const generator of ['', 'dracut']) {
    const other = install(generator, 'add', VERSION, image);
    assert.equal(other.status, 0, other.stderr);
    assert.deepEqual(calls(folder), [`update -k ${VERSION}`], 'our own archive is kept in step all the same');
    assert.ok(!existsSync(initrd), 'but nothing is handed on');
    assert.equal(install(generator, 'remove', VERSION).status, 0);
    assert.deepEqual(calls(folder), [`uninstall -k ${VERSION}`]);
  }

  assert.equal(install('kindling', 'add', VERSION, image, join(folder, 'given')).status, 0);
  assert.ok(!existsSync(initrd), 'an initrd that the caller names is the one');
  assert.equal(readFileSync(join(dirname(initrd), 'given'), 'utf8'), 'given initrd');
  calls(folder);

  writeFileSync(join(folder, 'code'), '4');
  rmSync(join(folder, 'esp/loader'), { recursive: true });
  assert.notEqual(install('', 'add', VERSION, image).status, 0, 'a failure is told');
  assert.ok(existsSync(join(folder, 'esp/loader/entries', `token-${VERSION}.conf`)), 'and the own entry is there');
});

test('the kernel-install plugin leaves a unified kernel image alone, and its initrd is nobody else’s to read', (t) => {
  const folder = scratch(t);
  recorder(folder);
  const path = hook('kernel-install.sh', join(folder, '50-kindling.install'), folder);
  mkdirSync(join(folder, 'staging'));
  const env = { KERNEL_INSTALL_INITRD_GENERATOR: 'kindling', KERNEL_INSTALL_STAGING_AREA: join(folder, 'staging') };
  const words = ['add', VERSION, join(folder, 'entry'), join(folder, 'vmlinuz')];
  assert.equal(run(path, words, { ...env, KERNEL_INSTALL_IMAGE_TYPE: 'uki' }).status, 0);
  assert.deepEqual(calls(folder), []);
  assert.equal(run(path, words, env).status, 0);
  assert.equal(statSync(join(folder, 'staging/initrd')).mode & 0o777, 0o600);
});

test('pacman calls the hooks for a kernel that comes, changes and goes, and for other files of an archive', (t) => {
  if (!needs(t, 'pacman', 'bsdtar', 'busybox')) return;
  if (process.geteuid?.() !== 0) return t.skip('needs root: pacman changes into its root to run a hook');
  const folder = scratch(t);
  const root = join(folder, 'root');
  write(root, { 'var/lib/pacman/x': '', 'var/log/x': '', 'boot/x': '', 'etc/pacman.d/hooks/x': '' });
  mkdirSync(join(root, 'bin'));
  copyFileSync(tool('busybox'), join(root, 'bin/busybox'));
  symlinkSync('busybox', join(root, 'bin/sh'));
  write(root, { 'usr/lib/kindling/kindling': '#!/bin/sh\necho "$*" >>/calls\n' }, 0o755);
  const hooks = {
    'pacman-install.hook': '95-kindling-install.hook',
    'pacman-remove.hook': '60-kindling-remove.hook',
    'pacman-targets.sh': 'kindling-targets',
  };
  for (const [from, to] of Object.entries(hooks)) copyFileSync(join(HOOKS, from), join(root, 'etc/pacman.d/hooks', to));
  chmodSync(join(root, 'etc/pacman.d/hooks/kindling-targets'), 0o755);
  writeFileSync(join(folder, 'conf'), '[options]\nArchitecture = auto\nSigLevel = Never\n');

  const packed = (name: string, version: string, path: string): string => {
    const place = join(folder, `${name}-${version}`);
    write(place, {
      [path]: 'content\n',
      '.PKGINFO': `pkgname = ${name}\npkgver = ${version}-1\npkgdesc = made up\nsize = 1\narch = any\n`,
    });
    const file = `${place}.pkg.tar`;
    assert.equal(run(tool('bsdtar'), ['-C', place, '-cf', file, '.PKGINFO', path.split('/')[0]!]).status, 0);
    return file;
  };
  const pacman = (...words: string[]): string[] => {
    const places = [
      '--root',
      root,
      '--dbpath',
      `${root}/var/lib/pacman`,
      '--hookdir',
      `${root}/etc/pacman.d/hooks`,
      '--logfile',
      `${folder}/log`,
    ];
    const ran = run(tool('pacman'), ['--config', join(folder, 'conf'), ...places, '--cachedir', folder, '--noconfirm', ...words]);
    assert.equal(ran.status, 0, ran.stderr);
    assert.doesNotMatch(ran.stderr, /error/);
    return calls(root);
  };
  const kernel = (version: string): string => packed('linux', version, `usr/lib/modules/${version}-arch1/vmlinuz`);
  assert.deepEqual(pacman('-U', kernel('6.1.0')), ['update -k 6.1.0-arch1']);
  assert.deepEqual(pacman('-U', kernel('6.2.0')), ['uninstall -k 6.1.0-arch1', 'update -k 6.2.0-arch1']);
  assert.deepEqual(pacman('-U', packed('firmware', '1', 'usr/lib/firmware/some/blob.bin')), ['update -k all']);
  assert.deepEqual(pacman('-U', packed('other', '1', 'usr/share/doc/other')), []);
  assert.deepEqual(pacman('-R', 'linux'), ['uninstall -k 6.2.0-arch1']);
  assert.deepEqual(pacman('-R', 'firmware'), ['update -k all']);
});

test('the start script updates at boot only when early userspace asked for it, and at a shutdown always', (t) => {
  if (!needs(t, 'dash', 'bash', 'busybox')) return;
  const folder = scratch(t);
  recorder(folder);
  const path = hook('sysvinit.sh', join(folder, 'init'), folder);
  for (const shell of SHELLS) {
    const init = (word: string, env: Record<string, string> = {}): string[] => {
      const ran = run('sh', ['-c', `${shell} ${path} ${word}`], env);
      assert.equal(ran.status, word === 'dance' ? 2 : 0, ran.stderr);
      return calls(folder);
    };
    rmSync(join(folder, 'run'), { recursive: true, force: true });
    assert.deepEqual(init('start'), []);
    write(folder, { 'run/update': 'usr/lib/modules/x\n' });
    assert.deepEqual(init('start'), ['update -k all']);
    assert.deepEqual(init('stop', { RUNLEVEL: '6' }), ['update -k all']);
    assert.deepEqual(init('stop', { RUNLEVEL: '0' }), ['update -k all']);
    assert.deepEqual(init('stop', { RUNLEVEL: '2' }), [], 'a service that is stopped is no shutdown');
    assert.deepEqual(init('restart'), []);
    assert.deepEqual(init('dance'), []);
  }
});
