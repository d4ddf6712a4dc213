// Files: sources, directories as roots and trees, atomic writing, digests.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nameFromBytes, readAll, readInto, sliceSource } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { findFile, resolve } from '../plan/index.ts';
import {
  directoryRoot,
  directoryTree,
  errnoError,
  fileSource,
  findTool,
  runCleanups,
  runningSha256,
  runTool,
  sha256,
  writeAtomically,
} from './index.ts';
import { blockDeviceSize } from './source.ts';

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kindling-node-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('a file is read in any order, small ranges and large, and stays what it was', (t) => {
  const path = join(scratch(t), 'file');
  const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7) & 0xff);
  writeFileSync(path, bytes);
  const source = fileSource(path);
  const early = source.read(10, 20);
  for (const [at, size] of [
    [0, 16],
    [299_990, 10],
    [70_000, 100],
    [65_530, 12],
    [0, 300_000],
    [5, 20_000],
    [300_000, 0],
  ] as const) {
    assert.deepEqual(Uint8Array.from(source.read(at, size)), bytes.slice(at, at + size), `${at}+${size}`);
  }
  assert.deepEqual(Uint8Array.from(early), bytes.slice(10, 30), 'a view stays valid');
  const target = new Uint8Array(1000);
  readInto(sliceSource(source, 100), 50, target);
  assert.deepEqual(target, bytes.slice(150, 1150));
  assert.throws(() => source.read(299_999, 2), { code: 'TRUNCATED' });
  assert.throws(() => source.readInto?.(299_999, new Uint8Array(2)), { code: 'TRUNCATED' });
  assert.throws(() => source.read(-1, 2), { code: 'TRUNCATED' });
});

test('a file that is replaced or shortened while it is read is noticed', (t) => {
  const folder = scratch(t);
  const [path, other] = [join(folder, 'file'), join(folder, 'other')];
  writeFileSync(path, Buffer.alloc(100_000));
  writeFileSync(other, Buffer.alloc(100_000, 1));
  const source = fileSource(path);
  renameSync(other, path);
  assert.throws(() => readAll(source), { code: 'IO' });
  const shortened = fileSource(path);
  shortened.read(0, 10);
  writeFileSync(path, 'short');
  assert.throws(() => shortened.read(90_000, 10), { code: 'TRUNCATED', where: { file: path, offset: 90_000 } });
});

test('many more files than may be open are read a little at a time', (t) => {
  const folder = scratch(t);
  const sources = Array.from({ length: 1500 }, (_, index) => {
    writeFileSync(join(folder, `${index}`), `${index}`.padStart(20_000));
    return fileSource(join(folder, `${index}`));
  });
  for (const [index, source] of sources.entries()) assert.equal(new TextDecoder().decode(source.read(19_996, 4)).trim(), `${index}`);
  assert.ok(readdirSync('/proc/self/fd').length < 200);
  for (const source of sources) source.release();
});

test('a pipe is read to its end', async (t) => {
  const path = join(scratch(t), 'pipe');
  assert.equal((await runTool('mkfifo', [path])).code, 0);
  // A process of its own, started before the opening, which waits for it.
  const writer = spawn('sh', ['-c', 'head -c 3000000 /dev/zero > "$0"', path]);
  await once(writer, 'spawn');
  assert.equal(fileSource(path).size, 3_000_000);
  await once(writer, 'exit');
});

test('a block device is as large as the kernel says, although fstat gives it no size', (t) => {
  const devices = existsSync('/sys/class/block') ? readdirSync('/sys/class/block').filter((name) => existsSync(`/dev/${name}`)) : [];
  if (devices.length === 0) return t.skip('no block device is to be seen here');
  for (const name of devices) {
    const stats = statSync(`/dev/${name}`);
    assert.equal(stats.size, 0);
    const sectors = readFileSync(`/sys/class/block/${name}/size`, 'latin1').trim();
    assert.equal(blockDeviceSize(stats, name), Number(sectors) * 512, name);
  }
});

test('a directory as a root: links are not followed, names are bytes, hard links are files', (t) => {
  const folder = scratch(t);
  mkdirSync(join(folder, 'usr/bin'), { recursive: true });
  writeFileSync(join(folder, 'usr/bin/b'), 'b', { mode: 0o755 });
  linkSync(join(folder, 'usr/bin/b'), join(folder, 'usr/bin/a'));
  symlinkSync('usr/bin', join(folder, 'bin'));
  symlinkSync('/etc', join(folder, 'out'));
  const latin = Buffer.from('caf\xe9', 'latin1');
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), latin]), 'x');
  writeFileSync(join(folder, '\ufffd'), 'the real one');
  const root = directoryRoot(folder);
  assert.equal(root.entry('')?.kind, 'directory');
  assert.equal(root.entry('bin/b'), undefined);
  assert.equal(root.entry('out/passwd'), undefined);
  assert.equal(root.entry('usr/bin/b/c'), undefined);
  assert.equal(root.entry('x'.repeat(300)), undefined);
  assert.deepEqual(root.names('usr/bin'), ['a', 'b']);
  assert.deepEqual(root.names('bin'), []);
  assert.deepEqual(root.names(''), ['bin', nameFromBytes(latin), 'out', 'usr', '\ufffd']);
  const odd = root.entry(nameFromBytes(latin));
  assert.ok(odd?.kind === 'file' && readAll(odd.content)[0] === 0x78);
  assert.equal(root.entry('usr/bin/a')?.kind, 'file');
  assert.equal(findFile(root, 'bin/b')?.mode, 0o755);
  assert.equal(resolve(root, 'out/passwd').entry, undefined, 'an absolute link stays inside');
  assert.throws(() => directoryRoot(join(folder, 'nothing')), { code: 'NO_ENTRY' });
  assert.throws(() => directoryRoot(join(folder, 'usr/bin/b')), { code: 'NO_ENTRY' });
});

