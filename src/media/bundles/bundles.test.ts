// Names and order, patterns, roots as bundles, layers of aufs, facts of a stack.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '../../bytes/index.ts';
import { directory, type Entry, makeTree, type Tree } from '../../tree/index.ts';
import {
  bundleFacts,
  compareBundleNames,
  differenceLayer,
  isOpaque,
  isWhiteout,
  matcher,
  opaque,
  overlayForm,
  parseBundleName,
  splitRoot,
  unionOf,
  VOLATILE,
  whiteout,
} from './index.ts';
import { modulesTree, stack, text, tree } from './layers.fixture.ts';

const files = (of: Tree): string[] => of.entries.filter(({ kind }) => kind !== 'directory').map(({ path }) => path);

test('names are taken apart', () => {
  assert.deepEqual(parseBundleName('x/01-core.sb'), { file: '01-core.sb', stem: '01-core', number: '1', title: 'core' });
  assert.deepEqual(parseBundleName('extra.sb'), { file: 'extra.sb', stem: 'extra', number: '0', title: 'extra' });
  assert.equal(parseBundleName('000.sb')?.number, '0');
  for (const none of ['core.squashfs', '.sb', '.hidden.sb', '']) assert.equal(parseBundleName(none), undefined, none);
});

test('bundles are stacked by number, then by name', () => {
  const order = [
    'extra.sb',
    '0-a.sb',
    '1-b.sb',
    '01-core.sb',
    '2-a.sb',
    '10-a.sb',
    'modules/9-z.sb',
    '99999999999999999999-x.sb',
    '100000000000000000000-w.sb',
  ];
  const sorted = order.toSorted(compareBundleNames);
  assert.deepEqual(sorted, [
    '0-a.sb',
    'extra.sb',
    '01-core.sb',
    '1-b.sb',
    '2-a.sb',
    'modules/9-z.sb',
    '10-a.sb',
    '99999999999999999999-x.sb',
    '100000000000000000000-w.sb',
  ]);
});

test('patterns stay within a name, cross directories, and cover what is below', () => {
  const why = matcher([
    { path: 'a/*', reason: 'all in a' },
    { path: '/b/', reason: 'b itself' },
    { path: '**/*.o', reason: 'objects' },
    { path: 'c/[!x]?.(+)', reason: 'odd' },
  ]);
  assert.equal(why('a'), undefined);
  assert.equal(why('a/x'), 'all in a');
  assert.equal(why('a/.x/deep'), 'all in a');
  assert.equal(why('b/deep/er'), 'b itself');
  assert.equal(why('main.o'), 'objects');
  assert.equal(why('d/e/main.o'), 'objects');
  assert.equal(why('c/yz.(+)'), 'odd');
  assert.equal(why('c/xz.(+)'), undefined);
  assert.equal(why('ab/x'), undefined);
  assert.throws(() => matcher([{ path: '/', reason: '' }]), { code: 'USAGE' });
});

test('a root is split into core and modules, without what a live system makes anew', () => {
  const root = tree(
    'boot/vmlinuz-6.1',
    'boot/initrd.img-6.1',
    'boot/config-6.1',
    'usr/bin/sh',
    'usr/lib/modules/6.1/kernel/x.ko',
    'usr/lib/firmware/f',
    'usr/lib/libx.so',
    'proc/1/stat',
    'tmp/.X11',
    'var/cache/apt/archives/x.deb',
    'usr/share/doc/sh/README',
    'usr/share/doc/sh/copyright',
    'usr/share/man/man1/sh.1',
    { ...text('etc/twin'), kind: 'hardlink', to: 'usr/lib/firmware/f' } as Entry,
  );
  const { bundles, leftOut } = splitRoot(root, { docs: false });
  assert.deepEqual(
    bundles.map(({ name }) => name),
    ['01-core', '02-modules'],
  );
  assert.deepEqual(files(bundles[0]!.tree), ['boot/config-6.1', 'etc/twin', 'usr/bin/sh', 'usr/lib/libx.so', 'usr/share/doc/sh/copyright']);
  assert.equal(bundles[0]!.tree.get('etc/twin')?.kind, 'file', 'the file it named is in another bundle');
  assert.deepEqual(files(bundles[1]!.tree), ['usr/lib/firmware/f', 'usr/lib/modules/6.1/kernel/x.ko']);
  for (const place of ['proc', 'tmp', 'boot']) assert.equal(bundles[0]!.tree.get(place)?.kind, 'directory', place);
  assert.ok(leftOut.some(({ path, reason }) => path === 'boot/vmlinuz-6.1' && reason.includes('medium')));
  const whole = splitRoot(root).bundles;
  assert.ok(files(whole[0]!.tree).includes('usr/share/man/man1/sh.1'));
  assert.deepEqual(
    splitRoot(tree('usr/bin/sh')).bundles.map(({ name }) => name),
    ['01-core'],
  );
});

