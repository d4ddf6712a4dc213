// `kindling plan` and `kindling build` as a person runs them, on a small root on disk: files, messages, exit codes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeProgram } from '../src/formats/elf/index.ts';
import type { Root } from '../src/plan/index.ts';
import { sample, VIRTUAL } from '../src/plan/sample.fixture.ts';
import { writeRoot } from './on-disk.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-build-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const onDisk = (root: Root, name: string, mask = 0): string => writeRoot(root, join(folder, name), mask);

function kindling(...argv: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(KINDLING, argv, { encoding: 'utf8', cwd: folder });
  return { code: status, out: stdout, err: stderr };
}

test('build writes an archive that list and why read; without -o it is named after the kernel', () => {
  const root = onDisk(sample(), 'plain');
  const made = kindling('build', '--root', root);
  assert.equal(made.code, 0, made.err);
  const archive = join(folder, 'kindling-6.1.0-sample.img');
  const listed = kindling('list', archive).out.split('\n');
  for (const path of ['init', 'usr/bin/sh', 'usr/lib/kindling/early.conf', 'usr/lib/modules/6.1.0-sample/kernel/fs/ext4/ext4.ko']) {
    assert.ok(listed.includes(path), `${path} is missing`);
  }
  assert.match(kindling('why', archive, 'usr/lib/modules/6.1.0-sample/kernel/fs/jbd2/jbd2.ko').out, /dependency of ext4/);
});

test('equal roots give equal bytes, whatever the umask, the place and the working directory', () => {
  const a = join(folder, 'a.img');
  const b = join(folder, 'b.img');
  assert.equal(kindling('build', '--root', onDisk(sample(), 'one'), '-o', a).code, 0);
  assert.equal(kindling('build', '--root', onDisk(sample(), 'two/deeper', 0o077), '-o', b).code, 0);
  assert.ok(readFileSync(a).equals(readFileSync(b)));
});

test('one processor, one thread, another user: the same bytes', (t) => {
  const root = onDisk(sample(), 'same');
  const plain = join(folder, 'plain.img');
  assert.equal(kindling('build', '--root', root, '-o', plain).code, 0);
  const one = join(folder, 'one.img');
  const pinned = spawnSync('taskset', ['-c', '0', KINDLING, 'build', '--root', root, '-o', one], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  });
  assert.equal(pinned.status, 0, String(pinned.stderr));
  assert.ok(readFileSync(plain).equals(readFileSync(one)));
  if (process.geteuid?.() !== 0) return t.diagnostic('not root: building as another user is left out');
  const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  // a clone below root's own home is closed to others
  if (spawnSync('setpriv', [...asNobody, 'test', '-x', KINDLING]).status !== 0) return t.diagnostic('the clone is closed to other users');
  const place = mkdtempSync(join(tmpdir(), 'kindling-nobody-'));
  t.after(() => rmSync(place, { recursive: true }));
  chmodSync(place, 0o777);
  chmodSync(folder, 0o755);
  const other = join(place, 'other.img');
  const nobody = spawnSync('setpriv', [...asNobody, KINDLING, 'build', '--root', root, '-o', other], {
    env: { ...process.env, HOME: place },
  });
  assert.equal(nobody.status, 0, String(nobody.stderr));
  assert.ok(readFileSync(plain).equals(readFileSync(other)));
});

test('why reads a plan as well, and refuses what is none', () => {
  const plan = join(folder, 'plan.json');
  writeFileSync(plan, kindling('plan', '--json', '--root', onDisk(sample(), 'planned')).out);
  const path = 'usr/lib/modules/6.1.0-sample/kernel/fs/jbd2/jbd2.ko';
  assert.match(kindling('why', plan, path).out, /dependency of ext4/);
  assert.equal(kindling('why', plan, 'no/such/path').code, 3);
  for (const text of ['{', '{}', '{"entries":[{}]}', '{"entries":[{"path":"a","reasons":[1]}]}']) {
    writeFileSync(plan, text);
    const refused = kindling('why', plan, 'a');
    assert.equal(refused.code, 3, text);
    assert.match(refused.err, /BAD_VALUE.*plan/);
  }
});

test('a kernel or a module that is not there is named, and nothing is written', () => {
  const root = onDisk(sample(), 'lacking');
  const archive = join(folder, 'lacking.img');
  const kernel = kindling('build', '--root', root, '-k', '9.9.9-none', '-o', archive);
  assert.equal(kernel.code, 3);
  assert.match(kernel.err, /NO_KERNEL.*9\.9\.9-none/);
  const config = join(folder, 'wish.conf');
  writeFileSync(config, 'modules = nosuchdriver\n');
  const module = kindling('build', '--root', root, '--config', config, '-o', archive);
  assert.equal(module.code, 3, module.err);
  assert.match(module.err, /NO_MODULE.*nosuchdriver/);
  assert.equal(existsSync(archive), false);
});

