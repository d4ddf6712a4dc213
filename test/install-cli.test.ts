// `kindling install` and `kindling uninstall` as a person and as hooks run them, on a root on disk with a kernel: archives, entries, exit codes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sample } from '../src/plan/sample.fixture.ts';
import { scratch, snapshot, write } from './install-world.ts';
import { writeRoot } from './on-disk.ts';
import { needs, tool } from './tools.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
const VERSION = '6.1.0-sample';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function kindling(...argv: string[]): Ended {
  const { status, stdout, stderr } = spawnSync(KINDLING, argv, { encoding: 'utf8', timeout: 120_000 });
  return { code: status, out: stdout, err: stderr };
}

/** A Debian with a kernel, GRUB and boot entries. */
function machine(t: TestContext, fstab = '/dev/vda / ext4 defaults 0 1\n'): string {
  const base = writeRoot(sample(), join(scratch(t), 'root'));
  write(base, {
    'var/lib/dpkg/status': '',
    'etc/grub.d/00_header': '#!/bin/sh\n',
    'usr/lib/systemd/systemd': '',
    'boot/loader/entries/own.conf': 'title Own\n',
    [`boot/vmlinuz-${VERSION}`]: 'kernel',
    [`boot/initrd.img-${VERSION}`]: "another tool's",
    'boot/kindling-other.img': 'no archive at all',
  });
  write(base, { 'etc/kernel/cmdline': 'root=/dev/vda ro\n', 'etc/fstab': fstab });
  return base;
}

test('install makes archives, hooks and entries; uninstall leaves no trace of them, and the own initrd stays', (t) => {
  const base = machine(t);
  const before = snapshot(base);
  const planned = kindling('install', '-R', base, '-n');
  assert.equal(planned.code, 0, planned.err);
  assert.match(planned.out, /^make \/etc\/kernel\/postinst\.d\/zz-kindling: /m);
  assert.deepEqual(snapshot(base), before, 'a dry run changes nothing');

  const installed = kindling('install', '-R', base, '--no-failsafe', '--json');
  assert.equal(installed.code, 0, installed.err);
  assert.match(installed.err, /there is no \/usr\/lib\/kindling\/kindling in /);
  const document = JSON.parse(installed.out) as Record<string, unknown>;
  assert.deepEqual(document.with, ['debian', 'systemd', 'bls', 'grub']);
  assert.ok(existsSync(join(base, `boot/kindling-${VERSION}.img`)));
  assert.match(readFileSync(join(base, `boot/loader/entries/kindling-${VERSION}.conf`), 'utf8'), /^options +root=\/dev\/vda ro$/m);
  assert.match(readFileSync(join(base, 'etc/kindling.conf.d/10-install.conf'), 'utf8'), /^check = warn$/m);
  // A record is renewed while its inputs are younger than the clock can tell.
  const notRecords = (line: string): boolean => !/^var\/lib\/kindling\/[0-9a-f]{64}\//.test(line);
  const between = snapshot(base).filter(notRecords);

  const again = kindling('install', '-R', base, '--no-failsafe');
  assert.equal(again.code, 0, again.err);
  assert.match(again.err, /everything is in place already/);
  assert.deepEqual(snapshot(base).filter(notRecords), between);
  assert.equal(kindling('update', '-R', base, '-n').code, 0, 'and the archives are in step with what was put in');

  const listed = kindling('uninstall', '-R', base, '-n');
  assert.match(listed.out, new RegExp(`^remove /boot/kindling-${VERSION}.img$`, 'm'));
  assert.deepEqual(snapshot(base).filter(notRecords), between);
  const gone = kindling('uninstall', '-R', base);
  assert.equal(gone.code, 0, gone.err);
  assert.match(gone.err, /kindling-other\.img: it is no archive that kindling made; it is left/);
  assert.deepEqual(snapshot(base), before);
  assert.match(kindling('uninstall', '-R', base).err, /there is nothing of kindling/);
});

