import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource, readAll, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { directory, type Entry, file, makeTree, printManifest, symlink, type Tree, withParents } from '../../tree/index.ts';
import { normal, trees } from '../../tree/trees.fixture.ts';
import { differenceLayer, LAYERS_MOST, opaque, unionOf, whiteout } from './index.ts';

const RUNS = 300;
const SEED = 5;

const text = (path: string, content = path): Entry => file(path, bytesSource(utf8(content)));
const tree = (...entries: Entry[]): Tree => makeTree(withParents(entries));
const layers = (...all: Tree[]) => all.map((one, index) => ({ name: `${index}.sb`, tree: one }));
const paths = (of: Tree): string[] => of.entries.filter(({ kind }) => kind !== 'directory').map(({ path }) => path);

/** A tree as text, times and contents included. */
function written(of: Tree): string {
  const contents = of.entries.map((entry) => (entry.kind === 'file' ? Buffer.from(readAll(entry.content)).toString('hex') : '-'));
  return `${printManifest(of)}\n${of.entries.map(({ mtime }) => mtime).join()}\n${contents.join('\n')}`;
}

test('a higher layer replaces, and both directories show', () => {
  const union = unionOf(layers(tree(text('etc/a', '1'), text('etc/b')), tree(text('etc/a', '2'), text('usr/c'))));
  assert.deepEqual(paths(union.tree), ['etc/a', 'etc/b', 'usr/c']);
  const a = union.tree.get('etc/a');
  assert.ok(a?.kind === 'file' && readAll(a.content)[0] === 0x32);
  assert.equal(union.originOf('etc/a'), 1);
  assert.equal(union.originOf('etc/b'), 0);
  assert.equal(union.originOf('nowhere'), undefined);
  assert.deepEqual(union.shadows, [{ path: 'etc/a', by: 1, of: 0, how: 'replaced', entryCount: 1 }]);
});

test('a whiteout hides all layers below it and none above', () => {
  const union = unionOf(layers(tree(text('a/x')), tree(text('a/y')), tree(whiteout('a')), tree(text('a/z'))));
  assert.deepEqual(paths(union.tree), ['a/z']);
  assert.deepEqual(
    union.shadows.map(({ of, by, how, entryCount }) => [of, by, how, entryCount]),
    [
      [1, 2, 'removed', 2],
      [0, 2, 'removed', 2],
    ],
  );
  assert.deepEqual(union.idle, []);
});

test('an opaque directory hides what is below it', () => {
  const top = makeTree([opaque(directory('a')), text('a/new')]);
  const union = unionOf(layers(tree(text('a/old'), text('b')), top));
  assert.deepEqual(paths(union.tree), ['a/new', 'b']);
  assert.equal(union.tree.get('a')?.xattrs, undefined, 'the mark is not shown');
});

test('a directory over a file over a directory shows the highest alone', () => {
  const union = unionOf(layers(tree(text('a/lowest')), tree(text('a')), tree(text('a/highest'))));
  assert.deepEqual(paths(union.tree), ['a/highest']);
});

test('marks that hide nothing are told', () => {
  const union = unionOf(layers(tree(text('x')), makeTree([whiteout('y'), opaque(directory('d'))])));
  assert.deepEqual(union.idle.map(({ path, layer }) => `${layer} ${path}`).sort(), ['1 d', '1 y']);
});

test('a renamed directory is found by its redirect', () => {
  const redirect = (path: string, to: string): Entry => ({
    ...directory(path),
    xattrs: new Map([['trusted.overlay.redirect', utf8(to)]]),
  });
  const lower = tree(text('old/x'), text('deep/er/y'));
  const upper = makeTree([whiteout('old'), redirect('new', 'old'), redirect('far', '/deep/er'), text('new/z')]);
  assert.deepEqual(paths(unionOf(layers(lower, upper)).tree), ['deep/er/y', 'far/y', 'new/x', 'new/z']);
  assert.throws(() => unionOf(layers(lower, makeTree([redirect('n', '/../x')]))), { code: 'BAD_VALUE' });
  assert.throws(() => unionOf(layers(lower, makeTree([redirect('n', 'a/b')]))), { code: 'BAD_VALUE' });
});

test('what cannot be put together is refused', () => {
  const metacopy: Entry = { ...text('f', ''), xattrs: new Map([['trusted.overlay.metacopy', new Uint8Array(0)]]) };
  assert.throws(
    () => unionOf(layers(tree(text('f')), makeTree([metacopy]))),
    (error) => error instanceof KindlingError && error.code === 'UNSUPPORTED' && error.where.path === 'f',
  );
  const many = Array.from({ length: LAYERS_MOST + 1 }, () => makeTree([]));
  assert.throws(() => unionOf(layers(...many)), { code: 'LIMIT' });
});

