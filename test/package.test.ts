// The Debian package: what is in it, that it comes out the same anywhere, that dpkg-deb reads it, and that what it installs runs by itself.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dependsOf } from '../scripts/package/control.ts';
import { makePackage } from '../scripts/package.ts';
import { bytesSource } from '../src/bytes/index.ts';
import { VERBS } from '../src/cli/verbs.ts';
import { decode, type Package } from '../src/formats/deb/index.ts';
import { makeProgram } from '../src/formats/elf/index.ts';
import { nodeDecoders } from '../src/node/codecs.ts';
import { sample } from '../src/plan/sample.fixture.ts';
import { writeRoot } from './on-disk.ts';
import { HOME } from './rooms.ts';
import { findTool, needs } from './tools.ts';
import { mustRun, run } from './world/index.ts';

// As `npm run package` makes it, but for the compression: xz takes a minute.
const CODEC = 'gzip:1';
const MTIME = 1_700_000_000;
const IS_MADE_HERE = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
const skip = IS_MADE_HERE ? false : `there is no package for ${process.platform} on ${process.arch}`;

let folder = '';
let path = '';
let held: Package;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-package-'));
  if (!IS_MADE_HERE) return;
  path = (await makePackage(join(folder, 'kindling.deb'), { codec: CODEC, mtime: MTIME })).path;
  held = decode(bytesSource(readFileSync(path)), { decoders: nodeDecoders() });
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** The package unpacked, once; the folder with usr/ in it. */
function unpacked(): string {
  const top = join(folder, 'unpacked');
  if (existsSync(top)) return top;
  for (const entry of held.data.entries) {
    const place = join(top, entry.path);
    if (entry.kind === 'directory') mkdirSync(place, { recursive: true });
    else if (entry.kind === 'symlink') symlinkSync(entry.target, place);
    else if (entry.kind === 'file') writeFileSync(place, entry.content.read(0, entry.content.size), { mode: entry.mode });
    if (entry.kind === 'file') chmodSync(place, entry.mode);
  }
  return top;
}

// No Node on PATH, nothing of this process's environment.
const alone = { PATH: '/usr/bin:/bin', NODE_COMPILE_CACHE: undefined, HOME: '/nonexistent' };

test('the package holds the program and its data, manual pages and completions, owned by root, of one time', { skip }, () => {
  const paths = held.data.entries.map((entry) => entry.path);
  for (const entry of held.data.entries) {
    assert.deepEqual([entry.uid, entry.gid, entry.mtime], [0, 0, MTIME], entry.path);
    if (entry.kind === 'directory') assert.equal(entry.mode, 0o755, entry.path);
    else assert.ok([0o644, 0o755, 0o777].includes(entry.mode), entry.path);
  }
  const places = new Set(paths.filter((one) => one !== '').map((one) => one.split('/').slice(0, 3).join('/')));
  const expected = [
    'lib/kindling',
    'bin/kindling',
    ...['bash-completion', 'doc', 'fish', 'lintian', 'man', 'zsh'].map((name) => `share/${name}`),
  ];
  assert.deepEqual([...places].sort(), ['usr', 'usr/bin', 'usr/lib', 'usr/share', ...expected.map((name) => `usr/${name}`)].sort());
  const program = paths.filter((one) => /^usr\/lib\/kindling\/[^/]+$/.test(one)).map((one) => one.slice('usr/lib/kindling/'.length));
  assert.deepEqual(program, ['early', 'kindling', 'kindling.mjs', 'node', 'node_modules', 'package.json', 'packaging']);
  const link = held.data.get('usr/bin/kindling');
  assert.ok(link?.kind === 'symlink' && link.target === '../lib/kindling/kindling');
  for (const name of ['early/init', 'early/squash/init', 'packaging/hooks/kernel-postinst.sh']) {
    assert.equal(held.data.get(`usr/lib/kindling/${name}`)?.mode, 0o755, name);
  }
  assert.deepEqual(
    paths.filter((one) => one.startsWith('usr/share/man/man1/')).sort(),
    ['kindling', ...VERBS.map(({ name }) => `kindling-${name}`)].map((name) => `usr/share/man/man1/${name}.1.gz`).sort(),
  );
});

test('the control file says what the package is and what its Node needs', { skip }, () => {
  const { fields } = held;
  assert.equal(fields.get('Package'), 'kindling');
  assert.equal(fields.get('Version'), JSON.parse(readFileSync(join(HOME, 'package.json'), 'utf8')).version);
  assert.equal(fields.get('Architecture'), process.arch === 'x64' ? 'amd64' : 'arm64');
  assert.match(fields.get('Depends') ?? '', /^libc6 \(>= 2\.[0-9]+\), libgcc-s1 \(>= [0-9.]+\), libstdc\+\+6 \(>= [0-9.]+\)$/);
  assert.match(fields.get('Recommends') ?? '', /^e2fsprogs, qemu-system-/);
  assert.match(fields.get('Description') ?? '', /^plans, builds, .*\n/);
  assert.ok(Number(fields.get('Installed-Size')) > 50_000);
  const names = held.control.entries.map((entry) => `${entry.path} ${entry.mode.toString(8)}`);
  assert.deepEqual(names.slice(1), ['control 644', 'md5sums 644', 'postinst 755', 'postrm 755', 'prerm 755', 'triggers 644']);
});

test('a library that no Debian package is known for is an error, not a guess', () => {
  const target = { class: 64, endian: 'little', machine: 'x86_64' } as const;
  const program = (...needed: string[]) => bytesSource(makeProgram({ target, interpreter: '/lib/ld.so', needed }));
  assert.equal(dependsOf([program('libc.so.6', 'libatomic.so.1'), program('libm.so.6')]), 'libatomic1, libc6');
  assert.throws(() => dependsOf([program('libodd.so.3')]), /libodd\.so\.3/);
});

