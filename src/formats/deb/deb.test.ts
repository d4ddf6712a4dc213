// deb: packages made by dpkg-deb are read, ours are read by dpkg-deb, damaged ones are refused, several are one root.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { needs, tool } from '../../../test/tools.ts';
import { bytesSource, concat, readAll, utf8 } from '../../bytes/index.ts';
import { pureDecoders } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import { directoryTree, fileSource, sha256 } from '../../node/index.ts';
import { directory, type Entry, file, makeTree, printManifest, symlink, type Tree, withParents } from '../../tree/index.ts';
import * as ar from '../ar/index.ts';
import * as tar from '../tar/index.ts';
import { controlFields, decode, packagesTree } from './index.ts';

const options = { decoders: pureDecoders };
const CONTROL =
  'Package: trial\nVersion: 1.0-1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: a trial\n of several\n lines\n';

const tree = (...entries: Entry[]): Tree => makeTree(withParents([directory(''), ...entries]));
const text = (path: string, content: string): Entry => file(path, bytesSource(utf8(content)));
const tarOf = (entries: Tree): Uint8Array => concat([...tar.encode(entries)]);
const member = (name: string, content: Uint8Array | string): ar.NewMember => ({
  name,
  content: bytesSource(typeof content === 'string' ? utf8(content) : content),
});
const archive = (...members: ar.NewMember[]): Uint8Array => concat([...ar.encode(members, 'dpkg')]);

const VERSION = member('debian-binary', '2.0\n');
const CONTROL_TAR = member('control.tar', tarOf(tree(text('control', CONTROL))));
const DATA = tree(text('usr/bin/trial', '#!/bin/sh\n'), symlink('usr/bin/again', 'trial'));
const DATA_TAR = member('data.tar', tarOf(DATA));

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kindling-deb-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function run(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(tool(args[0]!), args.slice(1), { encoding: 'utf8' });
  assert.equal(status, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

for (const codec of ['gzip', 'xz', 'zstd', 'none']) {
  test(`against dpkg-deb: what it packs with ${codec} is what was on disk`, (t) => {
    if (!needs(t, 'dpkg-deb')) return;
    const folder = scratch(t);
    const top = join(folder, 'top');
    mkdirSync(join(top, 'DEBIAN'), { recursive: true });
    writeFileSync(join(top, 'DEBIAN/control'), CONTROL);
    mkdirSync(join(top, 'lib/modules'), { recursive: true });
    writeFileSync(join(top, 'lib/modules/big.ko'), Buffer.alloc(300_000, 'module'));
    writeFileSync(join(top, 'lib/tool'), 'x');
    chmodSync(join(top, 'lib/tool'), 0o4755);
    linkSync(join(top, 'lib/tool'), join(top, 'lib/zz'));
    symlinkSync('tool', join(top, 'lib/soft'));
    run('dpkg-deb', '--root-owner-group', `-Z${codec}`, '-b', top, join(folder, 'x.deb'));
    const found = decode(fileSource(join(folder, 'x.deb')), options);
    assert.equal(found.fields.get('Package'), 'trial');
    assert.equal(found.fields.get('Description'), 'a trial\nof several\nlines');
    rmSync(join(top, 'DEBIAN'), { recursive: true });
    // --root-owner-group and the whole seconds of tar are what differs from the disk.
    const settled = (from: Tree): Tree => ({ ...from, entries: from.entries.map((entry) => ({ ...entry, uid: 0, gid: 0, mtime: 0 })) });
    assert.equal(printManifest(settled(found.data), { sha256 }), printManifest(settled(directoryTree(top)), { sha256 }));
  });
}

test('against dpkg-deb: it unpacks what we pack', (t) => {
  if (!needs(t, 'dpkg-deb')) return;
  const folder = scratch(t);
  const deb = join(folder, 'x.deb');
  writeFileSync(
    deb,
    archive(VERSION, { ...CONTROL_TAR, name: 'control.tar.gz', content: bytesSource(gzipSync(readAll(CONTROL_TAR.content))) }, DATA_TAR),
  );
  assert.equal(run('dpkg-deb', '-f', deb, 'Version'), '1.0-1\n');
  run('dpkg-deb', '-x', deb, join(folder, 'out'));
  assert.equal(readFileSync(join(folder, 'out/usr/bin/again'), 'utf8'), '#!/bin/sh\n');
});

test('a package is read: fields, control files, data; members with "_" are passed by', () => {
  const found = decode(bytesSource(archive(VERSION, member('_gpgorigin', 'x'), CONTROL_TAR, member('_more', ''), DATA_TAR)), options);
  assert.equal(found.fields.get('Version'), '1.0-1');
  assert.deepEqual(
    found.data.entries.map(({ path }) => path),
    DATA.entries.map(({ path }) => path),
  );
});

test('data compressed as several frames is joined', () => {
  const bytes = readAll(DATA_TAR.content);
  const frames = concat([gzipSync(bytes.subarray(0, 1000)), gzipSync(bytes.subarray(1000))]);
  const found = decode(bytesSource(archive(VERSION, CONTROL_TAR, member('data.tar.gz', frames))), options);
  assert.deepEqual(found.data.entries.length, DATA.entries.length);
});

const BOMB = member('data.tar.gz', gzipSync(Buffer.alloc(1 << 20)));
const REFUSED: [string, Uint8Array, string, object?][] = [
  ['no ar archive', utf8('#!/bin/sh'), 'BAD_MAGIC'],
  ['an ar archive that is no package', archive(member('a.o', '')), 'BAD_MAGIC'],
  ['another version', archive(member('debian-binary', '3.0\n'), CONTROL_TAR, DATA_TAR), 'UNSUPPORTED'],
  ['no version', archive(member('debian-binary', 'x'), CONTROL_TAR, DATA_TAR), 'BAD_VALUE'],
  ['no data', archive(VERSION, CONTROL_TAR), 'TRUNCATED'],
  ['members in another order', archive(VERSION, DATA_TAR, CONTROL_TAR), 'BAD_VALUE'],
  ['an unknown compression', archive(VERSION, CONTROL_TAR, member('data.tar.rar', '')), 'BAD_VALUE'],
  ['a compression without a decoder', archive(VERSION, CONTROL_TAR, member('data.tar.gz', gzipSync(''))), 'UNSUPPORTED', { decoders: [] }],
  ['more data than the limit', archive(VERSION, CONTROL_TAR, BOMB), 'LIMIT', { ...options, dataSizeMost: 1 << 19 }],
  [
    'more data than the limit over two frames',
    archive(VERSION, CONTROL_TAR, member('data.tar.gz', concat([gzipSync(Buffer.alloc(3000)), gzipSync(Buffer.alloc(3000))]))),
    'LIMIT',
    { ...options, dataSizeMost: 5000 },
  ],
  ['data that is not what its name says', archive(VERSION, CONTROL_TAR, member('data.tar.gz', 'hello')), 'BAD_MAGIC'],
  ['no control file', archive(VERSION, member('control.tar', tarOf(tree())), DATA_TAR), 'BAD_VALUE'],
  ['a control file that is none', archive(VERSION, member('control.tar', tarOf(tree(text('control', 'hello\n')))), DATA_TAR), 'BAD_VALUE'],
];
for (const [what, bytes, code, how] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => decode(bytesSource(bytes), { ...options, ...how }),
      (error) => error instanceof KindlingError && error.code === code && error.where.structure !== undefined,
    );
  });
}

