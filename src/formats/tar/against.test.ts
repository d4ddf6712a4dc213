// tar against GNU tar and libarchive, in both directions, over a tree with everything that is awkward.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, linkSync, lutimesSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, tool } from '../../../test/tools.ts';
import { bytesSource, concat } from '../../bytes/index.ts';
import { directoryTree, fileSource, sha256 } from '../../node/index.ts';
import { printManifest, type Tree } from '../../tree/index.ts';
import { decode, encode } from './index.ts';

const isRoot = process.getuid?.() === 0;

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kindling-tar-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function run(name: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(tool(name), args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } });
  assert.equal(status, 0, `${name} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Names over 100 bytes with and without a slash in a helpful place, a long link target, hard links, no-UTF-8 names, odd modes. */
function fill(top: string, awkward: boolean): void {
  mkdirSync(join(top, 'a/b'), { recursive: true });
  writeFileSync(join(top, 'a/file'), 'content\n');
  writeFileSync(join(top, 'a/empty'), '');
  writeFileSync(join(top, 'a/block'), Buffer.alloc(512, 7));
  writeFileSync(join(top, 'z-big'), Buffer.alloc(70_001, 'big'));
  chmodSync(join(top, 'a/empty'), 0o4750);
  chmodSync(join(top, 'a/b'), 0o1777);
  linkSync(join(top, 'a/file'), join(top, 'a/b/link'));
  linkSync(join(top, 'a/file'), join(top, 'zz-link'));
  symlinkSync('../file', join(top, 'a/b/soft'));
  symlinkSync('/nowhere/at all', join(top, 'dangling'));
  run('mkfifo', ['-m', '600', join(top, 'pipe')]);
  writeFileSync(join(top, 'ümläut ☃'), 'x');
  const middle = join(top, 'd'.repeat(60), 'e'.repeat(60));
  mkdirSync(middle, { recursive: true });
  writeFileSync(join(middle, 'f'), 'split at a slash');
  if (isRoot) run('mknod', [join(top, 'null'), 'c', '1', '3']);
  if (awkward) {
    writeFileSync(join(top, 'n'.repeat(200)), 'no slash to split at');
    symlinkSync('t'.repeat(300), join(top, 'far'));
    linkSync(join(top, 'n'.repeat(200)), join(top, 'zzz'));
    writeFileSync(Buffer.from(join(top, 'latin-\xe9'), 'latin1'), 'not UTF-8');
    const old = new Date(-1000);
    lutimesSync(join(top, 'far'), old, old);
  }
}

// The time of a symbolic link and of a directory is not everywhere restored; contents, kinds, modes, owners, links and file times are.
function manifest(tree: Tree): string {
  const settled = tree.entries.map((entry) => (entry.kind === 'file' ? entry : { ...entry, mtime: 0 }));
  return printManifest({ ...tree, entries: settled }, { sha256 });
}

for (const format of ['gnu', 'oldgnu', 'pax', 'posix', 'ustar', 'v7'] as const) {
  test(`what GNU tar writes with --format=${format} is what was on disk`, (t) => {
    if (!needs(t, 'tar', 'mkfifo')) return;
    const folder = scratch(t);
    const top = join(folder, 'top');
    mkdirSync(top);
    if (format === 'v7') {
      // The oldest form holds files, links and directories with short names only.
      mkdirSync(join(top, 'a'));
      writeFileSync(join(top, 'a/file'), 'content');
      linkSync(join(top, 'a/file'), join(top, 'a/link'));
      symlinkSync('file', join(top, 'a/soft'));
    } else fill(top, format !== 'ustar');
    run('tar', ['-C', top, `--format=${format}`, '--sort=name', '-cf', join(folder, 'x.tar'), '.']);
    assert.equal(manifest(decode(fileSource(join(folder, 'x.tar')))), manifest(directoryTree(top)));
  });
}

for (const format of ['pax', 'gnutar', 'ustar'] as const) {
  test(`what libarchive writes as ${format} is what was on disk`, (t) => {
    if (!needs(t, 'bsdtar', 'mkfifo')) return;
    const folder = scratch(t);
    const top = join(folder, 'top');
    mkdirSync(top);
    fill(top, format === 'pax');
    run('bsdtar', ['-C', top, '--format', format, '-cf', join(folder, 'x.tar'), '.']);
    assert.equal(manifest(decode(fileSource(join(folder, 'x.tar')))), manifest(directoryTree(top)));
  });
}

for (const program of ['tar', 'bsdtar'] as const) {
  test(`what we write, ${program} unpacks to what was on disk`, (t) => {
    if (!needs(t, program, 'mkfifo')) return;
    const folder = scratch(t);
    const [top, out, file] = [join(folder, 'top'), join(folder, 'out'), join(folder, 'x.tar')];
    mkdirSync(top);
    mkdirSync(out);
    fill(top, true);
    writeFileSync(file, concat([...encode(directoryTree(top))]));
    run(program, ['-C', out, '-xpf', file]);
    assert.equal(manifest(directoryTree(out)), manifest(directoryTree(top)));
  });
}

test('extended attributes go through GNU tar and back', (t) => {
  if (!needs(t, 'tar', 'setfattr')) return;
  const folder = scratch(t);
  writeFileSync(join(folder, 'file'), 'x');
  const set = spawnSync(tool('setfattr'), ['-n', 'user.kindling', '-v', 'value', join(folder, 'file')]);
  if (set.status !== 0) return t.skip('the file system of the temporary directory keeps no extended attributes');
  run('tar', ['-C', folder, '--xattrs', '--format=pax', '-cf', join(folder, 'x.tar'), 'file']);
  const tree = decode(fileSource(join(folder, 'x.tar')));
  assert.deepEqual(
    [...(tree.get('file')?.xattrs ?? [])].map(([key, value]) => [key, new TextDecoder().decode(value)]),
    [['user.kindling', 'value']],
  );
  const again = decode(bytesSource(concat([...encode(tree)])));
  assert.deepEqual(again.get('file')?.xattrs, tree.get('file')?.xattrs);
});

test('a sparse file is refused, not read wrongly', (t) => {
  if (!needs(t, 'tar', 'truncate')) return;
  const folder = scratch(t);
  run('truncate', ['-s', '10M', join(folder, 'hole')]);
  for (const format of ['gnu', 'pax']) {
    const file = join(folder, `${format}.tar`);
    run('tar', ['-C', folder, '--sparse', `--format=${format}`, '-cf', file, 'hole']);
    assert.throws(() => decode(fileSource(file)), { code: 'UNSUPPORTED' }, format);
  }
});
