// The loader of squashed archives: what it takes from which root, what a kernel must be able to do, and how a tree is split.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, nameFromBytes, readAll, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { makeProgram } from '../../formats/elf/index.ts';
import { directory, type Entry, file, makeTree, symlink, type Tree, withParents } from '../../tree/index.ts';
import { forecast } from '../forecast.ts';
import { kernelFacts } from '../kernel.ts';
import type { Root } from '../root.ts';
import { resolve, treeRoot } from '../root.ts';
import { busybox, EARLY, planned, sample } from '../sample.fixture.ts';
import { initKind } from './inits.ts';
import { type ImageCodec, squashFaults } from './kernel.ts';
import { SQUASH_LAYOUTS, split, usrTrees } from './layout.ts';
import { type Loader, planLoader, SQUASH_CONF, type SquashMode } from './loader.ts';

const APPLETS = [
  'ash',
  'cat',
  'chroot',
  'echo',
  'ls',
  'mkdir',
  'modprobe',
  'mount',
  'pivot_root',
  'rm',
  'sh',
  'sleep',
  'switch_root',
  'umount',
];
const MODULES = {
  'kernel/drivers/block/loop.ko': {},
  'kernel/fs/squashfs/squashfs.ko': { depends: 'zstd_decompress' },
  'kernel/lib/zstd/zstd_decompress.ko': {},
  'kernel/fs/overlayfs/overlay.ko': {},
};
const TREE = 'usr/lib/modules/6.1.0-sample';
const text = (words: string): ReturnType<typeof bytesSource> => bytesSource(utf8(words));
const SCRIPTS: Tree = makeTree([
  file('init', text('#!/bin/sh\n')),
  file('leave', text('leave\n')),
  file('commands', text('# comment\nsh\nmount\numount\nmodprobe\nmkdir\nrm\nswitch_root\npivot_root\nod?\n')),
  file('files', text('# shared\nwords.sh\n')),
]);

function able(files: Readonly<Record<string, string | Uint8Array | undefined>> = {}): Root {
  return sample({ 'usr/bin/busybox': busybox(APPLETS), ...files }, MODULES);
}

function loaderFor(roots: readonly Root[], mode: SquashMode = 'return', layout: 'squash' | 'squash-usr' = 'squash'): Loader {
  const kernel = kernelFacts(roots[0]!, undefined);
  const trees = layout === 'squash-usr' ? ['usr', 'etc'] : [];
  return planLoader({
    squash: SCRIPTS,
    early: EARLY,
    layout: SQUASH_LAYOUTS[layout],
    mode,
    roots,
    moduleRoot: roots[0]!,
    kernel,
    decoders: [],
    trees,
  });
}

function conf(loader: Loader): string {
  const entry = loader.tree.get(SQUASH_CONF);
  assert.ok(entry?.kind === 'file');
  return nameFromBytes(readAll(entry.content));
}

test('the loader has scripts, tools, mount points, and its own modules with what they depend on', () => {
  const loader = loaderFor([able()]);
  const root = treeRoot(loader.tree, 'loader');
  for (const path of [
    'init',
    'bin/sh',
    'sbin/modprobe',
    'sbin/switch_root',
    'squash',
    'newroot',
    'proc',
    'dev/console',
    'usr/bin/busybox',
  ]) {
    assert.ok(resolve(root, path).entry !== undefined, `${path} is missing`);
  }
  for (const path of ['usr/lib/kindling/squash/leave', 'usr/lib/kindling/early/words.sh', `${TREE}/modules.dep`]) {
    assert.equal(loader.tree.get(path)?.kind, 'file', path);
  }
  assert.equal(loader.tree.get('init')?.mode, 0o755);
  assert.equal(loader.tree.get('usr/lib/kindling/squash/files'), undefined);
  assert.deepEqual(loader.modules, ['loop', 'squashfs', 'overlay']);
  assert.ok(loader.tree.get(`${TREE}/kernel/lib/zstd/zstd_decompress.ko`) !== undefined);
  assert.equal(loader.tree.get(`${TREE}/kernel/fs/ext4/ext4.ko`), undefined);
  assert.match(conf(loader), /^MODE='return'$/m);
  assert.match(conf(loader), /^MODULES='loop squashfs overlay'$/m);
  assert.match(conf(loader), /^TOOLS='busybox'$/m);
  for (const { path } of loader.tree.entries)
    if (path !== '') assert.ok((loader.reasons.get(path) ?? []).length > 0, `${path} has no reason`);
});

test('a rule of modprobe.d against squashfs does not keep the image from being mounted', () => {
  assert.deepEqual(loaderFor([able({ 'etc/modprobe.d/cis.conf': 'install squashfs /bin/false\n' })]).modules, [
    'loop',
    'squashfs',
    'overlay',
  ]);
});

