// `kindling update` and `kindling status` as a person runs them: what they say, what they change and what they leave alone.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openConfined } from '../src/node/confined.ts';
import { DISK } from '../src/node/disk.ts';
import { takeLock } from '../src/node/lock.ts';
import { sample } from '../src/plan/sample.fixture.ts';
import { writeRoot } from './on-disk.ts';
import { needs, tool } from './tools.ts';
import { ARCHIVE, digest, KERNEL, PREVIOUS, RECORDS } from './update.fixture.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
let folder = '';
let made = '';

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function ran(program: string, ...argv: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(program, argv, { encoding: 'utf8', cwd: folder });
  return { code: status, out: stdout, err: stderr };
}

const kindling = (...argv: string[]): Ran => ran(KINDLING, ...argv);

let count = 0;

/** A root of its own, with its archive in step. */
function root(): string {
  count += 1;
  const base = join(folder, `root-${count}`);
  spawnSync('cp', ['-a', made, base]);
  return base;
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-update-'));
  chmodSync(folder, 0o755);
  made = writeRoot(
    sample({ 'etc/kindling.conf': 'check = off\n', 'etc/fstab': '/dev/vda1 / ext4 defaults 0 1\n' }),
    join(folder, 'made'),
    0o022,
  );
  mkdirSync(join(made, 'boot'));
  const first = kindling('update', '-R', made);
  assert.equal(first.code, 0, first.err);
  assert.match(first.err, /kindling-6\.1\.0-sample\.img: .* MiB.*there is no archive/);
  // Time goes by, so that files are older than their record is careful about.
  const [past, now] = [Date.now() / 1000 - 3600, join(made, ARCHIVE)];
  for (const name of readdirSync(made, { recursive: true, encoding: 'utf8' })) {
    if (lstatSync(join(made, name)).isFile() && join(made, name) !== now) utimesSync(join(made, name), past, past);
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Everything that stat tells about everything in a root, the time of the last reading excepted where the mount does not keep it. */
function everything(base: string): string[] {
  return ['', ...readdirSync(base, { recursive: true, encoding: 'utf8' })].sort().map((name) => {
    const { ino, size, mode, mtimeMs, ctimeMs, nlink } = lstatSync(join(base, name));
    return `${name} ${ino} ${size} ${mode} ${mtimeMs} ${ctimeMs} ${nlink}`;
  });
}

test('a root in step: 0, and -n says nothing', () => {
  const base = root();
  const again = kindling('update', '-R', base);
  assert.equal(again.code, 0);
  assert.match(again.err, /in step/);
  const before = everything(base);
  const dry = kindling('update', '-n', '-R', base);
  assert.deepEqual([dry.code, dry.out], [0, ''], dry.err);
  assert.deepEqual(everything(base), before);
  assert.equal(lstatSync(join(base, ARCHIVE)).mode & 0o7777, 0o600);
});

test('-n prints the inputs that differ, one a line, exits 1 and changes nothing at all', () => {
  const base = root();
  writeFileSync(join(base, 'etc/fstab'), '/dev/vda2 / ext4 defaults 0 1\n');
  renameSync(join(base, 'usr/lib/modules', KERNEL, 'kernel/fs/jfs/jfs.ko'), join(folder, 'jfs.ko'));
  mkdirSync(join(base, 'etc/modprobe.d'));
  writeFileSync(join(base, 'etc/modprobe.d/mine.conf'), 'options ext4 x=1\n');
  const before = everything(base);
  const dry = kindling('update', '-n', '-R', base);
  assert.equal(dry.code, 1, dry.err);
  const lines = dry.out.trimEnd().split('\n');
  assert.ok(lines.includes('changed /etc/fstab'), dry.out);
  assert.ok(lines.includes(`gone /usr/lib/modules/${KERNEL}/kernel/fs/jfs/jfs.ko`), dry.out);
  assert.ok(
    lines.some((line) => /^new \/etc\/modprobe\.d/.test(line)),
    dry.out,
  );
  for (const line of lines) assert.match(line, /^(new|changed|gone) \//);
  assert.deepEqual(everything(base), before);
  const document = JSON.parse(kindling('update', '-n', '--json', '-R', base).out);
  assert.deepEqual([document.dryRun, document.archives[0].outcome, document.archives[0].state], [true, 'needed', 'stale']);
  assert.equal(document.archives[0].changes.length, lines.length);
});

test('an update replaces the archive and keeps the one before; then nothing is to be done', () => {
  const base = root();
  const old = digest(base, ARCHIVE);
  writeFileSync(join(base, 'etc/kindling.conf'), 'check = off\nomit-modules = virtio_blk\n');
  const done = kindling('update', '-R', base, '--json');
  assert.equal(done.code, 0, done.err);
  const [archive] = JSON.parse(done.out).archives;
  assert.deepEqual([archive.outcome, archive.keptPrevious], ['made', true]);
  assert.equal(digest(base, PREVIOUS), old);
  assert.notEqual(digest(base, ARCHIVE), old);
  assert.equal(kindling('update', '-n', '-R', base).code, 0);
  const forced = kindling('update', '-f', '-R', base);
  assert.equal(forced.code, 0, forced.err);
  assert.equal(digest(base, PREVIOUS), old, 'the same archive made anew is nothing to go back to');
});

test('without previous = yes nothing is kept; a kernel that is not there is said', () => {
  const base = root();
  writeFileSync(join(base, 'etc/kindling.conf'), 'check = off\nprevious = no\nomit-modules = virtio_blk\n');
  assert.equal(kindling('update', '-R', base, '-k', KERNEL).code, 0);
  assert.equal(existsSync(join(base, PREVIOUS)), false);
  const other = kindling('update', '-R', base, '-k', '9.9');
  assert.equal(other.code, 3);
  assert.match(other.err, /holds no kernel 9\.9, only 6\.1\.0-sample/);
});

test("another tool's image is not touched, nor is a link", () => {
  const base = root();
  // The least that a kernel takes: the trailer of an empty cpio.
  const image = `070701${[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0].map((field) => field.toString(16).padStart(8, '0')).join('')}TRAILER!!!\0\0\0\0`;
  writeFileSync(join(base, ARCHIVE), image);
  const foreign = kindling('update', '-R', base, '-f');
  assert.equal(foreign.code, 3);
  assert.match(foreign.err, /CONFLICT: .*not touched/);
  assert.equal(readFileSync(join(base, ARCHIVE), 'utf8'), image);
  assert.equal(kindling('update', '-n', '-R', base).code, 3);
  rmSync(join(base, ARCHIVE));
  symlinkSync('/etc/hostname', join(base, ARCHIVE));
  assert.equal(kindling('update', '-R', base).code, 3);
  assert.equal(lstatSync(join(base, ARCHIVE)).isSymbolicLink(), true);
});

test('a root that the archive could not reach is refused, and nothing changes', () => {
  const base = root();
  writeFileSync(join(base, 'etc/crypttab'), 'main /dev/vda2 none luks\n');
  writeFileSync(join(base, 'etc/fstab'), '/dev/mapper/main / ext4 defaults 0 1\n');
  const before = everything(base).filter((line) => !line.startsWith(`${RECORDS} `));
  const refused = kindling('update', '-R', base);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /refused, nothing was changed[\s\S]*root-layer: the root is behind dm-crypt/);
  assert.deepEqual(
    everything(base).filter((line) => !line.startsWith(`${RECORDS} `)),
    before,
  );
});

test('links lead nowhere out of the root', () => {
  const base = root();
  const outside = join(folder, 'outside');
  mkdirSync(join(outside, 'lib'), { recursive: true });
  rmSync(join(base, 'boot'), { recursive: true });
  rmSync(join(base, 'var'), { recursive: true });
  symlinkSync(outside, join(base, 'boot'));
  symlinkSync('../../../../../../../../../../outside/var', join(base, 'var'));
  const away = kindling('update', '-R', base);
  assert.notEqual(away.code, 0);
  assert.deepEqual(readdirSync(outside, { recursive: true }), ['lib']);
  mkdirSync(join(base, outside), { recursive: true });
  const inside = kindling('update', '-R', base);
  assert.equal(inside.code, 0, inside.err);
  assert.ok(existsSync(join(base, outside, `kindling-${KERNEL}.img`)));
  assert.ok(existsSync(join(base, 'outside/var/lib/kindling')));
  assert.deepEqual(readdirSync(outside, { recursive: true }), ['lib']);
});

test('two runs: the second waits, names the first, and finds nothing left to do', async () => {
  const base = root();
  writeFileSync(join(base, 'etc/kindling.conf'), 'check = off\nomit-modules = virtio_blk\n');
  const directory = openConfined(DISK, base, RECORDS, false)!;
  const lock = await takeLock(DISK, directory);
  const runs = [0, 1].map(() => {
    const child = spawn(KINDLING, ['update', '-R', base], { stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    const waits = new Promise<void>((resolve) => {
      child.stderr.on('data', (bytes: Uint8Array) => {
        err += new TextDecoder().decode(bytes);
        if (err.includes('waiting')) resolve();
      });
    });
    return { waits, done: once(child, 'close').then(([code]) => ({ code, err })) };
  });
  await Promise.all(runs.map(({ waits }) => waits));
  lock.release();
  directory.close();
  const ends = await Promise.all(runs.map(({ done }) => done));
  for (const { code, err } of ends) {
    assert.equal(code, 0, err);
    assert.match(err, new RegExp(`\\(process ${process.pid}\\): waiting for it`));
  }
  assert.equal(ends.filter(({ err }) => /inputs? changed since/.test(err)).length, 1);
  assert.equal(ends.filter(({ err }) => /: in step$/m.test(err)).length, 1);
});

test('a signal while it waits or works leaves nothing behind', async () => {
  const base = root();
  const directory = openConfined(DISK, base, RECORDS, false)!;
  const lock = await takeLock(DISK, directory);
  const child = spawn(KINDLING, ['update', '-f', '-R', base], { stdio: ['ignore', 'ignore', 'pipe'] });
  await once(child.stderr, 'data');
  child.kill('SIGTERM');
  const [code] = await once(child, 'close');
  assert.equal(code, 143);
  lock.release();
  directory.close();
  assert.deepEqual(
    readdirSync(join(base, RECORDS)).filter((name) => !/^[0-9a-f]{64}$|^facts/.test(name)),
    [],
  );
});

/** A command in a mount namespace of its own, where `mounts` was done first. Undefined where that is not allowed. */
function apart(t: TestContext, mounts: string, command: readonly string[]): Ran | undefined {
  if (!needs(t, 'unshare', 'mount')) return undefined;
  const flags = process.getuid?.() === 0 ? ['-m'] : ['-rm'];
  if (ran(tool('unshare'), ...flags, 'sh', '-c', mounts).code !== 0) {
    t.skip('mounting is not allowed here, not even in a namespace of its own');
    return undefined;
  }
  return ran(tool('unshare'), ...flags, 'sh', '-c', `${mounts} && exec "$@"`, 'sh', ...command);
}

test('a root that is mounted read-only: -n works, an update that is needed says what it cannot write', (t) => {
  const base = root();
  const mounts = `mount --bind ${base} ${base} && mount -o remount,ro,bind ${base}`;
  const fine = apart(t, mounts, [KINDLING, 'update', '-n', '-R', base]);
  if (fine === undefined) return;
  assert.deepEqual([fine.code, fine.out], [0, ''], fine.err);
  assert.equal(apart(t, mounts, [KINDLING, 'update', '-R', base])?.code, 0, 'nothing has to be written');
  assert.equal(apart(t, mounts, [KINDLING, 'status', '-R', base])?.code, 0);
  writeFileSync(join(base, 'etc/fstab'), '/dev/vda2 / ext4 defaults 0 1\n');
  const stale = apart(t, mounts, [KINDLING, 'update', '-n', '-R', base])!;
  assert.deepEqual([stale.code, stale.out], [1, 'changed /etc/fstab\n'], stale.err);
  const needed = apart(t, mounts, [KINDLING, 'update', '-R', base])!;
  assert.equal(needed.code, 4);
  assert.match(needed.err, /READ_ONLY: .*read-only \(.*var\/lib\/kindling\/lock\)/);
});

test('too little room in /boot: it is said before anything changes', (t) => {
  const base = root();
  writeFileSync(join(base, 'etc/kindling.conf'), 'check = off\ncodec = none\n');
  const mounts = `mount -t tmpfs -o size=64k none ${base}/boot`;
  const full = apart(t, mounts, ['sh', '-c', `${KINDLING} update -R ${base}; echo $?; ls -A ${base}/boot`]);
  if (full === undefined) return;
  assert.match(full.err, /NO_SPACE/);
  assert.equal(full.out, '4\n');
});

test('an ordinary user may ask, and is told what cannot be written', (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can become another user');
  const base = root();
  const cache = join(folder, 'cache');
  mkdirSync(cache);
  chmodSync(cache, 0o777);
  const asNobody = (...argv: string[]): Ran => {
    const env = { ...process.env, NODE_COMPILE_CACHE: cache };
    const { status, stdout, stderr } = spawnSync(KINDLING, argv, { encoding: 'utf8', cwd: '/', uid: 65534, gid: 65534, env });
    return { code: status, out: stdout, err: stderr };
  };
  if (asNobody('--version').code !== 0) return t.skip('the clone is closed to other users');
  // The copy of the root has other times and inodes: the archive itself would have to be read once.
  assert.equal(kindling('update', '-R', base).code, 0);
  const asked = asNobody('update', '-n', '-R', base);
  assert.deepEqual([asked.code, asked.out], [0, ''], asked.err);
  assert.equal(asNobody('status', '-R', base).code, 0);
  writeFileSync(join(base, 'etc/fstab'), '/dev/vda2 / ext4 defaults 0 1\n');
  assert.deepEqual([asNobody('update', '-n', '-R', base).code, asNobody('update', '-n', '-R', base).out], [1, 'changed /etc/fstab\n']);
  const refused = asNobody('update', '-R', base);
  assert.equal(refused.code, 4);
  assert.match(refused.err, /NO_PERMISSION: .*permission denied \(.*var\/lib\/kindling\/lock\)/);
});

test('a proof where there is nothing to boot says so, and needs an archive to be made', () => {
  const base = root();
  const proven = kindling('update', '-f', '--prove', '-R', base);
  assert.equal(proven.code, 0, proven.err);
  assert.match(proven.err, /closure only, not booted: the root has no image of kernel/);
  assert.match(kindling('status', '-R', base).out, /closure checked/);
  for (const words of [
    ['-n', '--prove'],
    ['--timeout', '5'],
    ['-k', 'all', '-k', KERNEL],
  ])
    assert.equal(kindling('update', ...words, '-R', base).code, 2);
});

test('status shows kernels, archives, the failsafe and the room', () => {
  const base = root();
  const fine = kindling('status', '-R', base);
  assert.equal(fine.code, 0, fine.err);
  assert.match(fine.out, /^6\.1\.0-sample: in step, .* MiB, needs \d+ MiB of RAM, not proven/m);
  assert.match(fine.out, /^failsafe: none$/m);
  assert.match(fine.out, /MiB free$/m);
  writeFileSync(join(base, 'boot/kindling-5.0-old.img'), 'x');
  writeFileSync(join(base, 'boot/kindling-failsafe.img'), 'x');
  writeFileSync(join(base, 'boot/vmlinuz-7.0-new'), 'x');
  writeFileSync(join(base, 'etc/fstab'), '/dev/vda2 / ext4 defaults 0 1\n');
  const stale = kindling('status', '-v', '-R', base);
  assert.equal(stale.code, 1);
  assert.match(stale.out, /^7\.0-new: missing/m);
  assert.match(stale.out, /^6\.1\.0-sample: stale[\s\S]*1 input changed[\s\S]*changed \/etc\/fstab: /m);
  assert.match(stale.out, /^kindling-5\.0-old\.img: its kernel is gone/m);
  const document = JSON.parse(kindling('status', '--json', '-R', base).out);
  assert.deepEqual([document.inStep, document.kernels.length, document.orphans.length], [false, 2, 1]);
  assert.deepEqual(document.failsafe, { path: `${base}/boot/kindling-failsafe.img`, size: 1, kernel: null });
  assert.ok(document.kernels[1].leastMemory > 0 && document.free > 0);
});