test('layers made for aufs are turned into such as overlayfs reads', () => {
  const made = overlayForm(
    tree('etc/.wh.gone', 'etc/kept', 'dir/.wh..wh..opq', 'dir/new', '.wh..wh.plnk/12.34', '.wh..wh.aufs', 'both/.wh.sub', 'both/sub/x'),
  );
  assert.deepEqual(files(made.tree), ['both/sub/x', 'dir/new', 'etc/gone', 'etc/kept']);
  assert.ok(isWhiteout(made.tree.get('etc/gone')!));
  assert.ok(isOpaque(made.tree.get('dir')!) && isOpaque(made.tree.get('both/sub')!));
  assert.deepEqual([made.whiteoutCount, made.opaqueCount, made.ownCount], [2, 2, 2]);
  assert.throws(() => overlayForm(tree('.wh..wh..opq')), { code: 'NOT_EXPRESSIBLE' });
});

test('what overlayfs notes for itself in an upper directory is taken away', () => {
  const marked = (entry: Entry, marks: readonly string[]): Entry => ({ ...entry, xattrs: new Map(marks.map((name) => [name, utf8('y')])) });
  const upper = makeTree([
    directory(''),
    marked(directory('d'), ['user.overlay.opaque', 'user.overlay.origin', 'user.mine']),
    marked(text('f'), ['trusted.overlay.origin', 'security.capability']),
    marked(text('w', ''), ['trusted.overlay.whiteout']),
    marked(directory('moved'), ['trusted.overlay.redirect']),
  ]);
  const { tree: made, newerCount, redirectCount } = overlayForm(upper);
  assert.deepEqual([...made.get('d')!.xattrs!.keys()], ['user.mine', 'trusted.overlay.opaque']);
  assert.deepEqual([...made.get('f')!.xattrs!.keys()], ['security.capability']);
  assert.ok(made.get('w')?.kind === 'char' && newerCount === 1 && redirectCount === 1);
  assert.throws(() => overlayForm(makeTree([marked(text('f'), ['trusted.overlay.metacopy'])])), { code: 'UNSUPPORTED' });
});

test('a difference leaves volatile paths alone, and says which', () => {
  const lower = tree('etc/a', 'var/log/old', 'tmp/x');
  const upper = tree(text('etc/a', 'new'), 'var/log/new', 'home/me/.cache/y', 'home/me/z');
  const made = differenceLayer(lower, upper, { exclude: VOLATILE });
  assert.deepEqual(files(made.tree), ['etc/a', 'home/me/z']);
  assert.deepEqual(made.leftOut.map(({ path }) => path).sort(), ['home/me/.cache/y', 'tmp', 'var/log/new', 'var/log/old']);
  assert.deepEqual([made.addedCount, made.changedCount, made.removedCount], [4, 1, 0], 'home, home/me, .cache, z; etc/a');
});

test('a difference of times alone can be left out', () => {
  const older = tree({ ...text('a'), mtime: 1 });
  const newer = tree({ ...text('a'), mtime: 2 });
  assert.deepEqual(files(differenceLayer(older, newer).tree), ['a']);
  assert.deepEqual(files(differenceLayer(older, newer, { times: false }).tree), []);
});

test('a directory whose content is all gone is opaque, not a list of whiteouts', () => {
  const lower = tree('d/1', 'd/2', 'd/sub/3', 'e/1', 'e/2');
  const made = differenceLayer(lower, tree('d/new', 'e/1')).tree;
  assert.ok(isOpaque(made.get('d')!));
  assert.deepEqual(files(made), ['d/new', 'e/2']);
  const inherited = differenceLayer(tree('d/1', 'd/sub/3'), tree({ ...directory('d/sub'), mode: 0o700 }, 'd/sub/3')).tree;
  assert.ok(!isOpaque(inherited.get('d')!), 'what is in d/sub comes from below');
});

test('facts of a stack: what each bundle adds and hides', () => {
  const layers = stack(
    tree('a', 'b/1', 'b/2', 'c'),
    tree(text('a', 'new'), whiteout('b'), 'd', whiteout('nothing')),
    makeTree([directory(''), opaque(directory('c'))]),
    modulesTree(['m'], []),
  );
  const facts = bundleFacts(layers, unionOf(layers));
  assert.deepEqual(
    facts.map(({ addedCount, replacedCount, removedCount, hiddenCount, markCount, idleCount }) => [
      addedCount,
      replacedCount,
      removedCount,
      hiddenCount,
      markCount,
      idleCount,
    ]),
    [
      [4, 0, 0, 5, 0, 0],
      [1, 1, 3, 0, 2, 1],
      [0, 0, 1, 0, 1, 0],
      [3, 0, 0, 0, 0, 0],
    ],
  );
  assert.deepEqual(
    facts.map(({ kernels }) => kernels),
    [[], [], [], ['6.1.0-sample']],
  );
});
