// bootadm: every message and exit code of its grammar, and what it does to a Linux root.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openConfined } from '../src/node/confined.ts';
import { DISK } from '../src/node/disk.ts';
import { takeLock } from '../src/node/lock.ts';
import { sample } from '../src/plan/sample.fixture.ts';
import { BOOTADM_USAGE, bootadmWords } from '../src/verbs/bootadm.ts';
import { writeRoot } from './on-disk.ts';
import { ARCHIVE, RECORDS } from './update.fixture.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
const DAMAGED = 'invalid option or missing option argument';

const REFUSED: readonly (readonly [command: string, messages: readonly string[], usage: boolean, code: 0 | 1])[] = [
  ['', ['a command option must be specified'], true, 1],
  ['-n', ['a command option must be specified'], true, 1],
  ['make-coffee', [], true, 1],
  ['update-archive -v -v', ['duplicate options specified: -v'], false, 1],
  ['update-archive -vnn', ['duplicate options specified: -n'], false, 1],
  ['update-archive -vnvf -f', ['duplicate options specified: -v', 'duplicate options specified: -f'], false, 1],
  ['update-archive -R /a -R /b', ['duplicate options specified: -R'], false, 1],
  ['update-archive -R /a -p i86pc -p sun4u', ['duplicate options specified: -p'], false, 1],
  ['update-archive -F cpio -F ufs', ['multiple formats specified: -F'], false, 1],
  ['update-archive -F tar', ['unknown format specified: -F tar'], false, 1],
  ['update-archive -R /a -p vax', ['invalid platform vax - must be one of sun4u, sun4v or i86pc'], false, 1],
  ['update-archive -p i86pc', [], true, 0],
  ['list-archive -p sun4u', [], true, 0],
  ['update-archive -x', [`${DAMAGED}: -x`], true, 1],
  ['update-archive --speed', [`${DAMAGED}: --speed`], true, 1],
  ['update-archive -R', [`${DAMAGED}: -R`], true, 1],
  ['update-archive -vR', [`${DAMAGED}: -R`], true, 1],
  ['update-archive now', ['invalid trailing arguments'], false, 1],
  ['update-archive -n -- now', ['invalid trailing arguments'], false, 1],
  ['-a update -a list', ['multiple commands specified: -a'], false, 1],
  ['update-archive -m list_entry', ['multiple commands specified: -m'], false, 1],
  ['-a update_all', ['-a update_all is not supported'], true, 1],
  ['list-archive -f', ['this sub-command (list-archive) does not take options'], true, 1],
  ['list-archive -F cpio', ['this sub-command (list-archive) does not take options'], true, 1],
  ['set-menu timeout=3', ['set-menu is not done here but by the boot loader of a Linux root'], false, 1],
];

test('what is no command is answered as there', () => {
  for (const [command, messages, usage, code] of REFUSED) {
    assert.deepEqual(bootadmWords(command.split(' ').filter(Boolean)), { messages, usage, code }, command);
  }
});

test('what is one is understood, in clusters, apart and in long words', () => {
  const plain = { command: 'update-archive', isCheck: false, isVerbose: false, force: false } as const;
  const none = { altRoot: undefined, platform: undefined, format: undefined };
  assert.deepEqual(bootadmWords(['update-archive']), { ...plain, ...none });
  const all = { ...plain, isCheck: true, isVerbose: true, force: true, altRoot: '/a', platform: 'i86pc', format: 'cpio' };
  for (const words of [
    'update-archive -vnf -R /a -p i86pc -F cpio',
    'update-archive -vfnR/a -pi86pc -Fcpio',
    'update-archive -F cpio -p i86pc -R /a -f -n',
    '-a update -nfR /a -p i86pc -F cpio',
    'update-archive --root=/a --platform i86pc --format cpio --force --dry-run --json',
  ]) {
    assert.deepEqual(bootadmWords(words.split(' ')), all, words);
  }
  assert.deepEqual(bootadmWords(['list-archive', '-vn']), { ...plain, ...none, command: 'list-archive', isCheck: true, isVerbose: true });
});

