// deb, written: what dpkg-deb, ar, GNU tar and bsdtar make of it, that it reads back as it was, and what is refused.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { needs, tool } from '../../../test/tools.ts';
import { bytesSource, concat, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { nodeEncoders } from '../../node/codecs-encode.ts';
import { sha256 } from '../../node/index.ts';
import { directory, type Entry, file, makeTree, printManifest, symlink, type Tree, withParents } from '../../tree/index.ts';
import { controlFields, decode, encode, printControl } from './index.ts';

const MTIME = 1_700_000_001;
const timed = (entries: Iterable<Entry>): Tree => makeTree([...entries].map((entry) => ({ ...entry, mtime: MTIME })));
const text = (path: string, content: string, mode = 0o644): Entry => file(path, bytesSource(utf8(content)), mode);
const FIELDS: [string, string][] = [
  ['Package', 'trial'],
  ['Version', '1.0-1'],
  ['Architecture', 'all'],
  ['Maintainer', 'Nobody <nobody@example.org>'],
  ['Description', 'a trial\nof several\n.\nlines'],
];
const CONTROL = timed([
  file('control', bytesSource(printControl(FIELDS))),
  text('postinst', '#!/bin/sh\nexit 0\n', 0o755),
  text('triggers', 'interest-noawait x\n'),
]);
const LONG = `usr/share/${'a-long-name/'.repeat(9)}file`;
const DATA = timed(
  withParents([
    directory(''),
    text('usr/bin/trial', '#!/bin/sh\n', 0o4755),
    symlink('usr/bin/again', 'trial'),
    { ...directory('usr/share/same'), kind: 'hardlink', path: 'usr/share/same', to: 'usr/bin/trial', mode: 0o4755 },
    text(LONG, 'x'.repeat(70_000)),
    text('usr/share/empty', ''),
  ]),
);

const codec = (name: string) => {
  const encoder = nodeEncoders().get(name)!;
  return { encoder, level: encoder.levels.default };
};
const packed = async (name: string, data = DATA, control = CONTROL): Promise<Uint8Array> =>
  concat(await encode({ control, data }, { codec: codec(name), mtime: MTIME }));

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kindling-deb-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function run(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(tool(args[0]!), args.slice(1), {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  });
  assert.equal(status, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

for (const name of ['gzip', 'xz', 'zstd', 'none']) {
  test(`packed with ${name}, it reads back as it was, and twice the same`, async () => {
    const bytes = await packed(name);
    assert.deepEqual(bytes, await packed(name));
    const back = decode(bytesSource(bytes), { decoders: nodeDecoders() });
    const lines = (tree: Tree): string => printManifest(tree, { sha256 });
    assert.equal(lines(back.data), lines(DATA));
    assert.equal(lines(back.control), lines(timed([directory(''), ...CONTROL.entries])));
    assert.deepEqual([...back.fields], FIELDS);
  });

  test(`dpkg-deb shows and unpacks what is packed with ${name}`, async (t) => {
    if (!needs(t, 'dpkg-deb', 'tar', 'xz')) return;
    const folder = scratch(t);
    const path = join(folder, 'x.deb');
    writeFileSync(path, await packed(name));
    assert.match(run('dpkg-deb', '-I', path), /new Debian package, version 2\.0\.[\s\S]*\* {2}postinst[\s\S]* Package: trial\n/);
    assert.equal(run('dpkg-deb', '-f', path, 'Description'), 'a trial\n of several\n .\n lines\n');
    const listed = run('dpkg-deb', '-c', path).trimEnd().split('\n');
    assert.equal(listed[0], 'drwxr-xr-x root/root         0 2023-11-14 22:13 ./');
    assert.match(listed.join('\n'), /^-rwsr-xr-x root\/root +10 2023-11-14 22:13 \.\/usr\/bin\/trial$/m);
    assert.match(listed.join('\n'), /^lrwxrwxrwx root\/root +0 2023-11-14 22:13 \.\/usr\/bin\/again -> trial$/m);
    assert.match(listed.join('\n'), / \.\/usr\/share\/same link to \.\/usr\/bin\/trial$/m);
    run('dpkg-deb', '-R', path, join(folder, 'out'));
    assert.equal(readFileSync(join(folder, 'out', LONG), 'utf8').length, 70_000);
    assert.equal(readlinkSync(join(folder, 'out/usr/bin/again')), 'trial');
    assert.equal(lstatSync(join(folder, 'out/usr/share/same')).ino, lstatSync(join(folder, 'out/usr/bin/trial')).ino);
    assert.equal(lstatSync(join(folder, 'out/usr/bin/trial')).mtimeMs, MTIME * 1000);
    assert.ok(existsSync(join(folder, 'out/DEBIAN/triggers')));
  });
}

test('ar, GNU tar and bsdtar read the members', async (t) => {
  if (!needs(t, 'ar', 'tar', 'bsdtar')) return;
  const folder = scratch(t);
  const path = join(folder, 'x.deb');
  writeFileSync(path, await packed('gzip'));
  assert.equal(run('ar', 't', path), 'debian-binary\ncontrol.tar.gz\ndata.tar.gz\n');
  assert.equal(run('bsdtar', '-tf', path), 'debian-binary\ncontrol.tar.gz\ndata.tar.gz\n');
  run('bsdtar', '-C', folder, '-xf', path);
  const expected = ['', 'usr', 'usr/bin', 'usr/bin/again', 'usr/bin/trial'].map((name) => `./${name}`);
  for (const reader of ['tar', 'bsdtar']) {
    const names = run(reader, '-tzf', join(folder, 'data.tar.gz')).replaceAll(/\/$/gm, '').trimEnd().split('\n');
    assert.deepEqual(
      names.slice(0, 5).map((name) => (name === '.' ? './' : name)),
      expected,
      reader,
    );
    assert.equal(names.length, DATA.entries.length, reader);
    mkdirSync(join(folder, reader));
    run(reader, '-C', join(folder, reader), '-xzf', join(folder, 'data.tar.gz'));
    assert.equal(readFileSync(join(folder, reader, LONG), 'utf8').length, 70_000, reader);
  }
});

test('refused: no control file, a codec that packages do not have, what dpkg would not unpack', async () => {
  const refused = async (promise: Promise<unknown>, code: string): Promise<void> => {
    await assert.rejects(promise, (error) => error instanceof KindlingError && error.code === code);
  };
  await refused(packed('gzip', DATA, makeTree([])), 'NO_ENTRY');
  await refused(packed('lz4'), 'UNSUPPORTED');
  await refused(packed('gzip', makeTree(withParents([text('x'.repeat(120), '')]))), 'NOT_EXPRESSIBLE');
  await refused(packed('gzip', makeTree([{ ...text('x', ''), xattrs: new Map([['user.a', utf8('1')]]) }])), 'NOT_EXPRESSIBLE');
  await refused(packed('gzip', makeTree([{ ...text('x', ''), uid: 8 ** 7 }])), 'NOT_EXPRESSIBLE');
  await refused(packed('gzip', makeTree([{ ...directory('x'), kind: 'socket' }])), 'NOT_EXPRESSIBLE');
});

test('refused: control fields that would read back differently', () => {
  for (const field of [
    ['', 'x'],
    ['A:', 'x'],
    ['#A', 'x'],
    ['A', ' x'],
    ['A', 'x\r'],
    ['A B', 'x'],
  ] as const) {
    assert.throws(() => printControl([field]), { code: 'BAD_VALUE' }, JSON.stringify(field));
  }
});

test('property: control fields read back', () => {
  const name = fc.stringMatching(/^[A-Z][A-Za-z-]{0,12}$/);
  const line = fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/);
  const value = fc
    .tuple(fc.option(line, { nil: '' }), fc.array(line, { maxLength: 4 }))
    .map(([first, more]) => [first, ...more].join('\n'));
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, minLength: 1, maxLength: 6 }), (fields) => {
      assert.deepEqual([...controlFields(printControl(fields))], fields);
    }),
    { seed: 7, numRuns: 500 },
  );
});
