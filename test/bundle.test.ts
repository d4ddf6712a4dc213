// `kindling bundle` as a person runs it: bundles of directories, packages, differences and changes; what lists, checks and fixes say; and
// foreign programs that read what was written.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bytesSource, utf8 } from '../src/bytes/index.ts';
import * as deb from '../src/formats/deb/index.ts';
import { makeModule, makeProgram } from '../src/formats/elf/index.ts';
import { encodeLdCache, librariesOf } from '../src/media/bundles/index.ts';
import { nodeEncoders } from '../src/node/codecs-encode.ts';
import { directoryRoot } from '../src/node/directory.ts';
import { directory, file, makeTree, withParents } from '../src/tree/index.ts';
import { needs, tool } from './tools.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
let folder = '';
const at = (name: string): string => join(folder, name);

/** Writes files below a directory of the scratch folder. */
function put(root: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(at(`${root}/${path}`)), { recursive: true });
    writeFileSync(at(`${root}/${path}`), content);
    utimesSync(at(`${root}/${path}`), 1_600_000_000, 1_600_000_000);
  }
}

function kindling(...argv: string[]): { code: number | null; out: string; err: string } {
  const env = { ...process.env, XDG_CACHE_HOME: at('cache'), SOURCE_DATE_EPOCH: '1700000000', NO_COLOR: '1' };
  const { status, stdout, stderr } = spawnSync(KINDLING, ['bundle', ...argv], { encoding: 'utf8', env, cwd: folder });
  return { code: status, out: stdout, err: stderr };
}