test('redirects that show the same again and again are refused', () => {
  const again = (name: string): Entry => ({ ...directory(name), xattrs: new Map([['trusted.overlay.redirect', utf8('/')]]) });
  const names = Array.from({ length: 40 }, (_, index) => `d${index}`);
  const bomb = Array.from({ length: 8 }, () => makeTree(names.map(again)));
  assert.throws(() => unionOf(layers(tree(text('x')), ...bomb)), { code: 'BAD_VALUE' });
  const within = names.map((name): Entry => ({ ...directory(name), xattrs: new Map([['trusted.overlay.redirect', utf8('/top')]]) }));
  const tops = Array.from({ length: 8 }, () =>
    makeTree([directory('top'), ...within.map((entry) => ({ ...entry, path: `top/${entry.path}` }))]),
  );
  assert.throws(() => unionOf(layers(tree(text('top/x')), ...tops)), { code: 'LIMIT' });
});

test('a link that lost its file becomes the file', () => {
  const lower = makeTree([
    text('a', 'content'),
    { ...symlink('b', ''), kind: 'hardlink', to: 'a' },
    { ...symlink('c', ''), kind: 'hardlink', to: 'a' },
  ]);
  const union = unionOf(layers(lower, makeTree([whiteout('a')]))).tree;
  assert.equal(union.get('b')?.kind, 'file');
  const c = union.get('c');
  assert.ok(c?.kind === 'hardlink' && c.to === 'b');
});

test('the difference of two trees, laid over the first, shows the second', () => {
  // what overlayfs cannot hold is no part of the question: a device 0:0 is a whiteout
  const real = (one: Tree): Tree =>
    makeTree(
      withParents([directory(''), ...normal(one).entries.filter((entry) => entry.kind !== 'char' || entry.major + entry.minor > 0)]),
    );
  fc.assert(
    fc.property(trees, trees, fc.array(fc.nat(30)), (a, b, kept) => {
      const [lower, other] = [real(dropDangling(a)), real(dropDangling(b))];
      // half of the cases start from the old tree, so that something is kept
      const mixed = new Map(other.entries.map((entry) => [entry.path, entry]));
      for (const at of kept) {
        const entry = lower.entries[at];
        if (entry !== undefined && entry.kind !== 'hardlink' && fits(mixed, entry)) mixed.set(entry.path, entry);
      }
      const upper = makeTree(mixed.values());
      const { tree: layer } = differenceLayer(lower, upper);
      assert.equal(written(unionOf(layers(lower, layer)).tree), written(upper));
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

/** Devices 0:0 may be what links point to: then the links go as well. */
function dropDangling(one: Tree): Tree {
  const isMark = (path: string) => {
    const entry = one.get(path);
    return entry?.kind === 'char' && entry.major + entry.minor === 0;
  };
  return makeTree(one.entries.filter((entry) => !isMark(entry.kind === 'hardlink' ? entry.to : entry.path)));
}

function fits(held: ReadonlyMap<string, Entry>, entry: Entry): boolean {
  if (held.has(entry.path) || [...held.keys()].some((path) => path.startsWith(`${entry.path}/`))) return false;
  const parent = entry.path.slice(0, Math.max(0, entry.path.lastIndexOf('/')));
  return held.get(parent)?.kind === 'directory';
}

test('layers of any marks give a union or a KindlingError', () => {
  const mark = fc.constantFrom(
    '',
    '',
    'trusted.overlay.opaque',
    'trusted.overlay.redirect',
    'trusted.overlay.whiteout',
    'user.overlay.opaque',
  );
  const value = fc.constantFrom('y', '', 'a', '/a', '/usr/lib', '..', '/', 'b/c');
  const marked = fc.tuple(trees, fc.array(fc.tuple(fc.nat(30), mark, value), { maxLength: 6 })).map(([one, marks]) => {
    const entries = [...one.entries];
    for (const [index, name, said] of marks) {
      const entry = entries[index];
      if (entry !== undefined && entry.kind !== 'hardlink' && name !== '')
        entries[index] = { ...entry, xattrs: new Map([[name, utf8(said)]]) };
    }
    return makeTree(entries);
  });
  fc.assert(
    fc.property(fc.array(marked, { minLength: 1, maxLength: 4 }), (all) => {
      try {
        const union = unionOf(layers(...all));
        for (const { path } of union.tree.entries) assert.ok(union.originOf(path) !== undefined);
        for (const { by, of } of union.shadows) assert.ok(by > of, 'higher layers hide lower ones');
      } catch (error) {
        if (!(error instanceof KindlingError)) throw error;
        assert.notEqual(error.code, 'INTERNAL');
      }
    }),
    { seed: SEED, numRuns: RUNS },
  );
});