test('a build that fails leaves what was there, and nothing else', () => {
  const program = makeProgram({ interpreter: '/lib64/ld-linux-x86-64.so.2', needed: ['libnone.so'] });
  const root = onDisk(sample({ 'usr/sbin/fsck.ext4': program }), 'broken');
  const archive = join(folder, 'kept.img');
  writeFileSync(archive, 'before');
  const made = kindling('build', '--root', root, '-o', archive);
  assert.equal(made.code, 3);
  assert.match(made.err, /NO_LIBRARY.*ld-linux-x86-64\.so\.2/);
  assert.equal(readFileSync(archive, 'utf8'), 'before');
  assert.equal(kindling('build', '--root', root, '--omit', 'fsck', '-o', archive).code, 0);
  assert.notEqual(readFileSync(archive, 'utf8').slice(0, 6), 'before');
});

test('no space and no permission are named and end with 4', (t) => {
  const root = onDisk(sample(), 'nowhere-to-write');
  const full = kindling('build', '--root', root, '-o', '/dev/full');
  assert.equal(full.code, 4);
  assert.match(full.err, /NO_SPACE.*\/dev\/full/);
  if (process.geteuid?.() === 0) return t.diagnostic('root may write anywhere: the refusal is tested in src/cli/main.test.ts');
  const closed = join(folder, 'closed');
  mkdirSync(closed, { mode: 0o555 });
  const refused = kindling('build', '--root', root, '-o', join(closed, 'x.img'));
  assert.equal(refused.code, 4);
  assert.match(refused.err, /NO_PERMISSION/);
});

test('-n writes nothing and says what would be written', () => {
  const archive = join(folder, 'dry.img');
  const made = kindling('build', '--root', onDisk(sample(), 'dry'), '-n', '-o', archive);
  assert.equal(made.code, 0);
  assert.match(made.out, /dry\.img/);
  assert.ok(!existsSync(archive));
});

test('every kind of wrong wish has its exit code', () => {
  const root = onDisk(sample(), 'wrong');
  writeFileSync(join(folder, 'bad.conf'), 'scope = generic\ncolour = red\n');
  const cases: readonly (readonly [number, RegExp, readonly string[]])[] = [
    [3, /NO_KERNEL.*9\.9/, ['-k', '9.9']],
    [3, /no part "none"/, ['--add', 'none']],
    [3, /bad\.conf:2/, ['--config', 'bad.conf']],
    [2, /zstd/, ['--codec', 'brotli']],
    [2, /level/, ['--codec', 'zstd:99']],
    [2, /scope/, ['--scope', 'moon']],
    [2, /--facts/, ['--facts', 'x.json']],
    [3, /NO_ENTRY.*nowhere/, ['--root', join(folder, 'nowhere')]],
  ];
  for (const [code, message, words] of cases) {
    const made = kindling('build', ...(words[0] === '--root' ? [] : ['--root', root]), ...words, '-o', join(folder, 'x.img'));
    assert.match(made.err, message, words.join(' '));
    assert.equal(made.code, code, `${words.join(' ')}: ${made.err}`);
  }
  assert.ok(!existsSync(join(folder, 'x.img')));
});

test('plan prints parts, entries with reasons, one JSON document, the configuration and facts', () => {
  const root = onDisk(sample({ 'etc/kindling.conf': 'modules = jfs\n' }), 'shown');
  assert.match(kindling('plan', '--root', root).out, /^storage +\d+ +\d+ +\d+ KiB/m);
  assert.match(kindling('plan', '--root', root, '-l').out, /^usr\/lib\/modules\/\S+\/jfs\.ko\tmodules-load: named in the settings$/m);
  const document: unknown = JSON.parse(kindling('plan', '--root', root, '--json').out);
  assert.ok(typeof document === 'object' && document !== null && 'packed' in document && Array.isArray(document.packed));
  assert.ok(document.packed.includes('jfs'));
  assert.match(kindling('plan', '--root', root, '--print-config', '--omit', 'fsck').out, /^omit = fsck {2}# command line$/m);
  const facts = join(folder, 'facts.json');
  writeFileSync(facts, JSON.stringify(VIRTUAL));
  const host = kindling('plan', '--root', root, '--scope', 'host', '--facts', facts, '-l').out;
  assert.match(host, /virtio_blk\.ko/);
  assert.doesNotMatch(host, /ahci\.ko/);
  assert.match(kindling('plan', '--root', root, '--print-facts').out, /"facts": 1/);
});