test('what is built in is not packed, and without modules there is no modprobe', () => {
  const builtin = `${Object.keys(MODULES).join('\n')}\n`;
  const loader = loaderFor([
    sample({ 'usr/bin/busybox': busybox(APPLETS.filter((name) => name !== 'modprobe')), [`${TREE}/modules.builtin`]: builtin }),
  ]);
  assert.deepEqual(loader.modules, []);
  assert.match(conf(loader), /^MODULES=''$/m);
});

test('without busybox the single programs come with their libraries, all from one root', () => {
  const program = makeProgram({ interpreter: '/lib64/ld.so', needed: ['libc.so.6'] });
  const names = ['sh', 'mount', 'umount', 'modprobe', 'mkdir', 'rm', 'switch_root', 'pivot_root'];
  const programs = Object.fromEntries(names.map((name) => [`usr/bin/${name}`, program]));
  const libraries = { 'lib64/ld.so': makeProgram({ soname: 'ld.so' }), 'usr/lib/libc.so.6': makeProgram({ soname: 'libc.so.6' }) };
  const full = able({ 'usr/bin/busybox': undefined, ...programs, ...libraries });
  const loader = loaderFor([full]);
  assert.match(conf(loader), /^TOOLS='programs'$/m);
  assert.equal(loader.tree.get('usr/bin/pivot_root')?.kind, 'file');
  assert.equal(loader.tree.get('usr/lib/libc.so.6')?.kind, 'file');
  const lacking = able({ 'usr/bin/busybox': undefined, ...programs, ...libraries, 'usr/bin/pivot_root': undefined });
  assert.throws(
    () => loaderFor([lacking]),
    (error) => error instanceof KindlingError && error.code === 'NO_PROGRAM' && /pivot_root/.test(error.message),
  );
  const other = loaderFor([lacking, able()]);
  assert.match(conf(other), /^TOOLS='busybox'$/m);
  assert.equal(other.tree.get('usr/bin/pivot_root')?.kind, 'symlink');
});

function faults(root: Root, codec: ImageCodec = 'zstd'): string[] {
  return squashFaults(kernelFacts(root, undefined), root, [], codec);
}

const CONFIG = 'CONFIG_SQUASHFS=m\nCONFIG_BLK_DEV_LOOP=m\nCONFIG_OVERLAY_FS=m\nCONFIG_SQUASHFS_ZSTD=y\n# CONFIG_SQUASHFS_LZ4 is not set\n';

test('a kernel that can is told from one that cannot, with the reason', () => {
  const config = (words: string): Record<string, string> => ({ 'boot/config-6.1.0-sample': words });
  assert.deepEqual(faults(able()), []);
  assert.deepEqual(faults(able(config(CONFIG))), []);
  assert.match(faults(able(config(CONFIG)), 'lz4').join(), /no CONFIG_SQUASHFS_LZ4: it cannot read an image compressed with lz4/);
  assert.match(faults(sample(config(CONFIG))).join(), /CONFIG_SQUASHFS=m, but its module "squashfs" is not there/);
  assert.match(faults(sample()).join(), /no "squashfs", neither as a module nor built in, which reads the image/);
  assert.match(faults(sample(config('CONFIG_EXT4_FS=y\n'))).join(), /no CONFIG_SQUASHFS.*no CONFIG_BLK_DEV_LOOP.*no CONFIG_OVERLAY_FS/);
  assert.deepEqual(faults(sample(config(CONFIG.replaceAll('=m', '=y')))), []);
  const calling = (...imports: string[]): Root => sample({}, { ...MODULES, 'kernel/fs/squashfs/squashfs.ko': { imports } });
  assert.deepEqual(faults(calling('zlib_inflate', 'zstd_init_dstream')), []);
  assert.match(faults(calling('zlib_inflate', 'xz_dec_run')).join(), /squashfs of kernel 6\.1\.0-sample was built without zstd/);
});

test('layout squash: all of the tree is inside, the loader outside, reasons cover both', () => {
  const plan = planned(able());
  const loader = loaderFor([able()]);
  const { outside, inside, image, reasons } = split(plan.tree, plan.reasons, loader, SQUASH_LAYOUTS.squash);
  assert.equal(image, 'squash-root.img');
  assert.deepEqual(
    inside.entries.map(({ path }) => path),
    ['', ...plan.tree.entries.map(({ path }) => path).filter((path) => path !== '')],
  );
  assert.deepEqual(
    outside.entries.map(({ path }) => path),
    loader.tree.entries.map(({ path }) => path).filter((path) => path !== ''),
  );
  for (const { path } of [...outside.entries, ...inside.entries]) if (path !== '') assert.ok((reasons.get(path) ?? []).length > 0, path);
  assert.ok(reasons.get(image)!.length === 1);
  assert.deepEqual(
    reasons.get('init')!.map(({ part }) => part),
    ['init', 'squash'],
  );
});

