// What keeps a live system's changes and checks its medium, in both shells on this machine: mounts are stood in for, files and checkers are real.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { mustRun } from '../world/index.ts';
import { inShell, SHELLS } from './shells.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-live-keep-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const FILES = [
  'words.sh',
  'devices.sh',
  'superblock.sh',
  'partition.sh',
  'root.sh',
  'live-changes.sh',
  'live-changes-find.sh',
  'live-changes-make.sh',
  'live-verify.sh',
] as const;
// What the rest of early userspace would do, said instead of done.
const STANDS = `say() { echo "say $*"; }; warn() { echo "warn $*"; }; fact() { echo "fact $*"; }; phase() { :; }
failed() { echo "failed $1"; cv_policy=go-on; }
keyboards() { :; }; coldplug() { :; }; events_wait() { return 1; }; modules_load() { :; }
devices_each() { return 1; }
mounted() { [ -e "$1.mounted" ]; }
mount() { echo "mount $*"; }
umount() { echo "umount $*"; }
k_shell='' k_panic='' k_fsck=auto TOOLS=busybox l_isofile='' DATA=kindling l_pins='' l_noload=
l_home=$1 l_data=$1/data/kindling l_medium=/dev/medium l_type=$2 w_line="$3"
set +e
`;

async function both(files: readonly string[], script: string, words: readonly string[]): Promise<readonly string[]> {
  let first: readonly string[] | undefined;
  for (const shell of SHELLS) {
    const said = await inShell(shell, files, STANDS + script, words);
    if (first === undefined) first = said;
    else assert.deepEqual(said, first, shell.join(' '));
  }
  return first ?? [];
}

// The command line, and whether changes are wanted, begun anew, where, and what is done when they cannot be had.
const LINES: readonly (readonly [string, string])[] = [
  ['quiet', '|||'],
  ['perch', '1|||'],
  ['persistence', '1|||'],
  ['nopersistence perch', '1|||'],
  ['perch nopersistence', '|||'],
  ['perch perch=none', '|||'],
  ['perch=fresh', '1|1||'],
  ['perchdir=resume', '1|||'],
  ['perchdir=new', '1|1||'],
  ['perchdir=/dev/sda1/some/where kindling.changes=fresh', '1||/dev/sda1/some/where|fresh'],
  ['perch kindling.changes=stop', '1|||stop'],
  ['noperch xperch perchance', '|||'],
];
for (const [line, expected] of LINES) {
  test(`changes: ${line}`, async (t) => {
    if (!needs(t, 'busybox', 'dash')) return;
    const script = 'changes_words; printf "%s\\n" "$ch_wanted|$ch_fresh|$ch_at|$ch_policy"';
    assert.deepEqual(await both(FILES, script, [folder, 'ext4', line]), [expected]);
  });
}

function medium(name: string, files: Readonly<Record<string, string>>): string {
  const home = join(folder, name);
  for (const [path, text] of Object.entries({ 'kindling/01-core.sb': 'core', ...files })) {
    mkdirSync(dirname(join(home, 'data', path)), { recursive: true });
    writeFileSync(join(home, 'data', path), text);
  }
  mkdirSync(join(home, 'changes'), { recursive: true });
  return home;
}

const FIND = `changes_words; changes_find; echo "$? $ch_kind \${ch_source#"$l_home"/} \${ch_new:+new} \${ch_error:-}"`;
const IMAGE = { 'kindling/changes.img': '' };
const DIRECTORY = { 'kindling/changes/rw/etc/x': '' };
const PLACES: readonly (readonly [string, Readonly<Record<string, string>>, string, string, string])[] = [
  ['a directory', DIRECTORY, 'ext4', 'perch', '0 directory data/kindling/changes'],
  ['a file', IMAGE, 'vfat', 'perch', '0 file data/kindling/changes.img'],
  ['a directory before a file', { ...DIRECTORY, ...IMAGE }, 'btrfs', 'perch', '0 directory data/kindling/changes'],
  ['no directory on FAT', DIRECTORY, 'vfat', 'perch', '1'],
  ['nothing on a disc', IMAGE, 'iso9660', 'perch', '1'],
  ['a new directory', {}, 'xfs', 'perch', '0 directory data/kindling/changes new'],
  ['no unencrypted directory that is empty', { 'kindling/changes/note': '' }, 'ext4', 'perch=luks', '0 file data/kindling/changes.img new'],
  ['an unencrypted directory in the way', DIRECTORY, 'ext4', 'perch=luks', '0 directory data/kindling/changes'],
  ['an encrypted file on FAT', {}, 'vfat', 'persistence=luks', '0 file data/kindling/changes.img new'],
  ['an encrypted file before a directory', { ...DIRECTORY, ...IMAGE }, 'ext4', 'perch=luks', '0 file data/kindling/changes.img'],
  ['a named file', { 'mine.img': '' }, 'vfat', 'perchdir=/mine.img', '0 file data/mine.img'],
  ['a named directory', { 'mine/rw/x': '' }, 'ext4', 'perchdir=mine', '0 directory data/mine'],
  ['a name of nothing', {}, 'ext4', 'perchdir=mine', '1  data/mine  perchdir=mine: there is no mine'],
];
for (const [name, files, type, line, expected] of PLACES) {
  test(`changes are found: ${name}`, async (t) => {
    if (!needs(t, 'busybox', 'dash')) return;
    const home = medium(`find-${name.replaceAll(' ', '-')}`, files);
    const said = await both(FILES, FIND, [home, type, line]);
    assert.deepEqual(
      said.map((one) => one.trimEnd()),
      [expected],
    );
  });
}

