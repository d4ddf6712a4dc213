// What is wrong with a stack of right bundles, and that its fixes make it right.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource } from '../../bytes/index.ts';
import type { Package } from '../../formats/deb/index.ts';
import * as newc from '../../formats/newc/index.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { SAMPLE_TREE } from '../../plan/modules/sample-tree.ts';
import { directory, file, makeTree, type Tree } from '../../tree/index.ts';
import { decodeLdCache, fixes, type Layer, packagesLayer, stackFindings, unionOf, whiteout } from './index.ts';
import { cacheOf, library, listed, modulesTree, paragraph, saying, stack, text, tree } from './layers.fixture.ts';

const decoders = nodeDecoders();
const codes = (layers: readonly Layer[]): string[] => stackFindings(layers, unionOf(layers), decoders).map(({ code }) => code);

/** The findings before and after the fixes are laid on top. */
function fixed(layers: readonly Layer[]): { before: string[]; after: string[]; union: Tree; made: Tree } {
  const made = fixes(layers, unionOf(layers), decoders).tree;
  const all = [...layers, { name: '99-fixes.sb', tree: made }];
  return { before: codes(layers), after: codes(all), union: unionOf(all).tree, made };
}

test('a stack in order has no findings and needs no fixes', () => {
  const layers = stack(tree(cacheOf('liba'), ...library('liba'), 'etc/x'), tree('usr/bin/y'));
  assert.deepEqual(codes(layers), []);
  assert.deepEqual(fixes(layers, unionOf(layers), decoders).files, []);
});

test('modules of a higher bundle are missing in modules.dep below', () => {
  const layers = stack(modulesTree(['one'], ['one']), modulesTree(['two'], undefined));
  const { before, after, union } = fixed(layers);
  assert.deepEqual(before, ['modules-dep-stale']);
  assert.deepEqual(after, []);
  assert.equal(saying(union, `${SAMPLE_TREE}/modules.dep`), 'kernel/one.ko:\nkernel/two.ko:\n');
  assert.match(saying(union, `${SAMPLE_TREE}/modules.alias`) ?? '', /alias test:two two\n/);
  const [finding] = stackFindings(layers, unionOf(layers), decoders);
  assert.match(finding?.message ?? '', /6\.1\.0-sample lacks 1 modules of 02\.sb \(two\.ko\)/);
});

test("two bundles with modules: the upper one's modules.dep hides the lower one's", () => {
  const { before, after } = fixed(stack(modulesTree(['one'], ['one']), modulesTree(['two'], ['two'])));
  assert.deepEqual([before, after], [['modules-dep-stale'], []]);
});

test("the loader's cache lacks libraries of a higher bundle", () => {
  const layers = stack(tree(cacheOf('liba', 'libgone'), ...library('liba')), tree(...library('libb')));
  const { before, after, union } = fixed(layers);
  assert.deepEqual([before, after], [['ld-so-cache-stale'], []]);
  const entry = union.get('etc/ld.so.cache');
  const held = entry?.kind === 'file' ? decodeLdCache(entry.content) : undefined;
  assert.deepEqual(
    held?.map(({ soname }) => soname),
    ['libb.so.1', 'liba.so.1'],
  );
  const [finding] = stackFindings(layers, unionOf(layers), decoders);
  assert.match(finding?.message ?? '', /lacks 1 libraries of 02\.sb \(libb\.so\.1\), and names 1 that are not there/);
});

test('dpkg knows only the packages of the highest list', () => {
  const status = (...names: string[]) => text('var/lib/dpkg/status', names.map(paragraph).join('\n'));
  const layers = stack(
    tree(status('base'), listed('base')),
    tree(status('base', 'a', 'removed'), listed('a'), listed('removed')),
    tree(status('base', 'b'), listed('b'), whiteout('var/lib/dpkg/info/removed.list')),
  );
  const { before, after, union } = fixed(layers);
  assert.deepEqual([before, after], [['dpkg-status-incomplete'], []]);
  const names = [...(saying(union, 'var/lib/dpkg/status') ?? '').matchAll(/^Package: (.*)$/gm)].map((match) => match[1]);
  assert.deepEqual(names, ['base', 'b', 'a'], 'a package whose files were removed is not installed');
});