test('a directory as a tree: everything in order, further names of a file as hard links', (t) => {
  const folder = scratch(t);
  mkdirSync(join(folder, 'd'));
  writeFileSync(join(folder, 'd/z'), 'zz');
  linkSync(join(folder, 'd/z'), join(folder, 'a'));
  const tree = directoryTree(folder);
  assert.deepEqual(
    tree.entries.map((entry) => `${entry.kind} ${entry.path}`),
    ['directory ', 'file a', 'directory d', 'hardlink d/z'],
  );
  const null_ = directoryRoot('/').entry('dev/null');
  assert.ok(null_?.kind === 'char' && null_.major === 1 && null_.minor === 3);
});

test('a file that takes the place of another after the root was read is not followed out of it', (t) => {
  const folder = scratch(t);
  writeFileSync(join(folder, 'file'), 'inside');
  const entry = directoryRoot(folder).entry('file');
  rmSync(join(folder, 'file'));
  symlinkSync('/etc/passwd', join(folder, 'file'));
  assert.ok(entry?.kind === 'file');
  assert.throws(() => readAll(entry.content), { code: 'LINK_LOOP' });
});

test('writing: the mode asked for whatever the umask, the old mode kept, links written through', async (t) => {
  const folder = scratch(t);
  const path = join(folder, 'image');
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  assert.equal(await writeAtomically(path, [Uint8Array.of(1), Uint8Array.of(2, 3)], { mode: 0o644 }), 3);
  assert.equal(statSync(path).mode & 0o777, 0o644);
  chmodSync(path, 0o600);
  await writeAtomically(path, [Uint8Array.of(9)]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  symlinkSync('image', join(folder, 'link'));
  await writeAtomically(join(folder, 'link'), [Uint8Array.of(7)]);
  assert.ok(lstatSync(join(folder, 'link')).isSymbolicLink());
  assert.deepEqual([...readFileSync(path)], [7]);
  assert.deepEqual(readdirSync(folder).sort(), ['image', 'link']);
  await writeAtomically('/dev/null', [new Uint8Array(10)]);
  assert.ok(lstatSync('/dev/null').isCharacterDevice());
});

test('writing that fails leaves the old file and nothing else', async (t) => {
  const folder = scratch(t);
  const path = join(folder, 'image');
  writeFileSync(path, 'old');
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(10);
    throw new KindlingError('BAD_VALUE', 'half way');
  }
  await assert.rejects(writeAtomically(path, broken()), { code: 'BAD_VALUE' });
  await assert.rejects(writeAtomically(path, [], { expectedSize: 2 ** 52 }), { code: 'NO_SPACE' });
  await assert.rejects(writeAtomically(folder, []), { code: 'IO' });
  await assert.rejects(writeAtomically(join(folder, 'no/where'), []), { code: 'NO_ENTRY' });
  symlinkSync('loop', join(folder, 'loop'));
  await assert.rejects(writeAtomically(join(folder, 'loop'), []), { code: 'LINK_LOOP' });
  async function* interrupted(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(10);
    runCleanups();
    yield new Uint8Array(10);
  }
  await assert.rejects(writeAtomically(path, interrupted()), { code: 'IO' });
  assert.equal(readFileSync(path, 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder).sort(), ['image', 'loop']);
});

test('errno: one table, and nothing else is taken for a system error', () => {
  const error = (code: string) => Object.assign(new Error(code), { code, syscall: 'write', path: '/p' });
  const codes = ['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'EIO', 'ENOENT', 'EMFILE'].map((code) => errnoError(error(code))?.code);
  assert.deepEqual(codes, ['NO_SPACE', 'NO_SPACE', 'NO_PERMISSION', 'NO_PERMISSION', 'READ_ONLY', 'IO', 'NO_ENTRY', 'IO']);
  assert.deepEqual(errnoError(error('EIO'), { offset: 3 })?.where, { offset: 3, file: '/p' });
  assert.equal(errnoError(new TypeError('x')), undefined);
  assert.equal(errnoError(Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE', syscall: 'x' })), undefined);
});

test('SHA-256, whole and in pieces', () => {
  const abc = new TextEncoder().encode('abc');
  assert.equal(sha256(abc), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  const running = runningSha256();
  running.update(abc.subarray(0, 1));
  running.update(abc.subarray(1));
  assert.equal(running.finish(), sha256(abc));
});

test('programs: found, run, ended at the deadline, bounded, missing', async () => {
  assert.equal(findTool('no-such-program'), undefined);
  const { code, stdout, stderr } = await runTool('sh', ['-c', 'cat; echo problem >&2; exit 3'], { input: Uint8Array.of(65, 66) });
  assert.deepEqual([code, [...stdout], stderr], [3, [65, 66], 'problem\n']);
  assert.equal((await runTool('sh', ['-c', 'kill -TERM $$'])).code, 143);
  await assert.rejects(runTool('no-such-program', []), { code: 'NO_TOOL' });
  await assert.rejects(runTool('sleep', ['20'], { timeout: 100 }), { code: 'TIMEOUT' });
  await assert.rejects(runTool('cat', ['/dev/zero'], { limit: 1_000_000 }), { code: 'LIMIT' });
});
