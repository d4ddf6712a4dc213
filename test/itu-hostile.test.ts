// Bundles that somebody made to do harm: each is refused before a byte is written, with a reason, in bounded time and memory.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bytesSource, concat, utf8 } from '../src/bytes/index.ts';
import { KindlingError } from '../src/errors.ts';
import * as iso9660 from '../src/formats/iso9660/index.ts';
import * as newc from '../src/formats/newc/index.ts';
import { nodeDecoders } from '../src/node/codecs.ts';
import { sha256 } from '../src/node/digest.ts';
import { findBundles } from '../src/node/itu/media.ts';
import { device, directory, type Entry, file, symlink } from '../src/tree/index.ts';
import { openBundle } from '../src/verbs/itu/bundle.ts';
import { encodeItuManifest, type ItuManifest, manifestPath, parseItuManifest } from '../src/verbs/itu/manifest.ts';
import { PLAIN_MANIFEST, rawBundle, textFile } from './itu.fixture.ts';
import { needs } from './tools.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-itu-hostile-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function refusal(bytes: Uint8Array): KindlingError {
  try {
    openBundle(bytes, { decoders: nodeDecoders(), sha256 });
  } catch (error) {
    if (error instanceof KindlingError) return error;
    throw error;
  }
  return assert.fail('the bundle was taken');
}

function refused(name: string, bytes: Uint8Array, code: string, message: RegExp): void {
  const error = refusal(bytes);
  assert.equal(error.code, code, `${name}: ${error.message}`);
  assert.match(error.message, message, name);
}

const GOOD = textFile('usr/share/good', 'good');
const MADE = { uid: 0, gid: 0, mtime: 0 };

test('a plain bundle is taken', () => {
  const { manifest, tree } = openBundle(rawBundle([GOOD, symlink('usr/share/link', '../lib/x')]), { decoders: nodeDecoders(), sha256 });
  assert.equal(manifest.name, 'made');
  assert.equal(tree.get('usr/share/link')?.kind, 'symlink');
});

test('entries that no bundle may hold', () => {
  const cases: readonly (readonly [string, readonly Entry[], RegExp])[] = [
    ['a device', [device('block', 'usr/share/disk', 8, 0)], /it holds a block entry/],
    ['a console', [device('char', 'usr/share/console', 5, 1)], /it holds a char entry/],
    ['a pipe', [{ kind: 'fifo', path: 'usr/share/pipe', mode: 0o644, ...MADE }], /it holds a fifo entry/],
    ['a socket', [{ kind: 'socket', path: 'usr/share/socket', mode: 0o644, ...MADE }], /it holds a socket entry/],
    [
      'a hard link',
      [GOOD, { kind: 'hardlink', path: 'usr/share/other', to: 'usr/share/good', mode: 0o644, ...MADE }],
      /it holds a hard link/,
    ],
    ['set-uid', [textFile('usr/bin/root', '#!/bin/sh\n', 0o4755)], /mode 04755: neither set-id bits/],
    ['set-gid', [textFile('usr/bin/root', '#!/bin/sh\n', 0o2755)], /mode 02755/],
    ['writable by all', [textFile('usr/bin/all', '#!/bin/sh\n', 0o777)], /writing by others/],
    ['somebody else', [{ ...textFile('usr/share/his', 'x'), uid: 1000 }], /belongs to 1000:0/],
    ['an open directory', [{ ...directory('usr/share', 0o777) }, GOOD], /a directory has the mode 0777/],
    ['the top', [textFile('init', '#!/bin/sh\n', 0o755)], /right at the top/],
    ['a link at the top', [symlink('lib', 'usr/lib')], /right at the top/],
    ['an absolute link', [symlink('usr/share/shadow', '/etc/shadow')], /expected a relative path that stays in the tree/],
    ['a link out', [symlink('usr/share/shadow', '../../../etc/shadow')], /stays in the tree/],
    ['keys', [textFile('etc/kindling/keys/mine.pem', 'x')], /nothing is written to \/etc\/kindling/],
    ['records', [textFile('var/lib/kindling/lock', 'x')], /nothing is written to \/var\/lib\/kindling/],
    ['an archive', [textFile('boot/kindling-6.1.img', 'x')], /nothing is written to \/boot\/kindling/],
    ["another bundle's manifest", [textFile('usr/lib/kindling/itu/other/file', 'x')], /expected one manifest|nothing is written/],
    ['a device directory', [textFile('dev/shm/x', 'x')], /nothing is written to \/dev/],
    ['kernel files', [textFile('proc/sys/kernel/core_pattern', 'x')], /nothing is written to \/proc/],
    ['an index', [textFile('usr/lib/modules/6.1/modules.dep', 'x')], /index files are made where/],
  ];
  for (const [name, entries, message] of cases) {
    const error = refusal(rawBundle(entries, { kernels: ['6.1'] }));
    assert.ok(['UNSAFE_PATH', 'BAD_MAGIC'].includes(error.code), `${name}: ${error.code} ${error.message}`);
    assert.match(error.message, message, name);
  }
});