test('layout squash-usr: /usr and /etc are inside, the rest stays, the init is stock behind the loader', () => {
  const plan = planned(able());
  const { outside, inside, image } = split(
    plan.tree,
    plan.reasons,
    loaderFor([able()], 'return', 'squash-usr'),
    SQUASH_LAYOUTS['squash-usr'],
  );
  assert.equal(image, 'squash/root.img');
  assert.ok(inside.entries.every(({ path }) => path === '' || /^(usr|etc)(\/|$)/.test(path)));
  const stock = outside.get('init.stock');
  const init = plan.tree.get('init');
  assert.ok(stock?.kind === 'file' && init?.kind === 'file' && stock.content === init.content);
  assert.equal(outside.get(`${TREE}/kernel/fs/ext4/ext4.ko`), undefined);
  assert.equal(outside.get('squash')?.kind, 'directory');
});

function treeOf(entries: readonly Entry[]): Tree {
  return makeTree(withParents(entries));
}

test('a root that is not merged has its other directories in the image too; links across become files; dracut finds its own files', () => {
  const tree = treeOf([
    file('init', text('#!/bin/sh\n'), 0o755),
    file('bin/a', text('a')),
    file('lib/b', text('b')),
    symlink('lib64', 'lib'),
    file('data/c', text('c')),
    { ...file('usr/d', text('')), kind: 'hardlink', to: 'data/c' },
    { ...file('usr/e', text('')), kind: 'hardlink', to: 'data/c' },
    file('usr/lib/dracut/build-parameter.txt', text('x')),
    directory('etc'),
  ]);
  assert.deepEqual(usrTrees(tree), ['usr', 'etc', 'bin', 'lib']);
  const loader = loaderFor([able()]);
  const apart = split(tree, new Map(), loader, SQUASH_LAYOUTS['squash-usr']);
  assert.equal(apart.inside.get('usr/d')?.kind, 'file');
  const second = apart.inside.get('usr/e');
  assert.ok(second?.kind === 'hardlink' && second.to === 'usr/d');
  assert.equal(apart.outside.get('data/c')?.kind, 'file');
  for (const layout of ['squash', 'squash-usr'] as const) {
    const { outside, inside } = split(tree, new Map(), loader, SQUASH_LAYOUTS[layout]);
    assert.equal(outside.get('usr/lib/dracut/build-parameter.txt')?.kind, 'file');
    assert.equal(inside.get('usr/lib/dracut/build-parameter.txt')?.kind, 'file');
  }
});

test('what stays outside may not be something else to the loader', () => {
  const tree = treeOf([file('init', text('x'), 0o755), file('squash', text('a file'))]);
  assert.throws(
    () => split(tree, new Map(), loaderFor([able()]), SQUASH_LAYOUTS['squash-usr']),
    /"squash" is a directory of the loader and a file/,
  );
});

test('the kind of an init', () => {
  const leaving = file('usr/sbin/switch_root', text('program'), 0o755);
  const kind = (...entries: Entry[]) => initKind(treeOf(entries));
  assert.equal(kind(symlink('init', 'usr/lib/systemd/systemd'), file('usr/lib/systemd/systemd', text('x'), 0o755)).kind, 'systemd');
  assert.deepEqual(kind(file('init', text('#!/bin/sh\n'), 0o755), symlink('sbin', 'usr/sbin'), leaving).leaves, ['usr/sbin/switch_root']);
  assert.equal(kind(file('init', text('#!/bin/sh\n'), 0o755), leaving).kind, 'script');
  assert.equal(kind(file('init', text('#!/bin/sh\n'), 0o755)).kind, 'other');
  assert.equal(kind(file('init', text('\x7fELF'), 0o755), leaving).kind, 'other');
  assert.equal(kind(file('etc/x', text(''))).kind, 'none');
  assert.throws(
    () => kind(symlink('init', 'init')),
    (error) => error instanceof KindlingError && error.code === 'LINK_LOOP',
  );
});

test('the forecast: an image counts in the archive and among the files, once made by its real size', () => {
  const MIB = 1 << 20;
  const outside = treeOf([file('init', bytesSource(new Uint8Array(2 * MIB)), 0o755)]);
  const inside = treeOf([file('data', bytesSource(new Uint8Array(40 * MIB)))]);
  const plan = { tree: outside, segmentOf: new Map(), microcode: undefined };
  const guessed = forecast(plan, undefined, { path: 'squash-root.img', inside });
  assert.ok(guessed.isEstimate && guessed.unpackedSize > 10 * MIB && guessed.unpackedSize < 16 * MIB, `${guessed.unpackedSize}`);
  assert.equal(guessed.entryCount, outside.entries.length + 1);
  const made = forecast(plan, 9 * MIB, { path: 'squash-root.img', inside, size: 8 * MIB });
  assert.deepEqual([made.archiveSize, made.unpackedSize, made.leastMemory], [9 * MIB, 10 * MIB, (84 + 9 + 10) * MIB]);
  assert.equal(made.bySegment.get('image')?.contentSize, 8 * MIB);
  // read back, the image is one of the files
  const read = treeOf([...outside.entries, file('squash-root.img', bytesSource(new Uint8Array(8 * MIB)))]);
  assert.equal(forecast({ ...plan, tree: read }, 9 * MIB).leastMemory, made.leastMemory);
});
