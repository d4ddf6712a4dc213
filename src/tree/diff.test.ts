// Differences and merging of trees.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { diffTrees, lossesOf, mergeTrees, parseManifest, printManifest, type Tree } from './index.ts';
import { trees } from './trees.fixture.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const tree = (...lines: string[]): Tree => parseManifest(lines.join('\n'));
const shown = (a: Tree, b: Tree, owners = true) =>
  diffTrees(a, b, { sha256, owners }).map(({ path, change, fields }) => `${change} ${path} ${fields.join(',')}`.trim());

test('added, removed and changed, each with what changed', () => {
  const a = tree('file 0644 0 0 0 a data=1', 'file 0644 0 0 0 b data=1', 'symlink 0777 0 0 0 l target=x', 'char 0600 0 0 0 n device=1:3');
  const b = tree('file 0600 0 0 9 a data=2', 'symlink 0777 0 0 0 l target=yy', 'char 0600 0 0 0 n device=1:5', 'directory 0755 0 0 0 z');
  assert.deepEqual(shown(a, b), ['changed a mode,sha256', 'removed b', 'changed l size,target', 'changed n device', 'added z']);
});

test('digests of files that only one tree has, where wanted', () => {
  const [a, b] = [
    tree('file 0644 0 0 0 a data=1', 'file 0644 0 0 0 c data=1'),
    tree('file 0644 0 0 0 b data=1', 'file 0644 0 0 0 c data=2'),
  ];
  const digests = (allDigests: boolean) =>
    diffTrees(a, b, { sha256, allDigests }).map(
      ({ path, before, after }) => `${path} ${[before, after].map((facts) => facts?.sha256 !== undefined)}`,
    );
  assert.deepEqual(digests(true), ['a true,false', 'b false,true', 'c true,true']);
  assert.deepEqual(digests(false), ['a false,false', 'b false,false', 'c true,true']);
});

test('times are not compared, owners can be left out, a symbolic link has no mode', () => {
  assert.deepEqual(shown(tree('file 0644 5 6 1 a data=1'), tree('file 0644 0 0 2 a data=1')), ['changed a uid,gid']);
  assert.deepEqual(shown(tree('file 0644 5 6 1 a data=1'), tree('file 0644 0 0 2 a data=1'), false), []);
  assert.deepEqual(shown(tree('symlink 0755 0 0 0 l target=x'), tree('symlink 0777 0 0 0 l target=x')), []);
});

test('a hard link counts as the file it names', () => {
  const linked = tree('file 0644 0 0 0 a data=1', 'hardlink 0644 0 0 0 b to=a');
  assert.deepEqual(shown(linked, tree('file 0644 0 0 0 a data=1', 'file 0644 0 0 0 b data=1')), []);
  assert.deepEqual(shown(linked, tree('file 0644 0 0 0 a data=1', 'file 0644 0 0 0 b data=2')), ['changed b sha256']);
});

test('a tree differs from itself in nothing, and in as much from another as that from it', () => {
  fc.assert(
    fc.property(trees, trees, (a, b) => {
      assert.deepEqual(shown(a, a), []);
      assert.equal(shown(a, b).length, shown(b, a).length);
    }),
    { seed: 20261121 },
  );
});

test('merging: equal entries are one, different ones a conflict', () => {
  const a = tree('directory 0755 0 0 0 d', 'file 0644 0 0 5 d/a data=1');
  const b = tree('directory 0755 0 0 9 d', 'file 0644 0 0 0 d/b data=1');
  assert.equal(mergeTrees([a, b]).entries.length, 3);
  assert.equal(printManifest(mergeTrees([a, a])), printManifest(a));
  assert.throws(() => mergeTrees([a, tree('directory 0755 0 0 0 d', 'file 0644 0 0 0 d/a data=2')]), { code: 'CONFLICT' });
  assert.throws(() => mergeTrees([a, tree('directory 0700 0 0 0 d')]), { code: 'CONFLICT' });
});

test('losses: errors for what cannot be written, warnings for what is left out', () => {
  const entries = [
    { ...tree('file 0644 0 0 0 a data=12345').get('a')!, xattrs: new Map([['user.x', Uint8Array.of(1)]]) },
    ...tree('symlink 0777 0 0 0 l target=abcdef', 'block 0600 70000 0 -5 n device=9:1000', 'socket 0600 0 0 0 s').entries,
  ];
  const loses = {
    format: 'toy',
    kinds: ['socket'] as const,
    xattrs: true,
    fileSizeMost: 4,
    targetSizeMost: 5,
    idMost: 65535,
    mtimeLeast: 0,
    mtimeMost: 9,
    minorMost: 255,
  };
  const found = lossesOf(entries, loses).map(
    ({ severity, where, message }) => `${severity} ${where.path} ${message.split(' ').slice(1, 4).join(' ')}`,
  );
  assert.deepEqual(found, [
    'warning a drops the extended',
    'error a the file size',
    'error l the link target',
    'error n the mtime is',
    'error n the owner is',
    'error n the minor number',
    'error s has no form',
  ]);
  assert.deepEqual(lossesOf([{ ...tree('file 0644 0 0 0 a data=1').get('a')! }], { format: 'all' }), []);
});
