// Hostile and damaged archives through the command line: exit code 3 with a place, nothing outside the target, bounded time and memory.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type RawRecord, raw, rawArchive, TRAILER } from '../../src/formats/newc/raw.fixture.ts';

const KINDLING = join(import.meta.dirname, '../../bin/kindling');
const LINK = 0o120777;
const DIRECTORY = 0o040755;

interface Place {
  readonly top: string;
  readonly target: string;
  archive(bytes: Uint8Array): string;
}

/** A folder with a file that hostile archives aim at, and a target directory inside. */
function place(t: TestContext): Place {
  const top = mkdtempSync(join(tmpdir(), 'kindling-refused-'));
  t.after(() => rmSync(top, { recursive: true, force: true }));
  mkdirSync(join(top, 'outside'));
  writeFileSync(join(top, 'outside/secret'), 'untouched');
  return {
    top,
    target: join(top, 'target'),
    archive(bytes) {
      const path = join(top, 'archive');
      writeFileSync(path, bytes);
      return path;
    },
  };
}

function kindling(args: readonly string[], options: { uid?: number; gid?: number } = {}) {
  const { status, stdout, stderr, signal } = spawnSync(KINDLING, args, {
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 1 << 28,
    ...options,
  });
  assert.equal(signal, null, stderr);
  return { status, stdout, stderr };
}

function untouched({ top }: Place): void {
  assert.deepEqual(readdirSync(join(top, 'outside')), ['secret']);
  assert.equal(readFileSync(join(top, 'outside/secret'), 'utf8'), 'untouched');
}

const evil = (name: string): RawRecord => ({ name, data: 'evil' });

const escapes: Record<string, (top: string) => RawRecord[]> = {
  '".." at the start': () => [evil('../outside/secret')],
  '".." in the middle': () => [{ name: 'd', mode: DIRECTORY }, evil('d/../../outside/secret')],
  '".." as a directory': () => [{ name: '..', mode: DIRECTORY }, evil('../outside/new')],
  'an absolute file': (top) => [evil(`${top}/outside/secret`)],
  'an absolute directory': (top) => [{ name: `${top}/outside/d`, mode: DIRECTORY }],
  'an absolute name with many slashes': (top) => [evil(`///${top}/outside/new`)],
  'a file behind an absolute link': (top) => [{ name: 'l', mode: LINK, data: `${top}/outside` }, evil('l/secret')],
  'a file behind a relative link': () => [{ name: 'l', mode: LINK, data: '../outside' }, evil('l/secret')],
  'a file behind a link to a link': () => [
    { name: 'a', mode: LINK, data: '../outside' },
    { name: 'l', mode: LINK, data: 'a' },
    evil('l/secret'),
  ],
  'a directory behind a link': () => [
    { name: 'l', mode: LINK, data: '../outside' },
    { name: 'l/d', mode: DIRECTORY },
  ],
  'a hard link to a link put in place of its file': (top) => [
    { name: 'a', nlink: 2, ino: 1 },
    { name: 'a', mode: LINK, data: `${top}/outside/secret` },
    { name: 'b', nlink: 2, ino: 1, data: 'evil' },
  ],
  'a hard link behind a link': () => [
    { name: 'a', nlink: 2, ino: 1, data: 'x' },
    { name: 'l', mode: LINK, data: '../outside' },
    { name: 'l/new', nlink: 2, ino: 1 },
  ],
  'a hard link with ".."': () => [
    { name: 'a', nlink: 2, ino: 1 },
    { name: '../outside/secret', nlink: 2, ino: 1, data: 'evil' },
  ],
};

for (const [index, [what, records]] of Object.entries(escapes).entries()) {
  test(`extract refuses ${what}`, (t) => {
    const here = place(t);
    const plain = rawArchive({ name: 'before' }, ...records(here.top));
    // a process each is what takes time: every other one is compressed
    const { status, stderr } = kindling(['extract', here.archive(index % 2 === 0 ? plain : zstdCompressSync(plain)), '-C', here.target]);
    assert.equal(status, 3, stderr);
    assert.match(stderr, /UNSAFE_PATH/);
    assert.equal(existsSync(here.target), false);
    untouched(here);
  });
}