test('property: changed bytes give a package or a KindlingError', () => {
  const base = archive(VERSION, CONTROL_TAR, {
    ...DATA_TAR,
    name: 'data.tar.gz',
    content: bytesSource(gzipSync(readAll(DATA_TAR.content))),
  });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 4 }),
      fc.nat(base.length),
      fc.boolean(),
      (changes, size, whole) => {
        const bytes = base.slice(0, whole ? base.length : size);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        try {
          decode(bytesSource(bytes), { ...options, dataSizeMost: 1 << 24 });
        } catch (error) {
          assert.ok(error instanceof KindlingError, String(error));
        }
      },
    ),
    { seed: 5, numRuns: 1000 },
  );
});

test('control fields: continuation lines, comments, the first paragraph only', () => {
  const fields = controlFields(utf8('# note\nA: 1\nB:\n two\n\tthree\n\nC: 3\n'));
  assert.deepEqual(
    [...fields],
    [
      ['A', '1'],
      ['B', '\ntwo\nthree'],
    ],
  );
});

const root = (...packages: Tree[]): string[] =>
  packagesTree(packages.map((data, index) => ({ label: `p${index}`, data }))).entries.map((entry) =>
    entry.kind === 'symlink' ? `${entry.path} -> ${entry.target}` : entry.kind === 'hardlink' ? `${entry.path} = ${entry.to}` : entry.path,
  );

test('packages: files of /lib and /bin land in usr, as on a merged root', () => {
  const kernel = tree(text('lib/modules/1/a.ko', 'a'), { ...directory('lib/modules/1/x'), kind: 'hardlink', to: 'lib/modules/1/a.ko' });
  const shell = tree(text('bin/dash', 'd'), symlink('bin/sh', 'dash'), text('usr/share/doc', 'x'));
  const expected = [
    '',
    'bin -> usr/bin',
    'lib -> usr/lib',
    'usr',
    'usr/bin',
    'usr/bin/dash',
    'usr/bin/sh -> dash',
    'usr/lib',
    'usr/lib/modules',
  ];
  assert.deepEqual(root(kernel, shell), [
    ...expected,
    'usr/lib/modules/1',
    'usr/lib/modules/1/a.ko',
    'usr/lib/modules/1/x = usr/lib/modules/1/a.ko',
    'usr/share',
    'usr/share/doc',
  ]);
  assert.deepEqual(root(kernel, shell), root(shell, kernel), 'the order does not matter');
  const split = packagesTree([{ label: 'shell', data: shell }], { usrMerge: false });
  assert.equal(split.get('bin/dash')?.kind, 'file');
});

test('packages: a directory of one that is a link in another goes where the link leads', () => {
  const base = tree(directory('run/lock'), symlink('var/lock', '/run/lock'), symlink('etc/a', '../usr/b'));
  const other = tree(text('var/lock/app/pid', '1'), text('etc/a/conf', 'c'));
  assert.deepEqual(
    root(other, base).filter((line) => /pid|conf|->/.test(line)),
    ['etc/a -> ../usr/b', 'run/lock/app/pid', 'usr/b/conf', 'var/lock -> /run/lock'],
  );
});

test('packages: equal entries may repeat, different ones are a conflict, loops and ways out are refused', () => {
  assert.equal(root(tree(text('etc/x', '1')), tree(text('etc/x', '1'))).filter((line) => line === 'etc/x').length, 1);
  assert.throws(() => root(tree(text('etc/x', '1')), tree(text('etc/x', '2'))), {
    code: 'CONFLICT',
    message: '"etc/x" is in p0 and in p1, and differs',
  });
  assert.throws(() => root(tree(text('lib/x', '1')), tree(text('usr/lib/x', '2'))), { code: 'CONFLICT' });
  assert.throws(() => root(tree(symlink('a', 'b'), symlink('b', 'a')), tree(text('a/x', '1'))), { code: 'LINK_LOOP' });
  assert.deepEqual(root(tree(symlink('up', '../../..')), tree(text('up/x', '1'))), ['', 'up -> ../../..', 'x']);
});