test('made elsewhere, by another process under another umask and in another time zone: the same bytes', { skip }, async () => {
  const again = join(folder, 'again.deb');
  const words = [process.execPath, join(HOME, 'scripts/package.ts'), '--codec', CODEC, '-o', again];
  await mustRun('sh', ['-c', 'umask 077; exec "$@"', 'sh', ...words], {
    cwd: '/',
    env: { TZ: 'Asia/Tokyo', LANG: 'tr_TR.UTF-8', SOURCE_DATE_EPOCH: String(MTIME) },
  });
  assert.ok(readFileSync(again).equals(readFileSync(path)));
});

test('dpkg-deb reads it, and the sums are those of the files', { skip }, async (t) => {
  if (!needs(t, 'dpkg-deb', 'tar')) return;
  assert.equal(await mustRun('dpkg-deb', ['-f', path, 'Depends']), `${held.fields.get('Depends')}\n`);
  const listed = (await mustRun('dpkg-deb', ['-c', path])).trimEnd().split('\n');
  assert.equal(listed.length, held.data.entries.length);
  const top = join(folder, 'raw');
  await mustRun('dpkg-deb', ['-R', path, top]);
  const checked = await mustRun('md5sum', ['-c', 'DEBIAN/md5sums'], { cwd: top });
  assert.equal(checked.trimEnd().split('\n').length, held.data.entries.filter((entry) => entry.kind === 'file').length);
  for (const line of readFileSync(join(top, 'DEBIAN/triggers'), 'utf8').split('\n')) {
    assert.match(line, /^(#.*|interest-noawait (update-initramfs|\/[a-z./-]+))?$/);
  }
});

test('what is installed runs by its own Node alone, and does what the clone does', { skip }, async () => {
  const top = unpacked();
  const program = join(top, 'usr/bin/kindling');
  const version = await mustRun(program, ['--version'], { cwd: '/', env: alone });
  assert.equal(version, `kindling ${held.fields.get('Version')}\n`);
  assert.equal(await mustRun(program, ['--help'], { env: alone }), await mustRun(join(HOME, 'bin/kindling'), ['--help']));
  const root = writeRoot(sample(), join(folder, 'root'));
  const [ours, theirs] = [join(folder, 'ours.img'), join(folder, 'theirs.img')];
  await mustRun(program, ['build', '--root', root, '-o', ours], { env: alone });
  await mustRun(join(HOME, 'bin/kindling'), ['build', '--root', root, '-o', theirs]);
  assert.ok(readFileSync(ours).equals(readFileSync(theirs)), 'the same archive');
  // 100 blocks are work for threads: these are started from the bundle, and xz comes from beside it
  mkdirSync(join(folder, 'tree'));
  writeFileSync(join(folder, 'tree/big'), readFileSync(process.execPath).subarray(0, 100 * 8192));
  const packed = async (from: string, out: string): Promise<Buffer> => {
    await mustRun(from, ['pack', join(folder, 'tree'), '-o', join(folder, out), '--codec', 'xz', '--block', '8192', '--no-cache'], {
      env: alone,
    });
    return readFileSync(join(folder, out));
  };
  assert.ok((await packed(program, 'a.sqfs')).equals(await packed(join(HOME, 'bin/kindling'), 'b.sqfs')), 'the same image');
  const missing = await run(program, ['list', '/nonexistent'], { env: alone });
  assert.equal(missing.code, 3);
});

test('the launcher: through links and by any name, without what is meant for another Node, with a cache only where there is one', {
  skip,
}, async () => {
  const home = join(folder, 'fake/usr/lib/kindling');
  mkdirSync(home, { recursive: true });
  mkdirSync(join(folder, 'fake/usr/bin'), { recursive: true });
  writeFileSync(join(home, 'kindling'), readFileSync(join(HOME, 'packaging/launcher')), { mode: 0o755 });
  writeFileSync(join(home, 'kindling.mjs'), '');
  const say = `#!/bin/sh
echo "$2 options=$NODE_OPTIONS path=$NODE_PATH cache=$NODE_COMPILE_CACHE in=$(cd "$(dirname "$1")" && pwd)"
`;
  writeFileSync(join(home, 'node'), say, { mode: 0o755 });
  symlinkSync('../lib/kindling/kindling', join(folder, 'fake/usr/bin/kindling'));
  symlinkSync(join(folder, 'fake/usr/bin/kindling'), join(folder, 'elsewhere'));
  const env = { NODE_OPTIONS: '--inspect', NODE_PATH: '/x', NODE_COMPILE_CACHE: '/y' };
  const expected = `word options= path= cache= in=${home}\n`;
  const starts: [string, string[], string][] = [
    [join(home, 'kindling'), [], '/'],
    [join(folder, 'fake/usr/bin/kindling'), [], '/'],
    [join(folder, 'elsewhere'), [], '/'],
    ['sh', ['kindling'], home],
    ['sh', ['./kindling'], home],
  ];
  for (const shell of ['sh', 'dash', 'bash', 'busybox']) {
    const found = findTool(shell);
    if (found !== undefined) starts.push([found, [...(shell === 'busybox' ? ['sh'] : []), join(home, 'kindling')], '/']);
  }
  for (const [program, words, cwd] of starts) {
    assert.equal(await mustRun(program, [...words, 'word'], { cwd, env }), expected, `${program} ${words.join(' ')}`);
  }
  mkdirSync(join(folder, 'fake/var/cache/kindling/program'), { recursive: true });
  assert.match(await mustRun(join(home, 'kindling'), ['word'], { env }), / cache=\S+\/var\/cache\/kindling\/program /);
});