test('the hooks for a kernel that comes and goes run the real program', (t) => {
  if (!needs(t, 'run-parts')) return;
  const base = machine(t);
  assert.equal(kindling('install', '-R', base, '--no-failsafe').code, 0);
  const other = '6.2.0-sample';
  // Another kernel, as its package unpacks it.
  cpSync(join(base, 'usr/lib/modules', VERSION), join(base, 'usr/lib/modules', other), { recursive: true });
  for (const name of readdirSync(join(base, 'boot'))) {
    if (/^(vmlinuz|config)-/.test(name)) cpSync(join(base, 'boot', name), join(base, 'boot', name.replace(VERSION, other)));
  }
  const program = join(base, '../kindling');
  writeFileSync(program, `#!/bin/sh\nexec '${KINDLING}' "$@" -R '${base}'\n`, { mode: 0o755 });
  const parts = (folder: string): Ended => {
    const at = join(base, '..', folder);
    rmSync(at, { recursive: true, force: true });
    mkdirSync(at);
    const text = readFileSync(join(base, 'etc/kernel', folder, 'zz-kindling'), 'utf8').replace('/usr/lib/kindling/kindling', program);
    writeFileSync(join(at, 'zz-kindling'), text, { mode: 0o755 });
    const words = ['--exit-on-error', `--arg=${other}`, `--arg=/nowhere/vmlinuz-${other}`, at];
    const env = { ...process.env, DEB_MAINT_PARAMS: folder === 'postinst.d' ? 'configure' : 'remove' };
    const { status, stdout, stderr } = spawnSync(tool('run-parts'), words, { encoding: 'utf8', env });
    return { code: status, out: stdout, err: stderr };
  };
  const come = parts('postinst.d');
  assert.equal(come.code, 0, come.err);
  const archive = join(base, `boot/kindling-${other}.img`);
  const entry = join(base, `boot/loader/entries/kindling-${other}.conf`);
  assert.ok(existsSync(archive) && existsSync(entry));
  assert.equal(kindling('list', archive).code, 0);

  rmSync(join(base, 'usr/lib/modules', other), { recursive: true });
  rmSync(join(base, `boot/vmlinuz-${other}`));
  const goes = parts('postrm.d');
  assert.equal(goes.code, 0, goes.err);
  assert.ok(!existsSync(archive) && !existsSync(entry));
  assert.ok(existsSync(join(base, `boot/kindling-${VERSION}.img`)), 'the others stay');
});

test('a root that its archive could not reach is left as it was', (t) => {
  const base = machine(t, '/dev/mapper/secret / ext4 defaults 0 1\n');
  write(base, { 'etc/crypttab': 'secret UUID=1111 none luks\n' });
  const before = snapshot(base);
  const refused = kindling('install', '-R', base, '--no-failsafe');
  assert.equal(refused.code, 1, refused.err);
  assert.match(refused.err, /nothing was installed/);
  assert.deepEqual(snapshot(base), before);
});

test('wrong words are wrong usage, and what is no root is told', (t) => {
  const folder = scratch(t);
  assert.equal(kindling('install', '-R', folder, '--with', 'debian,lilo').code, 2);
  assert.equal(kindling('install', '-R', folder, '--codec', 'brotli').code, 2);
  assert.equal(kindling('uninstall', '-R', folder, '-k', '../../etc').code, 2);
  const empty = kindling('install', '-R', folder);
  assert.equal(empty.code, 3);
  assert.match(empty.err, /it has no etc/);
  assert.equal(kindling('install', '-R', join(folder, 'none')).code, 3);
  assert.deepEqual(readdirSync(folder), []);
});

test('an ordinary user is told what may not be written, and nothing is left half done', (t) => {
  if (process.geteuid?.() !== 0) return t.skip('needs root to run as somebody else');
  const base = machine(t);
  spawnSync('chmod', ['-R', 'a+rX', join(base, '..')]);
  spawnSync('chmod', ['-R', 'go-w', base]);
  const before = snapshot(base);
  const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', KINDLING, 'install', '-R', base];
  const ran = spawnSync('setpriv', asNobody, { encoding: 'utf8' });
  assert.equal(ran.status, 4, ran.stderr);
  assert.match(ran.stderr, /NO_PERMISSION/);
  assert.deepEqual(snapshot(base), before);
});

test('a link out of the root is followed inside it', (t) => {
  const base = machine(t);
  rmSync(join(base, 'boot'), { recursive: true });
  const outside = join(base, '../outside');
  mkdirSync(outside);
  symlinkSync(outside, join(base, 'boot'));
  const ran = kindling('install', '-R', base, '--no-failsafe');
  assert.notEqual(ran.code, 0);
  assert.deepEqual(readdirSync(outside), []);
  assert.equal(kindling('uninstall', '-R', base).code, 0);
  assert.deepEqual(readdirSync(outside), []);
});
