// tree: order, validation, parents.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY } from '../bytes/index.ts';
import { comparePaths, directory, file, makeTree, parentOf, pathFault, symlink, withParents } from './index.ts';

test('entries come out in component order, a subtree contiguous', () => {
  const tree = makeTree([file('a-b', EMPTY), directory('a'), file('a/z', EMPTY), file('a.c', EMPTY), directory('')]);
  assert.deepEqual(
    tree.entries.map((entry) => entry.path),
    ['', 'a', 'a/z', 'a-b', 'a.c'],
  );
  assert.deepEqual(
    tree.children('').map((entry) => entry.path),
    ['a', 'a-b', 'a.c'],
  );
});

test('the order of paths is total and puts a parent before its children', () => {
  const path = fc.array(fc.constantFrom('a', 'b', 'a-', 'é', '~'), { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
  fc.assert(
    fc.property(path, path, (a, b) => {
      assert.equal(Math.sign(comparePaths(a, b) + comparePaths(b, a)), 0);
      if (b.startsWith(`${a}/`)) assert.equal(comparePaths(a, b), -1);
    }),
    { seed: 3, numRuns: 2000 },
  );
});

test('what cannot be in a tree is refused with its code', () => {
  assert.throws(() => makeTree([file('a/b', EMPTY)]), { code: 'NO_ENTRY' });
  assert.throws(() => makeTree([file('a', EMPTY), file('a/b', EMPTY)]), { code: 'CONFLICT' });
  assert.throws(() => makeTree([file('a', EMPTY), symlink('a', 'b')]), { code: 'CONFLICT' });
  assert.throws(() => makeTree([file('../a', EMPTY)]), { code: 'BAD_NAME' });
  assert.throws(() => makeTree([{ ...file('a', EMPTY), kind: 'hardlink', to: 'b' }]), { code: 'NO_ENTRY' });
  assert.throws(() => makeTree([directory('b'), { ...file('a', EMPTY), kind: 'hardlink', to: 'b' }]), { code: 'CONFLICT' });
});

test('names that no tree holds', () => {
  for (const path of ['/a', 'a//b', 'a/', './a', 'a/../b', 'a\0', 'x'.repeat(256), `${'ab/'.repeat(1400)}a`]) {
    assert.notEqual(pathFault(path), undefined, JSON.stringify(path).slice(0, 40));
  }
  for (const path of ['', 'a', '.a', '..a', 'a/b.c', 'x'.repeat(255)]) assert.equal(pathFault(path), undefined, path);
});

test('missing parents are filled in once', () => {
  const tree = makeTree(withParents([file('a/b/c', EMPTY), file('a/b/d', EMPTY), directory('a', 0o700)]));
  assert.deepEqual(
    tree.entries.map((entry) => [entry.path, entry.mode]),
    [
      ['a', 0o700],
      ['a/b', 0o755],
      ['a/b/c', 0o644],
      ['a/b/d', 0o644],
    ],
  );
  assert.equal(parentOf('a/b/c'), 'a/b');
});