let folder = '';
let root = '';
const archive = (): string => join(root, ARCHIVE);

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function bootadm(words: string, ids: { uid?: number; gid?: number } = {}): Ran {
  const { status, stdout, stderr } = spawnSync(KINDLING, ['bootadm', ...words.split(' ').filter(Boolean)], { encoding: 'utf8', ...ids });
  return { code: status, out: stdout, err: stderr };
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-bootadm-'));
  chmodSync(folder, 0o755);
  root = writeRoot(
    sample({ 'etc/kindling.conf': 'codec = zstd:1\ncheck = off\n', 'etc/fstab': '/dev/vda1 / ext4 defaults 0 1\n' }),
    join(folder, 'a'),
    0o022,
  );
  mkdirSync(join(root, 'boot'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('messages have the prefix and go to standard error, the usage text after them', () => {
  assert.deepEqual(bootadm('update-archive -vv'), { code: 1, out: '', err: 'bootadm: duplicate options specified: -v\n' });
  assert.deepEqual(bootadm('update-archive -p i86pc'), { code: 0, out: '', err: `${BOOTADM_USAGE}\n` });
  assert.deepEqual(bootadm('update-archive -R /no/such'), {
    code: 1,
    out: '',
    err: 'bootadm: cannot resolve path /no/such: no such file or directory\n',
  });
});

test('a missing archive is told by -n and made without it; then nothing is said', (t) => {
  if (process.getuid?.() !== 0) return t.skip('bootadm changes archives as root only, and this is not root');
  assert.deepEqual(bootadm(`update-archive -n -R ${root}`), { code: 1, out: '', err: `bootadm: archive not found: ${archive()}\n` });
  assert.ok(!existsSync(join(root, RECORDS)), 'a check leaves nothing behind');
  assert.deepEqual(bootadm(`update-archive -v -R ${root}`), {
    code: 0,
    out: `archive not found: ${archive()}\nupdating ${archive()} (CPIO)\nSuccessfully created ${archive()}\n`,
    err: '',
  });
  assert.deepEqual(bootadm(`update-archive -n -R ${root}`), { code: 0, out: '', err: '' });
  assert.deepEqual(bootadm(`update-archive -R ${root}`), { code: 0, out: '', err: '' });
});

test('new, changed and stale files, one a line and nothing else', (t) => {
  if (process.getuid?.() !== 0) return t.skip('bootadm changes archives as root only, and this is not root');
  writeFileSync(join(root, 'etc/fstab'), '/dev/vda2 / ext4 defaults 0 1\n');
  mkdirSync(join(root, 'etc/modprobe.d'), { recursive: true });
  writeFileSync(join(root, 'etc/modprobe.d/a.conf'), 'blacklist floppy\n');
  rmSync(join(root, 'etc/kindling.conf'));
  const before = readFileSync(archive());
  const checked = bootadm(`update-archive -n -R ${root}`);
  assert.equal(checked.code, 1);
  assert.equal(checked.err, '');
  const lines = checked.out.split('\n');
  assert.ok(lines.includes('    changed /etc/fstab'), checked.out);
  assert.ok(lines.includes('    stale /etc/kindling.conf'), checked.out);
  assert.ok(
    lines.some((line) => line.startsWith('    new     /etc/modprobe.d')),
    checked.out,
  );
  assert.ok(
    lines.slice(0, -1).every((line) => /^ {4}(new {4}|changed|stale) \/\S+$/.test(line)),
    checked.out,
  );
  assert.deepEqual(readFileSync(archive()), before);
  const json = bootadm(`update-archive -n --json -R ${root}`);
  assert.equal(json.code, 1);
  assert.equal(JSON.parse(json.out).archives[0].state, 'stale');
  assert.equal(bootadm(`update-archive -R ${root}`).out, `updating ${archive()} (CPIO)\n`);
  assert.equal(bootadm(`update-archive -n -R ${root}`).code, 0);
});

test('-f makes it anew, and a damaged record is a cache out of sync', (t) => {
  if (process.getuid?.() !== 0) return t.skip('bootadm changes archives as root only, and this is not root');
  const forced = bootadm(`update-archive -vf -R ${root}`);
  assert.equal(forced.code, 0);
  assert.match(forced.out, /^forced update of archive requested\nupdating .* \(CPIO\)\nSuccessfully created /);
  // that of the archive it replaced too: which is whose, the names do not tell
  for (const id of readdirSync(join(root, RECORDS)).filter((name) => name.length === 64)) {
    const record = join(root, RECORDS, id, 'record');
    writeFileSync(record, readFileSync(record, 'latin1').replace('end\t', 'end\t0'), 'latin1');
  }
  assert.deepEqual(bootadm(`update-archive -n -R ${root}`), {
    code: 1,
    out: '',
    err: 'bootadm: archive cache is out of sync. Rebuilding.\n',
  });
  assert.equal(bootadm(`update-archive -R ${root}`).code, 0);
});

test('list-archive prints the files, for anyone, with or without an archive', () => {
  const listed = bootadm(`list-archive -R ${root}`, process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {});
  assert.equal(listed.err, '');
  assert.equal(listed.code, 0);
  const paths = listed.out.split('\n').slice(0, -1);
  assert.ok(
    paths.some((path) => path.endsWith('.ko')),
    listed.out,
  );
  assert.deepEqual(paths, [...paths].sort());
  for (const path of paths) assert.ok(existsSync(join(root, path)), path);
});

test('who is not root cannot update', (t) => {
  if (process.getuid?.() !== 0) return t.skip('this is not root, and nobody else can be made');
  assert.deepEqual(bootadm(`update-archive -R ${root}`, { uid: 65534, gid: 65534 }), {
    code: 1,
    out: '',
    err: 'bootadm: you must be root to run this command\n',
  });
});

test('roots and forms that are not for this are refused by name', (t) => {
  if (process.getuid?.() !== 0) return t.skip('bootadm changes archives as root only, and this is not root');
  assert.match(
    bootadm(`update-archive -F hsfs -R ${root}`).err,
    /^bootadm: .*: a Linux kernel reads no archive of format hsfs, only cpio\n$/,
  );
  assert.match(bootadm(`update-archive -R ${root} -p sun4u`).err, /^bootadm: .*: a Linux root has no archive for the platform sun4u\n$/);
  const solaris = join(folder, 'solaris');
  mkdirSync(join(solaris, 'boot/solaris/bin'), { recursive: true });
  const refused = bootadm(`update-archive -R ${solaris}`);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /archives of Solaris and illumos roots are not supported yet/);
  mkdirSync(join(folder, 'empty'));
  assert.match(bootadm(`update-archive -n -R ${join(folder, 'empty')}`).err, /^bootadm: .* holds no kernel/);
});

test('another instance is named and waited for', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('bootadm changes archives as root only, and this is not root');
  const records = openConfined(DISK, root, RECORDS, true)!;
  const lock = await takeLock(DISK, records);
  const child = spawn(KINDLING, ['bootadm', 'update-archive', '-R', root], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      said += chunk;
      if (said.includes('\n')) resolve();
    });
    child.on('exit', () => reject(new Error(`it did not wait: ${said}`)));
  });
  child.removeAllListeners('exit');
  assert.equal(said, `bootadm: Another instance of bootadm (pid ${process.pid}) is running\n`);
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  lock.release();
  records.close();
  assert.equal(await ended, 0);
});
