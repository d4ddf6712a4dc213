// Replay: the rules of the kernel's unpacker, one by one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource } from '../../bytes/index.ts';
import { printManifest } from '../../tree/index.ts';
import { decode } from '../newc/index.ts';
import { type RawRecord, rawArchive } from '../newc/raw.fixture.ts';
import { replay } from './index.ts';

const DIRECTORY = 0o040755;
const LINK = 0o120777;

function replayed(...archives: RawRecord[][]): { manifest: string[]; codes: string[] } {
  const root = replay();
  for (const records of archives) {
    for (const record of decode(bytesSource(rawArchive(...records))).records) root.add(record);
    root.trailer();
  }
  const manifest = printManifest(root.tree(), { data: true })
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^(\S+) (\S+) 0 0 0 /, '$1 $2 '));
  return { manifest, codes: root.findings.map((finding) => finding.code) };
}

function check(records: RawRecord[], manifest: string[], codes: string[] = []): void {
  assert.deepEqual(replayed(records), { manifest, codes });
}

test('names may start with "./" or "/" (reported), and "." is the root', () => {
  check(
    [
      { name: '.', mode: 0o040700 },
      { name: './a', data: 'x' },
      { name: '//b//', mode: DIRECTORY },
    ],
    ['directory 0700 .', 'file 0644 a size=1 data=x', 'directory 0755 b'],
    ['absolute-name'],
  );
});

test('an entry without its parent is dropped, except below what the kernel itself has', () => {
  check([{ name: 'a/b' }, { name: 'a', mode: DIRECTORY }], ['directory 0755 a'], ['orphan']);
  check([{ name: 'dev/x' }], ['directory 0755 dev', 'file 0644 dev/x size=0 data=']);
  check([{ name: 'f' }, { name: 'f/x' }], ['file 0644 f size=0 data='], ['orphan']);
});

test('the last of two files wins, and a directory keeps what it holds', () => {
  check(
    [
      { name: 'a', data: 'long' },
      { name: 'a', data: 'x', mode: 0o100600 },
    ],
    ['file 0600 a size=1 data=x'],
  );
  check(
    [{ name: 'd', mode: DIRECTORY }, { name: 'd/a' }, { name: 'd', mode: 0o040700 }],
    ['directory 0700 d', 'file 0644 d/a size=0 data='],
  );
});

test('another type replaces what is there, but not a directory that holds something', () => {
  check([{ name: 'a' }, { name: 'a', mode: DIRECTORY }], ['directory 0755 a']);
  check(
    [
      { name: 'a', mode: DIRECTORY },
      { name: 'a', mode: LINK, data: 'x' },
    ],
    ['symlink 0777 a target=x'],
  );
  check(
    [{ name: 'a', mode: DIRECTORY }, { name: 'a/b' }, { name: 'a' }],
    ['directory 0755 a', 'file 0644 a/b size=0 data='],
    ['type-conflict'],
  );
});

test('links in parent paths are followed inside, however they point', () => {
  const usr: RawRecord[] = [
    { name: 'usr', mode: DIRECTORY },
    { name: 'usr/bin', mode: DIRECTORY },
  ];
  const listed = ['directory 0755 usr', 'directory 0755 usr/bin', 'file 0644 usr/bin/sh size=0 data='];
  for (const target of ['usr/bin', '/usr/bin', '../../usr/./bin']) {
    check([...usr, { name: 'bin', mode: LINK, data: target }, { name: 'bin/sh' }], [`symlink 0777 bin target=${target}`, ...listed]);
  }
});

test('a link that leads nowhere takes nothing with it', () => {
  check([{ name: 'x', mode: LINK, data: '/tmp/outside' }, { name: 'x/f' }], ['symlink 0777 x target=/tmp/outside'], ['through-link']);
  check([{ name: 'x', mode: LINK, data: 'x' }, { name: 'x/f' }], ['symlink 0777 x target=x'], ['through-link']);
});

test('".." is refused wherever it stands', () => {
  for (const name of ['../a', 'a/../b', '..', '/../x', 'a/..']) check([{ name }], [], ['dotdot-name']);
});

test('empty and over-long names are dropped', () => {
  check([{ name: '' }, { name: 'x'.repeat(256) }], [], ['empty-name', 'long-name']);
});

test('hard links share one file, data on the first or on the last', () => {
  const linked = ['file 0644 a size=2 data=hi', 'hardlink 0644 b to=a'];
  check(
    [
      { name: 'a', nlink: 2, ino: 7 },
      { name: 'b', nlink: 2, ino: 7, data: 'hi' },
    ],
    linked,
  );
  check(
    [
      { name: 'a', nlink: 2, ino: 7, data: 'hi' },
      { name: 'b', nlink: 2, ino: 7 },
    ],
    linked,
  );
  // the name that counts as the file is the first in tree order, whichever came first
  check(
    [
      { name: 'b', nlink: 2, ino: 7 },
      { name: 'a', nlink: 2, ino: 7, data: 'hi' },
    ],
    linked,
  );
});

test('equal inode numbers mean nothing with a link count of one, another type, or after a TRAILER', () => {
  const two = ['file 0644 a size=1 data=1', 'file 0644 b size=1 data=2'];
  check(
    [
      { name: 'a', ino: 7, data: '1' },
      { name: 'b', ino: 7, data: '2' },
    ],
    two,
  );
  const split = replayed([{ name: 'a', ino: 7, nlink: 2, data: '1' }], [{ name: 'b', ino: 7, nlink: 2, data: '2' }]);
  assert.deepEqual(split.manifest, two);
});

test('writing a name again writes the file that its other names share', () => {
  check(
    [
      { name: 'a', nlink: 2, ino: 7 },
      { name: 'b', nlink: 2, ino: 7, data: 'old' },
      { name: 'a', data: 'new' },
    ],
    ['file 0644 a size=3 data=new', 'hardlink 0644 b to=a'],
  );
});

test('a hard link never leads through a symbolic link put in its place', () => {
  check(
    [
      { name: 'a', nlink: 2, ino: 7 },
      { name: 'a', mode: LINK, data: '/etc/passwd' },
      { name: 'b', nlink: 2, ino: 7, data: 'evil' },
    ],
    ['symlink 0777 a target=/etc/passwd'],
    ['broken-link'],
  );
});

test('content on what has none, unknown types and empty link targets are dropped', () => {
  check(
    [
      { name: 'd', mode: DIRECTORY, data: 'x' },
      { name: 'u', mode: 0o150000 },
      { name: 'l', mode: LINK },
    ],
    [],
    ['body-skipped', 'unknown-type', 'bad-target'],
  );
});

test('a device keeps its first numbers when it comes again', () => {
  check(
    [
      { name: 'n', mode: 0o020600, rdev: [1, 3] },
      { name: 'n', mode: 0o020666, rdev: [1, 5] },
    ],
    ['char 0666 n device=1:3'],
  );
});