// persistence.conf of Debian live, and the directory inside or what is wrong.
const CONFS: readonly (readonly [string, string, readonly string[]])[] = [
  ['as Debian has it', '/ union\n', ['0 ']],
  ['with a source', '# mine\n/ union,source=./debian\n', ['0 debian']],
  ['without a line end', '/ union,source=a', ['0 a']],
  ['more than that', '/home bind\n/ union\n', ['warn persistence.conf: "/home bind" is not done here, only "/ union" is', '0 ']],
  ['without it', '/home bind\n', ['warn persistence.conf: "/home bind" is not done here, only "/ union" is', '1 ']],
  ['outside', '/ union,source=../x\n', ['1 ../x']],
];
for (const [name, text, expected] of CONFS) {
  test(`persistence.conf ${name}`, async (t) => {
    if (!needs(t, 'busybox', 'dash')) return;
    const home = medium(`conf-${name.replaceAll(' ', '-')}`, {});
    writeFileSync(join(home, 'changes/persistence.conf'), text);
    const script = 'ch_place=$l_home/changes ch_text=x; changes_union; echo "$? $ch_union"';
    assert.deepEqual(await both(FILES, script, [home, 'ext4', 'perch']), expected);
  });
}

test('the checker repairs what it can, and what it cannot is said', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'mkfs.ext4', 'debugfs', 'fsck.ext4')) return;
  const image = join(folder, 'whole.img');
  writeFileSync(image, '');
  truncateSync(image, 8 << 20);
  await mustRun(tool('mkfs.ext4'), ['-q', '-F', image]);
  const marked = join(folder, 'marked.img');
  copyFileSync(image, marked);
  await mustRun(tool('debugfs'), ['-w', '-R', 'ssv state 2', marked]);
  const script = 'ch_error=; changes_check "$4" ext4 >&2; echo "$? $ch_error"';
  for (const shell of SHELLS) {
    const run = async (file: string, more: string): Promise<readonly string[]> => {
      const copy = join(folder, 'copy.img');
      copyFileSync(file, copy);
      const said = await inShell(shell, FILES, `${STANDS}PATH=/usr/sbin:/sbin:$PATH; ${more}${script}`, [folder, 'ext4', '', copy]);
      return said.map((line) => line.replaceAll(copy, 'FILE'));
    };
    assert.deepEqual(await run(image, ''), ['0 '], 'clean');
    assert.deepEqual(await run(marked, ''), ['0 '], 'repaired');
    const without = 'command() { return 1; }; ';
    assert.deepEqual(await run(marked, without), ['1 FILE is damaged: its superblock says so, and this archive has no fsck.ext4']);
  }
});

const sums = (files: Readonly<Record<string, string>>): string =>
  Object.entries(files)
    .map(([path, text]) => `${createHash('sha256').update(text).digest('hex')}  ./${path}\n`)
    .join('');
const WHOLE = { 'boot/vmlinuz': 'kernel', 'kindling/01-core.sb': 'core', 'kindling/02-more.sb': 'more', 'a file': 'x\n' };
const CHECK = 'words_split "$w_line" verify_word; verify_medium 2>/dev/null; echo "noload $l_noload"';
const plain = (lines: readonly string[]): readonly string[] => lines.map((line) => line.replaceAll('\r', '')).filter((line) => line !== '');

test('a whole medium is said to be whole', async (t) => {
  if (!needs(t, 'busybox', 'dash')) return;
  const home = medium('whole', { ...WHOLE, 'kindling/sha256sums': sums(WHOLE) });
  const said = plain(await both(FILES, CHECK, [home, 'ext4', 'kindling.verify']));
  assert.deepEqual(said, [
    'say checking the medium: 0 MiB',
    'say the medium is whole: 4 files, 0 MiB',
    'fact verify whole 4 files',
    'noload ',
  ]);
});

test('what is damaged or missing is named, and bundles can be left out', async (t) => {
  if (!needs(t, 'busybox', 'dash')) return;
  const now = { ...WHOLE, 'kindling/02-more.sb': 'moRe' };
  const listed = { ...WHOLE, 'boot/gone': 'gone', 'kindling/03-last.sb': 'last' };
  const home = medium('damaged', { ...now, 'kindling/sha256sums': sums(listed) });
  const said = plain(await both(FILES, CHECK, [home, 'ext4', 'kindling.verify=without']));
  assert.deepEqual(said, [
    'say checking the medium: 0 MiB',
    'warn kindling/02-more.sb is damaged',
    'fact verify.damaged kindling/02-more.sb',
    'warn boot/gone is missing',
    'fact verify.damaged boot/gone',
    'warn kindling/03-last.sb is missing',
    'fact verify.damaged kindling/03-last.sb',
    'fact verify damaged 3 of 6 files',
    'warn going on without 02-more.sb 03-last.sb',
    'fact verify.end without 02-more.sb 03-last.sb',
    'noload ,02-more.sb,03-last.sb',
  ]);
  const nobody = plain(await both(FILES, CHECK.replace('verify_medium', 'k_panic=-1; verify_medium'), [home, 'ext4', 'kindling.verify']));
  assert.ok(nobody.includes('failed MEDIUM_DAMAGED'), nobody.join('\n'));
});