test('packages as a bundle: files, notes for dpkg, and no script run', () => {
  const content: Package = {
    fields: new Map([
      ['Package', 'tool2.0'],
      ['Version', '2'],
      ['Architecture', 'amd64'],
      ['Depends', 'libc6 (>= 2), liba | libb, other'],
    ]),
    control: tree(
      text('control', 'Package: tool2.0\nVersion: 2\nArchitecture: amd64\n'),
      text('postinst', '#!/bin/sh\n'),
      text('prerm', '#!/bin/sh\n'),
    ),
    data: tree('bin/tool'),
  };
  const other: Package = {
    fields: new Map([
      ['Package', 'other'],
      ['Architecture', 'all'],
    ]),
    control: tree(text('control', 'Package: other\nArchitecture: all\n')),
    data: tree('usr/x'),
  };
  const made = packagesLayer([
    { label: 'tool.deb', content },
    { label: 'other.deb', content: other },
  ]);
  assert.ok(made.tree.get('usr/bin/tool')?.kind === 'file', 'merged /usr');
  assert.equal(made.tree.get('bin'), undefined, 'the link is that of the bundle below');
  assert.deepEqual(made.unrun, [{ package: 'tool2.0', script: 'postinst' }]);
  assert.deepEqual(made.needs, ['liba | libb', 'libc6 (>= 2)']);
  assert.match(saying(made.tree, 'var/lib/dpkg/info/tool2.0.list') ?? '', /^\/\.\n\/bin\n\/bin\/tool\n$/);
  const layers = stack(tree(text('var/lib/dpkg/status', paragraph('base')), listed('base')), made.tree);
  const { before, after, union } = fixed(layers);
  assert.deepEqual([before, after], [['dpkg-status-incomplete'], []]);
  assert.match(saying(union, 'var/lib/dpkg/status') ?? '', /Package: tool2\.0\nStatus: install ok installed\nVersion: 2/);
});

test('caches that do not know files of higher bundles are told, with the program that makes them anew', () => {
  const schemas = 'usr/share/glib-2.0/schemas';
  const loaders = 'usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0';
  const layers = stack(
    tree(
      `${schemas}/gschemas.compiled`,
      `${schemas}/a.gschema.xml`,
      text(`${loaders}/loaders.cache`, '"/x/png.so"'),
      `${loaders}/loaders/png.so`,
    ),
    tree(`${schemas}/b.gschema.xml`, `${loaders}/loaders/svg.so`),
  );
  const found = stackFindings(layers, unionOf(layers), decoders);
  assert.deepEqual(found.map(({ code, where }) => `${code} ${where.path}`).sort(), [
    `cache-stale ${loaders}/loaders.cache`,
    `cache-stale ${schemas}/gschemas.compiled`,
  ]);
  assert.ok(
    found.some(({ message }) => /glib-compile-schemas/.test(message) && /b\.gschema\.xml/.test(message) && !/a\.gschema/.test(message)),
  );
  const made = tree(`${schemas}/gschemas.compiled`, text(`${loaders}/loaders.cache`, '"png.so" "svg.so"'));
  assert.deepEqual(codes([...layers, { name: '03.sb', tree: made }]), []);
});

test('users of a hidden list, bundles of one number, and marks of other kinds are told', () => {
  const users = stack(tree(text('etc/passwd', 'root:x:0\nalice:x:1000\n')), tree(text('etc/passwd', 'root:x:0\nbob:x:1001\n')));
  assert.deepEqual(codes(users), ['users-lost']);
  const twins = [
    { name: '5-a.sb', tree: tree(text('x', '1')) },
    { name: '5-b.sb', tree: tree(text('x', '2')) },
  ];
  assert.deepEqual(codes(twins), ['order-by-name']);
  assert.deepEqual(codes(stack(tree('a'), tree('.wh.a'))), ['aufs-marks']);
  const mine = tree({ ...directory('usr'), uid: 1000 }, { ...text('usr/x'), uid: 1000 });
  assert.deepEqual(codes(stack(tree('usr/y'), mine)), ['directory-taken']);
  assert.deepEqual(codes(stack(mine, tree('usr/y'))), []);
  assert.deepEqual(codes(stack(tree('a'), tree(whiteout('b')))), ['idle-whiteout']);
});

test('a damaged library and a damaged cache are told, not passed over', () => {
  const broken = file('usr/lib/x86_64-linux-gnu/libbad.so.1', bytesSource(new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0])));
  assert.ok(codes(stack(tree(cacheOf('liba'), ...library('liba'), broken))).includes('library-damaged'));
  const entry = cacheOf('liba');
  assert.ok(entry.kind === 'file');
  const bytes = entry.content.read(0, entry.content.size).slice();
  bytes[20] = 200; // more libraries than fit
  const layers = stack(makeTree([...tree().entries, ...tree('etc/y').entries.slice(1), file('etc/ld.so.cache', bytesSource(bytes))]));
  assert.throws(() => codes(layers), { code: 'TRUNCATED' });
});

test('equal stacks give equal fixes', () => {
  const made = () => fixed(stack(modulesTree(['one'], ['one']), modulesTree(['two'], undefined))).made;
  const bytes = (one: Tree) => Buffer.concat([...newc.encode(one.entries)]);
  assert.ok(bytes(made()).equals(bytes(made())));
});