/** A record with a name that no tree can hold. */
function named(name: string, content: string, mode = 0o100644): Uint8Array {
  const bytes = utf8(content);
  const words = [1, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length + 1, 0].map((word) => word.toString(16).padStart(8, '0'));
  const padded = (piece: Uint8Array): Uint8Array => concat([piece, new Uint8Array(-piece.length & 3)]);
  return concat([padded(utf8(`070701${words.join('')}${name}\0`)), padded(bytes)]);
}

test('names that lead out of the tree', () => {
  const rest = rawBundle([GOOD]);
  for (const [name, message] of [
    ['../outside', /holds "\.\."/],
    ['usr/../../outside', /holds "\.\."/],
    ['/etc/outside', /is absolute/],
  ] as const) {
    const error = refusal(concat([named(name, 'x'), rest]));
    assert.equal(error.code, 'UNSAFE_PATH');
    assert.match(error.message, message);
  }
});

test('a file behind a link of the bundle', () => {
  const link = named('usr/share', '../../etc', 0o120777);
  const bundle = rawBundle([GOOD]);
  const error = refusal(concat([bundle.subarray(0, 0), named('usr', '', 0o040755), link, named('usr/share/passwd', 'x'), bundle]));
  assert.ok(['UNSAFE_PATH', 'BAD_VALUE', 'BAD_CHECKSUM'].includes(error.code), error.message);
});

test('content and manifest must say the same', () => {
  const [path, text] = ['usr/share/good', 'good'];
  const line = { kind: 'file' as const, path, mode: 0o644, size: text.length, sha256: sha256(utf8(text)) };
  refused('other content', rawBundle([textFile(path, 'evil')], { files: [line] }), 'BAD_CHECKSUM', /is not what the manifest says/);
  refused('other mode', rawBundle([textFile(path, text, 0o755)], { files: [line] }), 'BAD_CHECKSUM', /is not what the manifest says/);
  refused('one more', rawBundle([GOOD, textFile('usr/share/more', 'x')], { files: [line] }), 'BAD_CHECKSUM', /is not in the manifest/);
  refused('one less', rawBundle([], { files: [line] }), 'BAD_VALUE', /names a file that the bundle does not hold/);
  refused('twice', rawBundle([GOOD], { files: [line, line] }), 'BAD_VALUE', /listed twice/);
  const module = textFile('usr/lib/modules/6.1/updates/x.ko', 'x');
  refused('a kernel that is not named', rawBundle([module]), 'BAD_VALUE', /for kernel 6\.1, which the manifest does not name/);
});

test('manifests that lie or are cut off', () => {
  const text = new TextDecoder().decode(encodeItuManifest({ ...PLAIN_MANIFEST, description: 'a driver', kernels: ['6.1'] }));
  const bad = (changed: string): KindlingError => {
    try {
      parseItuManifest(utf8(changed));
    } catch (error) {
      if (error instanceof KindlingError) return error;
      throw error;
    }
    return assert.fail(`taken: ${changed}`);
  };
  for (let size = 0; size < text.length; size++) assert.match(bad(text.slice(0, size)).code, /BAD_VALUE|BAD_MAGIC/);
  for (const [from, to] of [
    ['name made', 'name ../made'],
    ['name made', 'name .new-made'],
    ['name made', 'name made\nname made'],
    ['number 5', 'number 1000'],
    ['number 5', 'number -1'],
    ['number 5', 'number 05'],
    ['kernel 6.1', 'kernel ../../etc'],
    ['kernel 6.1', 'kernel 6.1\nload a b'],
    ['kernel 6.1', 'kernel 6.1\nload ../x'],
    ['kernel 6.1', 'kernel 6.1\nfile 0644 1 x usr/x'],
    ['kernel 6.1', 'kernel 6.1\nanything else'],
    ['a driver', 'a \\x1b[2Jdriver'.replace('\\x1b', '\u001b')],
  ] as const) {
    assert.notEqual(text.replace(from, to), text);
    assert.match(bad(text.replace(from, to)).code, /BAD_VALUE/);
  }
  const { name } = parseItuManifest(utf8(text));
  assert.equal(name, 'made');
});

