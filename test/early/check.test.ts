// The comparison at boot, in the shells early userspace runs in and without a machine: a list made from a folder, then the folder changes.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ArchiveRecord, bootCheck, type InputRecord, RECORDS_DIRECTORY } from '../../src/archive/record/index.ts';
import type { Sha256 } from '../../src/bytes/index.ts';
import { needs } from '../tools.ts';
import { EARLY, inShell, SHELLS } from './shells.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-check-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const ID = '5c'.repeat(32);
const EVERY_SHELL = [...SHELLS, ['bash', '--posix']] as const;

// Every character that means something to a shell or to xargs.
const ODD = `usr/bin/zz *?[a]'"\\$x`;

const FILES = [
  ['usr/lib/modules/6.1/kernel/ext4.ko', false],
  ['usr/lib/modules/6.1/kernel/virtio blk.ko', false],
  ['usr/bin/busybox', false],
  ['usr/bin/nano', true],
  ['usr/share/keymaps/de.map', true],
  [ODD, true],
] as const;
const LINK = 'usr/lib/libc.so.6';

interface World {
  readonly root: string;
  readonly list: string;
}

let made = 0;

/** A root, and the list of an archive that packed all of it. */
function world(changes: Partial<ArchiveRecord> = {}): World {
  const root = join(folder, `root${made++}`);
  for (const [path] of FILES) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), `content of ${path}`);
  }
  symlinkSync('libc-2.36.so', join(root, LINK));
  const input = (path: string, safe: boolean): InputRecord => {
    const stat = lstatSync(join(root, path));
    const common = {
      path,
      mode: stat.mode & 0o7777,
      stat: { size: stat.size, mtime: stat.mtimeMs, ctime: stat.ctimeMs, inode: stat.ino },
      packed: true,
      safe,
    };
    if (stat.isSymbolicLink()) return { ...common, kind: 'symlink', target: readlinkSync(join(root, path)) };
    return { ...common, kind: 'file', content: sha256(readFileSync(join(root, path))) };
  };
  const inputs = [...FILES, [LINK, false] as const].map(([path, safe]) => input(path, safe)).sort((a, b) => (a.path < b.path ? -1 : 1));
  const record: ArchiveRecord = {
    kernel: '6.1',
    id: ID,
    archive: { size: 1, mtime: 1, inode: 1, sha256: '' },
    made: Date.now() + 10_000, // so much later that no time is in doubt
    words: {},
    memory: 0,
    outside: [],
    members: [],
    inputs,
    ...changes,
  };
  const home = join(root, RECORDS_DIRECTORY, ID);
  mkdirSync(home, { recursive: true });
  const list = join(home, 'check');
  writeFileSync(list, bootCheck(record, sha256));
  return { root, list };
}

const SCRIPT = `e_new=$1 j_id=$2 j_file=$1/var/lib/kindling/$2/check
warn() { echo "warning $*"; }
fact() { echo "fact $*"; }
check_flag() { echo "flag $*"; }
if check_fast; then echo "fast $j_count"
elif check_compare; then
  echo "unsafe $j_unsafe safe $j_safe touched $j_touched"
  printf %s "$j_changes"
fi
IFS=; echo "still here"`;

/** What is said in every shell, which must be the same; `without` hides a command. */
async function said({ root }: World, without?: string): Promise<readonly string[]> {
  const hidden =
    without === undefined
      ? ''
      : `command() { [ "$2" != ${without} ] || return 1; builtin_command "$@"; }\nbuiltin_command() { return 0; }\n`;
  let first: readonly string[] | undefined;
  for (const shell of EVERY_SHELL) {
    const lines = await inShell(shell, ['check.sh', 'check-closer.sh'], hidden + SCRIPT, [root, ID]);
    assert.equal(lines.at(-1), 'still here', shell.join(' '));
    first ??= lines.slice(0, -1);
    assert.deepEqual(lines.slice(0, -1), first, shell.join(' '));
  }
  return first!;
}

/** Waits until the clock of the file system shows another second: what a list knows of times is that coarse. */
async function nextSecond(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1010 - (Date.now() % 1000)));
}

/** The same size and times; the disk still knows better. */
function replaceQuietly(path: string): void {
  const { atime, mtime, size } = lstatSync(path);
  writeFileSync(`${path}.new`, 'x'.repeat(size), { mode: lstatSync(path).mode });
  utimesSync(`${path}.new`, atime, mtime);
  renameSync(`${path}.new`, path);
}

test('the check at boot: in step', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'bash')) return;
  assert.deepEqual(await said(world()), ['fast 7']);
});

