// Inodes of a tree: one for all names of a file, link counts as a file system has them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY } from '../bytes/index.ts';
import { directory, type Entry, file } from './entry.ts';
import { nodesOf } from './nodes.ts';
import { makeTree } from './tree.ts';

const link = (path: string, to: string): Entry => ({ kind: 'hardlink', path, to, mode: 0o644, uid: 0, gid: 0, mtime: 0 });

test('names of one file share an inode; directories count those in them; a root is there always', () => {
  const tree = makeTree([directory('a'), directory('a/b'), file('a/z', EMPTY), link('a/c', 'a/z'), link('d', 'a/z')]);
  const { all, root, of } = nodesOf(tree);
  assert.deepEqual(
    all.map(({ entry, number, linkCount }) => [entry.path, number, linkCount]),
    [
      ['', 1, 3],
      ['a', 2, 3],
      ['a/b', 3, 2],
      ['a/z', 4, 3],
    ],
  );
  assert.equal(of(tree.get('d')!), of(tree.get('a/z')!));
  assert.equal(of(directory('')), root);
});