test('no bundle, two in one, and one that grows without end', () => {
  refused('text', utf8('this is text, and nothing else'), 'UNRECOGNISED', /neither cpio/);
  refused('an archive', concat([...newc.encode([directory('usr')])]), 'BAD_MAGIC', /this is no install-time update/);
  const other: ItuManifest = { ...PLAIN_MANIFEST, name: 'other' };
  const second = file(manifestPath('other'), bytesSource(encodeItuManifest(other)));
  refused('two manifests', rawBundle([second]), 'BAD_MAGIC', /expected one manifest .* there are 2/);
  const misplaced = file(manifestPath('elsewhere'), bytesSource(encodeItuManifest(PLAIN_MANIFEST)));
  const parents = ['usr', 'usr/lib', 'usr/lib/kindling', 'usr/lib/kindling/itu', 'usr/lib/kindling/itu/elsewhere'].map((path) =>
    directory(path),
  );
  refused('a manifest at the wrong place', concat([...newc.encode([...parents, misplaced])]), 'BAD_VALUE', /expected it at/);
  const zeros = gzipSync(new Uint8Array(64 << 20), { level: 9 });
  const bomb = concat(Array.from({ length: 24 }, () => zeros));
  const started = performance.now();
  assert.ok(['LIMIT', 'BAD_MAGIC', 'UNRECOGNISED', 'BAD_VALUE'].includes(refusal(bomb).code));
  assert.ok(performance.now() - started < 30_000);
  for (const bytes of [rawBundle([GOOD])]) {
    for (let size = 0; size < bytes.length - 124; size += 37)
      assert.ok(refusal(bytes.subarray(0, size)) instanceof KindlingError, `cut at ${size}`);
  }
});

test('a medium with links, pipes and directories in place of bundles', async (t) => {
  if (!needs(t, 'mkfifo')) return;
  const medium = join(folder, 'medium');
  const place = join(medium, 'kindling/itu');
  mkdirSync(place, { recursive: true });
  symlinkSync('/etc/passwd', join(place, '001-link.itu'));
  execFileSync('mkfifo', [join(place, '002-pipe.itu')]);
  mkdirSync(join(place, '003-directory.itu'));
  writeFileSync(join(place, '004-empty.itu'), '');
  writeFileSync(join(place, '005-made.itu'), rawBundle([GOOD]));
  symlinkSync('/etc/passwd', join(place, '005-made.itu.sig'));
  writeFileSync(join(place, '006-made.itu'), rawBundle([GOOD], { number: 6 }));
  writeFileSync(join(place, 'readme.txt'), 'x');
  const found = await findBundles(medium, { keys: [], decoders: nodeDecoders() });
  assert.deepEqual(
    found.map(({ bundle, fault }) => bundle?.manifest.number ?? fault?.code),
    [6, 'LINK_LOOP', 'IO', 'IO', 'UNRECOGNISED', 'LINK_LOOP'],
  );
});

test('a medium that is an image is read without being mounted', async () => {
  const { makeTree, withParents } = await import('../src/tree/index.ts');
  const entries = withParents([file('ITUs/005-made.itu', bytesSource(rawBundle([GOOD])))]).sort((a, b) => (a.path < b.path ? -1 : 1));
  const image = join(folder, 'medium.img');
  const outside = { keys: [], decoders: nodeDecoders() };
  const disc = iso9660.encode(makeTree(entries), { volumeId: 'DRIVERS', time: 0 });
  for (const chunks of [newc.encode(entries), disc.chunks()]) {
    writeFileSync(image, concat([...chunks]));
    assert.deepEqual(
      (await findBundles(image, outside)).map(({ label, bundle }) => [label, bundle?.manifest.name]),
      [[`${image}:ITUs/005-made.itu`, 'made']],
    );
  }
  writeFileSync(image, 'no file system at all');
  await assert.rejects(findBundles(image, outside), /mount it and name the directory/);
});