/** The same for what must succeed; gives the JSON document. */
function document(...argv: string[]): Record<string, unknown> {
  const { code, out, err } = kindling(...argv, '--json');
  assert.ok(code === 0 || code === 1, err);
  return JSON.parse(out);
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-bundle-'));
  put('core', {
    'etc/motd': 'old\n',
    'etc/kept': 'k',
    'etc/gone': 'x',
    'usr/bin/tool': '#!/bin/sh\n',
    'usr/share/a/1': '1',
    'usr/share/a/2': '2',
  });
  put('new', {
    'etc/motd': 'new\n',
    'etc/kept': 'k',
    'usr/bin/tool': '#!/bin/sh\n',
    'usr/share/a/3': '3',
    'var/log/messages': 'noise',
    'tmp/x': 'x',
  });
  symlinkSync('tool', at('new/usr/bin/again'));
  // the directories too, or SOURCE_DATE_EPOCH would change them
  for (const path of ['', 'etc', 'usr', 'usr/bin', 'usr/share', 'usr/share/a'])
    utimesSync(at(`core/${path}`), 1_600_000_000, 1_600_000_000);
  mkdirSync(at('medium/kindling/modules'), { recursive: true });
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('a directory becomes a bundle that unsquashfs reads, twice the same', (t) => {
  assert.equal(kindling('make', 'core', '-o', 'medium/kindling/01-core.sb').code, 0);
  assert.equal(kindling('make', 'core', '-o', 'again.sb', '--threads', '1', '--no-cache').code, 0);
  assert.ok(readFileSync(at('again.sb')).equals(readFileSync(at('medium/kindling/01-core.sb'))));
  const made = document('make', 'core', '-o', 'few.sb', '--exclude', 'usr/share', '--codec', 'gzip:1', '--block', '64K');
  assert.deepEqual(made.leftOut, [{ path: 'usr/share', reason: 'excluded' }]);
  assert.equal(made.codec, 'gzip:1');
  if (!needs(t, 'unsquashfs')) return;
  const { stdout } = spawnSync(tool('unsquashfs'), ['-l', '-d', '', at('few.sb')], { encoding: 'utf8' });
  assert.deepEqual(stdout.trim().split('\n'), ['/etc', '/etc/gone', '/etc/kept', '/etc/motd', '/usr', '/usr/bin', '/usr/bin/tool']);
});

test('the difference to a medium is a bundle: list says what it adds and hides', () => {
  const said = kindling('make', 'new', '--over', 'medium', '-o', 'medium/kindling/10-changes.sb');
  assert.equal(said.code, 0, said.err);
  assert.match(said.err, /left out: var\/log\/messages \(logs of one run\)/);
  assert.match(said.err, /left out: tmp\/x \(temporary\)/);
  const { bundles } = document('list', 'medium') as { bundles: Record<string, unknown>[] };
  const [, changes] = bundles;
  assert.equal(changes?.name, '10-changes.sb');
  const hides = changes?.hides as { path: string; of: string; how: string }[];
  assert.deepEqual(hides.map(({ path, how }) => `${how} ${path}`).sort(), ['removed etc/gone', 'removed usr/share/a', 'replaced etc/motd']);
  assert.ok(hides.every(({ of }) => of === '01-core.sb'));
  const text = kindling('list', 'medium').out;
  assert.match(text, /^10-changes\.sb {2}/m);
  assert.match(text, /4 entries below removed: etc\/gone, usr\/share\/a$/m);
  assert.match(text, /5 entries hidden by higher bundles/);
});

test('an unchanged tree gives an empty difference', () => {
  const same = document('make', 'core', '--over', 'medium/kindling/01-core.sb', '-o', 'same.sb', '-n');
  assert.deepEqual([same.added, same.changed, same.removed, same.written], [0, 0, 0, false]);
  assert.ok(!existsSync(at('same.sb')));
});

test('packages become a bundle; their scripts are named and not run', async () => {
  const encoder = nodeEncoders().get('zstd')!;
  const fields: [string, string][] = [
    ['Package', 'hello'],
    ['Version', '1.2'],
    ['Architecture', 'all'],
    ['Maintainer', 'N <n@example.org>'],
    ['Depends', 'libc6'],
    ['Description', 'x'],
  ];
  const control = makeTree([
    file('control', bytesSource(deb.printControl(fields))),
    file('postinst', bytesSource(utf8(`#!/bin/sh\ntouch ${at('was-run')}\n`)), 0o755),
  ]);
  const data = makeTree(withParents([directory(''), file('bin/hello', bytesSource(utf8('#!/bin/sh\n')), 0o755)]));
  const chunks = await deb.encode({ control, data }, { codec: { encoder, level: 3 }, mtime: 0 });
  writeFileSync(at('hello_1.2_all.deb'), Buffer.concat(chunks));
  const said = kindling('make', 'hello_1.2_all.deb', '-o', 'medium/kindling/20-hello.sb');
  assert.equal(said.code, 0, said.err);
  assert.match(said.err, /maintainer scripts were not run: hello \(postinst\)/);
  assert.match(said.err, /needed from other bundles: libc6/);
  assert.ok(!existsSync(at('was-run')));
  const { findings, passed } = document('order', 'medium') as { findings: { code: string }[]; passed: boolean };
  assert.deepEqual([findings.map(({ code }) => code), passed], [['dpkg-status-incomplete'], false]);
  assert.equal(kindling('order', 'medium').code, 1);
});

test('fix makes a bundle that takes the findings away', (t) => {
  const release = '6.1.0-x';
  const module = (name: string) =>
    makeModule({
      modinfo: [
        ['name', name],
        ['depends', ''],
        ['alias', `test:${name}`],
        ['vermagic', `${release} `],
      ],
    });
  const tree = `usr/lib/modules/${release}`;
  put('modules', {
    [`${tree}/kernel/one.ko`]: module('one'),
    [`${tree}/modules.dep`]: 'kernel/one.ko:\n',
    [`${tree}/modules.order`]: 'kernel/one.ko\n',
  });
  put('driver', { [`${tree}/updates/two.ko`]: module('two') });
  assert.equal(kindling('make', 'modules', '-o', 'medium/kindling/02-modules.sb').code, 0);
  assert.equal(kindling('make', 'driver', '-o', 'medium/kindling/modules/30-driver.sb').code, 0);
  const order = document('order', 'medium') as { order: { name: string }[]; findings: { code: string; message: string }[] };
  assert.deepEqual(
    order.order.map(({ name }) => name),
    ['01-core.sb', '02-modules.sb', '10-changes.sb', '20-hello.sb', '30-driver.sb'],
  );
  assert.match(
    order.findings.find(({ code }) => code === 'modules-dep-stale')?.message ?? '',
    /lacks 1 modules of 30-driver\.sb \(two\.ko\)/,
  );
  const fix = kindling('fix', 'medium', '-o', 'medium/kindling/99-fixes.sb');
  assert.equal(fix.code, 0, fix.out + fix.err);
  assert.match(fix.out, /modules\.dep: modules of all bundles for 6\.1\.0-x/);
  assert.match(fix.out, /var\/lib\/dpkg\/status: 1 packages/);
  assert.deepEqual(kindling('order', 'medium').code, 0);
  // what was written before is no input of the next
  copyFileSync(at('medium/kindling/99-fixes.sb'), at('first.sb'));
  assert.equal(kindling('fix', 'medium', '-o', 'medium/kindling/99-fixes.sb').code, 0);
  assert.ok(readFileSync(at('first.sb')).equals(readFileSync(at('medium/kindling/99-fixes.sb'))));
  if (!needs(t, 'unsquashfs')) return;
  const { stdout } = spawnSync(tool('unsquashfs'), ['-cat', at('medium/kindling/99-fixes.sb'), `${tree}/modules.dep`], {
    encoding: 'utf8',
  });
  assert.deepEqual(stdout.split('\n').sort(), ['', 'kernel/one.ko:', 'updates/two.ko:']);
});

test("the loader's cache is that of ldconfig", (t) => {
  if (!needs(t, 'ldconfig')) return;
  if (!existsSync('/etc/debian_version')) return t.skip('ldconfig has other directories built in on other distributions');
  const run = (...argv: string[]) => spawnSync(tool('ldconfig'), argv, { encoding: 'utf8' }).stdout;
  run('-X', '-C', at('theirs'));
  writeFileSync(at('ours'), encodeLdCache(librariesOf(directoryRoot('/')).libraries));
  const lines = (cache: string) =>
    run('-p', '-C', at(cache))
      .split('\n')
      .filter((line) => line.startsWith('\t'));
  assert.ok(lines('theirs').length > 10);
  assert.deepEqual(lines('ours'), lines('theirs'));
});

test("the loader's cache with libraries for newer processors is read by ldconfig as it was meant", (t) => {
  if (!needs(t, 'ldconfig')) return;
  const flags = 0x0303;
  const libraries = [
    { soname: 'libz.so.1', path: '/usr/lib/libz.so.1', flags },
    { soname: 'libz.so.1', path: '/usr/lib/glibc-hwcaps/x86-64-v3/libz.so.1', flags, level: 'x86-64-v3' },
    { soname: 'libz.so.10', path: '/usr/lib/libz.so.10', flags },
    { soname: 'libz.so.2', path: '/opt/other', flags },
  ];
  writeFileSync(at('levels'), encodeLdCache(libraries));
  const { stdout } = spawnSync(tool('ldconfig'), ['-p', '-C', at('levels')], { encoding: 'utf8' });
  assert.deepEqual(
    stdout
      .split('\n')
      .filter((line) => line.startsWith('\t'))
      .map((line) => line.trim()),
    [
      'libz.so.10 (libc6,x86-64) => /usr/lib/libz.so.10',
      'libz.so.2 (libc6,x86-64) => /opt/other',
      'libz.so.1 (libc6,x86-64, hwcap: "x86-64-v3") => /usr/lib/glibc-hwcaps/x86-64-v3/libz.so.1',
      'libz.so.1 (libc6,x86-64) => /usr/lib/libz.so.1',
    ],
  );
});

test('libraries that no link of their soname leads to are in the cache by their files', () => {
  const path = 'lonely/usr/lib/libx.so.1.2';
  put('.', { [path]: makeProgram({ soname: 'libx.so.1' }), 'lonely/usr/lib/libx.so.1.1': makeProgram({ soname: 'libx.so.1' }) });
  const { libraries } = librariesOf(directoryRoot(at('lonely')));
  assert.deepEqual(
    libraries.map(({ soname, path: found }) => `${soname} ${found}`),
    ['libx.so.1 /usr/lib/libx.so.1.2'],
  );
});

test('the bundles of a medium are listed out of its image', () => {
  const { status, stderr } = spawnSync(KINDLING, ['pack', at('medium'), '-o', at('medium.iso'), '--format', 'iso9660'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const names = (path: string) =>
    (document('list', path).bundles as { name: string; addedCount: number }[]).map((one) => [one.name, one.addedCount]);
  assert.deepEqual(names('medium.iso'), names('medium'));
});

test('damaged and hostile bundles end in an error that names them', () => {
  mkdirSync(at('bad'), { recursive: true });
  const whole = readFileSync(at('medium/kindling/01-core.sb'));
  writeFileSync(at('bad/01-cut.sb'), whole.subarray(0, 200));
  let said = kindling('list', 'bad');
  assert.deepEqual([said.code, /TRUNCATED|BAD_VALUE/.test(said.err), /01-cut\.sb/.test(said.err)], [3, true, true], said.err);
  writeFileSync(at('bad/01-cut.sb'), 'no squashfs');
  said = kindling('order', 'bad');
  assert.match(said.err, /BAD_MAGIC: .*01-cut\.sb/);
  assert.equal(said.code, 3);
  said = kindling('list', 'core');
  assert.match(said.err, /NO_ENTRY: there are no bundles/);
});

test('wrong words are refused before anything is read', () => {
  for (const [argv, text] of [
    [['burn', 'x'], /the action is "burn"/],
    [['make', 'core'], /-o FILE is missing/],
    [['make', 'core', '-o', 'core.squashfs'], /expected NN-NAME\.sb/],
    [['list', 'medium', '--over', 'x'], /--over is for another action/],
    [['make', 'core', '-o', 'x.sb', '--changes', '--over', 'medium'], /give one of them/],
    [['split', '-o', 'x'], /expected one ROOT/],
  ] as const) {
    const { code, err } = kindling(...argv);
    assert.equal(code, 2, err);
    assert.match(err, text);
  }
});