test('the check at boot: what was only touched is no difference', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'bash')) return;
  const one = world();
  await nextSecond();
  for (const [path] of FILES.slice(0, 3)) utimesSync(join(one.root, path), 1, 1);
  // restored from a backup: another inode, the same content
  const link = join(one.root, LINK);
  rmSync(link);
  symlinkSync('libc-2.36.so', link);
  assert.deepEqual(await said(one), ['unsafe 0 safe 0 touched 4']);
});

test('the check at boot: every kind of difference, the unsafe ones first', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'bash')) return;
  const one = world();
  const at = (index: number): string => join(one.root, FILES[index]![0]);
  await nextSecond();
  replaceQuietly(at(0));
  rmSync(at(1));
  chmodSync(at(2), 0o600);
  appendFileSync(at(3), 'more');
  rmSync(at(4));
  symlinkSync('us.map', at(4));
  writeFileSync(at(5), readFileSync(at(5), 'utf8').toUpperCase());
  const link = join(one.root, LINK);
  rmSync(link);
  symlinkSync('libc-2.37.so', link);
  const lines = await said(one);
  assert.equal(lines[0], 'unsafe 4 safe 3 touched 0');
  assert.deepEqual(
    new Set(lines.slice(1)),
    new Set([
      `unsafe changed ${LINK}`,
      'unsafe gone usr/lib/modules/6.1/kernel/virtio blk.ko',
      'unsafe changed usr/lib/modules/6.1/kernel/ext4.ko',
      'unsafe changed usr/bin/busybox',
      'safe changed usr/bin/nano',
      'safe changed usr/share/keymaps/de.map',
      `safe changed ${ODD}`,
    ]),
  );
  assert.deepEqual(
    lines.slice(1).map((line) => line.split(' ')[0]),
    [...Array(4).fill('unsafe'), ...Array(3).fill('safe')],
  );
});

test('the check at boot: where times say nothing the content is compared although nothing seems to differ', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'bash')) return;
  const one = world({ made: Date.now() });
  assert.deepEqual(await said(one), ['unsafe 0 safe 0 touched 7']);
});

test('the check at boot: without sha256sum a touched file counts as changed, and a damaged list is still known by its counts', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'bash')) return;
  const one = world();
  await nextSecond();
  utimesSync(join(one.root, FILES[2][0]), 1, 1);
  assert.deepEqual(await said(one, 'sha256sum'), ['unsafe 1 safe 0 touched 0', 'unsafe changed usr/bin/busybox']);
  truncateSync(one.list, lstatSync(one.list).size - 200);
  assert.match((await said(one, 'sha256sum')).join('\n'), /^warning .*its record is damaged\n/);
});

test('the check at boot: no damage of the list passes, and none ends the shell', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'bash')) return;
  const one = world();
  const whole = readFileSync(one.list);
  const damaged: [string, Buffer | string][] = [
    ['empty', ''],
    ['zeros', Buffer.alloc(whole.length)],
    ['of another archive', whole.toString().replaceAll(ID, 'ab'.repeat(32))],
    ['a number that is none', whole.toString().replace(` 7 0 `, ' 7; 0 ')],
    ['an octal number that is none', whole.toString().replace(` 7 0 `, ' 08 0 ')],
    ['a number too large', whole.toString().replace(` 7 0 `, ' 99999999999999999999 0 ')],
    ['numbers missing', whole.toString().replace(` 7 0 `, ' 7 ')],
    ['a letter of a path', whole.toString().replace('busybox', 'busybex')],
    ['one entry less', whole.toString().replace(/\n[0-9][^\n]*/, '')],
    ['quotes and dollars', `kindling-check-1 $(reboot) '" \`x\`\n`],
    ['something else', '#!/bin/sh\nexit 1\n'],
  ];
  for (let size = 1; size < whole.length; size += 97) damaged.push([`the first ${size} bytes`, whole.subarray(0, size)]);
  for (const [name, bytes] of damaged) {
    writeFileSync(one.list, bytes);
    const lines = await said(one);
    assert.match(
      lines.join('\n'),
      /^warning this archive was not compared with the root: its record is damaged\nfact check missing: .*\nflag /,
      name,
    );
  }
});

test('the check at boot: a list of nothing is no list', async (t) => {
  if (!needs(t, 'busybox', 'dash', 'bash')) return;
  assert.match((await said(world({ inputs: [] })))[0] ?? '', /its record is damaged/);
});

test('the check at boot is read by init only when it is wanted', () => {
  assert.doesNotMatch(readFileSync(`${EARLY}/init`, 'utf8'), /check\.sh/);
});