test('a link that replaces a file is a link, whatever it points to', (t) => {
  const here = place(t);
  const records: RawRecord[] = [evil('f'), { name: 'f', mode: LINK, data: `${here.top}/outside/secret` }];
  assert.equal(kindling(['extract', here.archive(rawArchive(...records)), '-C', here.target]).status, 0);
  untouched(here);
});

const good = raw({ name: 'good', data: 'data' });
const damaged: Record<string, Uint8Array> = {
  'an empty file': new Uint8Array(0),
  'a script': Buffer.from('#!/bin/sh\nexit 0\n'),
  'a header cut off': Buffer.concat([good, good.subarray(0, 60)]),
  'a huge declared file': rawArchive({ name: 'a', fileSize: 0xffffffff }),
  'a huge declared name': raw({ name: 'a', nameSize: 0xfffffff0 }),
  'junk after an archive': Buffer.concat([good, TRAILER, Buffer.from('junk')]),
  'a cut gzip stream': gzipSync(rawArchive({ name: 'a', data: 'x'.repeat(5000) })).subarray(0, 60),
  'a gzip stream without TRAILER': gzipSync(good),
  'a wrong checksum': rawArchive({ name: 'a', data: 'abc', magic: '070702', check: 5 }),
};
for (const [index, [what, bytes]] of Object.entries(damaged).entries()) {
  test(`${what}: code 3, with the file's name and nothing written`, (t) => {
    const here = place(t);
    const file = here.archive(bytes);
    // a list reads no content, so a wrong checksum is not its business
    const verbs = [['cat', file, 'good'], ['why', file, 'good'], ...(what === 'a wrong checksum' ? [] : [['list', file]])];
    for (const args of [['extract', file, '-C', here.target], verbs[index % verbs.length]!]) {
      const { status, stderr } = kindling(args);
      assert.equal(status, 3, `${args[0]}: ${stderr}`);
      assert.ok(stderr.includes(file), stderr);
    }
    assert.equal(existsSync(here.target), false);
  });
}

test('bombs and endless archives end within a bound', (t) => {
  const here = place(t);
  const records = Buffer.concat(Array.from({ length: 1 << 11 }, () => raw({ name: 'a' })));
  const endless = zstdCompressSync(Buffer.concat(Array.from({ length: 140 }, () => records)));
  const { status, stderr } = kindling(['list', here.archive(endless)]);
  assert.equal(status, 3, stderr);
  assert.match(stderr, /LIMIT/);
});

test('an ordinary user gets everything but devices and owners, and --strict says no', {
  skip: process.getuid?.() !== 0 && 'only root can become another user',
}, (t) => {
  const here = place(t);
  chmodSync(here.top, 0o777);
  const file = here.archive(
    rawArchive(
      { name: 'dev', mode: DIRECTORY },
      { name: 'dev/null', mode: 0o020666, rdev: [1, 3] },
      { name: 'f', data: 'x', mode: 0o104755 },
    ),
  );
  const user = { uid: 65534, gid: 65534 };
  const relaxed = kindling(['extract', file, '-C', here.target], user);
  assert.equal(relaxed.status, 0, relaxed.stderr);
  assert.match(relaxed.stderr, /left out: dev\/null/);
  assert.match(relaxed.stderr, /owner/);
  assert.deepEqual(readdirSync(here.target), ['dev', 'f']);
  assert.deepEqual(readdirSync(join(here.target, 'dev')), []);
  const strict = kindling(['extract', file, '-C', `${here.target}2`, '--strict', '--json'], user);
  assert.equal(strict.status, 1, strict.stderr);
  assert.ok(JSON.parse(strict.stdout).skipped.length >= 3);
});
