// Other programs on our images, and we on theirs: xorriso, genisoimage, isoinfo, bsdtar, 7z.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { needs, tool } from '../../../test/tools.ts';
import { bytesSource, concat, readAll } from '../../bytes/index.ts';
import { directoryTree } from '../../node/directory.ts';
import { type Entry, makeTree, type Tree } from '../../tree/index.ts';
import { featureTree, imageOf, noise, SMALL, summary } from './discs.fixture.ts';
import { check, decode, encode } from './index.ts';

let folder = '';
const at = (name: string): string => join(folder, name);

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(tool(program), args, {
    encoding: 'utf8',
    cwd: folder,
    maxBuffer: 1 << 26,
    env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr.slice(-2000)}`);
  return stdout;
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-iso-'));
  mkdirSync(at('tree/a/b/c/d/e/f/g/h/i/j'), { recursive: true });
  mkdirSync(at('tree/boot'));
  mkdirSync(at('tree/empty folder'));
  writeFileSync(at('tree/a/b/c/d/e/f/g/h/i/j/deep'), 'deep\n', { mode: 0o640 });
  writeFileSync(at('tree/boot/core.img'), noise(30_001, 1));
  writeFileSync(at('tree/boot/efi.img'), noise(70_000, 2));
  writeFileSync(at('tree/ünï cödé with a long name'), 'text\n');
  writeFileSync(at(`tree/${'n'.repeat(240)}`), 'long\n');
  writeFileSync(at('tree/empty'), '');
  symlinkSync('../x/./y', at('tree/link'));
  symlinkSync('/etc/os-release', at('tree/a/absolute'));
  linkSync(at('tree/boot/core.img'), at('tree/another name'));
  for (let index = 0; index < 100; index++) writeFileSync(at(`tree/a/file ${index}`), noise(index * 50, index));
  for (const path of ['tree/boot/core.img', 'tree/a', 'tree/empty', 'tree']) utimesSync(at(path), 1_600_000_000, 1_600_000_000);
  writeFileSync(at('full.iso'), imageOf(featureTree(), { joliet: true, padding: 307_200 }));
  const plan = encode(directoryTree(at('tree')), { ...SMALL, joliet: true });
  writeFileSync(at('ours.iso'), concat([...plan.chunks()]));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const image = (name: string) => decode(bytesSource(readFileSync(at(name))));
/** A tree without what an image of a directory cannot know. */
const comparable = (tree: Tree): string[] =>
  summary(makeTree(tree.entries.map((entry): Entry => (entry.path === '' ? { ...entry, mtime: 0 } : entry))));

test('xorriso finds everything in our image', (t) => {
  if (!needs(t, 'xorriso')) return;
  const listed = run('xorriso', '-indev', at('full.iso'), '-find', '/', '-exec', 'lsdl');
  const tree = featureTree();
  assert.equal(listed.trim().split('\n').length, tree.entries.length);
  const has = (line: RegExp) => assert.ok(line.test(listed), `${line} is not in ${listed.slice(0, 3000)}`);
  has(/-rw------- +1 1000 +100 +13 .*'\/first'/);
  has(/lrwxrwxrwx .*'\/links\/relative' -> '\.\.\/names\/\.\/UPPER'/);
  has(/crw-rw-rw- .* 1,3 .*'\/devices\/null'/);
  has(/brw------- .* 8,1 .*'\/devices\/sda1'/);
  const out = at('by-xorriso');
  run('xorriso', '-osirrox', 'on', '-indev', at('ours.iso'), '-extract', '/', out);
  // it restores neither hard links nor the times of symbolic ones
  const loose = (tree: Tree): string[] => {
    const named = (entry: Entry): Entry => (entry.kind === 'hardlink' ? { ...tree.get(entry.to)!, path: entry.path } : entry);
    return comparable(makeTree(tree.entries.map((entry) => ({ ...named(entry), ...(entry.kind === 'symlink' ? { mtime: 0 } : {}) }))));
  };
  assert.deepEqual(loose(directoryTree(out)), loose(directoryTree(at('tree'))));
});

test('bsdtar takes our image apart as it was', (t) => {
  if (!needs(t, 'bsdtar')) return;
  mkdirSync(at('by-bsdtar'));
  run('bsdtar', '-xpf', at('ours.iso'), '-C', at('by-bsdtar'));
  assert.deepEqual(comparable(directoryTree(at('by-bsdtar'))), comparable(directoryTree(at('tree'))));
  const listed = run('bsdtar', '-tvf', at('full.iso'));
  assert.equal(listed.trim().split('\n').length, featureTree().entries.length);
});

test('isoinfo finds Rock Ridge, Joliet and the names of both', (t) => {
  if (!needs(t, 'isoinfo')) return;
  const facts = run('isoinfo', '-d', '-i', at('full.iso'));
  for (const fact of [/Volume id: TEST/, /Joliet with UCS level 3 found/, /Rock Ridge signatures version 1 found/])
    assert.match(facts, fact);
  const files = (...options: string[]) =>
    run('isoinfo', ...options, '-f', '-i', at('full.iso'))
      .trim()
      .split('\n');
  assert.equal(files('-R').length, featureTree().entries.length - 1);
  assert.equal(files('-J').length, featureTree().entries.filter(({ path }) => !/^(links|devices)\//.test(path)).length - 1);
  assert.equal(run('isoinfo', '-R', '-x', '/first', '-i', at('full.iso')), 'one of three\n');
});

test('7z tests our image whole', (t) => {
  if (!needs(t, '7z')) return;
  assert.match(run('7z', 't', at('full.iso')), /Everything is Ok/);
});

for (const [title, needed, args] of [
  ['xorriso, as it is', 'xorriso', ['-as', 'mkisofs', '-quiet', '-J']],
  ['xorriso, with inode numbers', 'xorriso', ['-compliance', 'new_rr', '-hardlinks', 'on', '-as', 'mkisofs', '-quiet', '-R']],
  ['genisoimage, which moves deep directories', 'genisoimage', ['-quiet', '-R', '-J']],
] as const) {
  test(`we read what others write: ${title}`, (t) => {
    if (!needs(t, needed)) return;
    run(needed, ...args, '-o', at('theirs.iso'), at('tree'));
    const found = image('theirs.iso');
    assert.equal(found.names, 'rock-ridge');
    assert.deepEqual(comparable(found.tree), comparable(directoryTree(at('tree'))));
    assert.deepEqual(check(bytesSource(readFileSync(at('theirs.iso')))), []);
  });
}

test('we read long link targets of genisoimage, whose SL entries say a wrong size', (t) => {
  if (!needs(t, 'genisoimage')) return;
  const [x, y] = ['x'.repeat(48), 'y'.repeat(52)];
  const targets = [
    `../usr/../xxxxxxxxx/bc/./../../bc/usr/usr/../usr/bc/bc/a/usr/./usr/usr/./usr/./././../${x}/../a/${y}/${y}/a/usr/${x}/usr/../usr/bc/./../../bc/./${y}`,
    `bc/../usr/${x}/.././../${y}/bc/a/../bc/a/../a/./../a/../../bc/bc/a/../${x}/../../${y}/a/./${x}/${y}/.././${x}/../usr`,
  ];
  mkdirSync(at('long-links'));
  for (const [index, target] of targets.entries()) symlinkSync(target, at(`long-links/${index}`));
  run('genisoimage', '-quiet', '-R', '-o', at('long-links.iso'), at('long-links'));
  const { tree } = image('long-links.iso');
  const read = tree.entries.flatMap((entry) => (entry.kind === 'symlink' ? [entry.target] : []));
  assert.deepEqual(read, targets);
});

test('we read Joliet and plain names of genisoimage', (t) => {
  if (!needs(t, 'genisoimage')) return;
  run('genisoimage', '-quiet', '-J', '-input-charset', 'utf-8', '-o', at('wide.iso'), at('tree/a'));
  const wide = image('wide.iso');
  assert.equal(wide.names, 'joliet');
  assert.ok(wide.tree.get('b/c/d/e/f/g/h/i/j/deep') !== undefined || wide.tree.get('file 42') !== undefined);
  run('genisoimage', '-quiet', '-o', at('plain.iso'), at('tree/boot'));
  const plain = image('plain.iso');
  assert.deepEqual(
    [plain.names, ...plain.tree.entries.map(({ path, kind }) => `${kind} ${path}`)],
    ['plain', 'directory ', 'file core.img', 'file efi.img'],
  );
});

test('boot entries: ours read by xorriso, those of xorriso by us, and the same bytes in the boot image', (t) => {
  if (!needs(t, 'xorriso')) return;
  const words = ['-b', 'boot/core.img', '-no-emul-boot', '-boot-load-size', '4', '-boot-info-table', '--grub2-boot-info'];
  const efi = ['-c', 'boot/boot.cat', '-eltorito-alt-boot', '-e', 'boot/efi.img', '-no-emul-boot'];
  run('xorriso', '-as', 'mkisofs', '-quiet', '-R', ...words, ...efi, '-o', at('boot-theirs.iso'), at('tree'));
  const theirs = image('boot-theirs.iso');
  assert.deepEqual(
    theirs.bootEntries.map(({ platform, path, isBootable }) => [platform, path, isBootable]),
    [
      ['bios', 'another name', true], // the first of its two names
      ['efi', 'boot/efi.img', true],
    ],
  );
  // hard links would both have the changed bytes
  const both = directoryTree(at('tree'));
  const core = { ...both.get('another name')!, path: 'boot/core.img' };
  const tree = makeTree(
    both.entries.flatMap((entry) => (entry.path === 'another name' ? [] : entry.path === core.path ? [core] : [entry])),
  );
  const plan = encode(tree, {
    ...SMALL,
    padding: 307_200,
    catalogPath: 'boot/boot.cat',
    bootEntries: [
      { platform: 'bios', path: 'boot/core.img', bootInfoTable: true, grub2BootInfo: true },
      { platform: 'efi', path: 'boot/efi.img' },
    ],
  });
  writeFileSync(at('boot-ours.iso'), concat([...plan.chunks()]));
  const report = run('xorriso', '-indev', at('boot-ours.iso'), '-report_el_torito', 'plain');
  assert.match(report, /boot img : +1 +BIOS +y +none/);
  assert.match(report, /boot img : +2 +UEFI +y +none/);
  // xorriso recomputes the checksum of the table before it says so
  assert.match(report, /img opts : +1 +boot-info-table grub2-boot-info/);
  assert.match(report, /cat path : +\/boot\/boot.cat/);
  const stored = image('boot-ours.iso').tree.get('boot/core.img');
  assert.ok(stored?.kind === 'file');
  assert.deepEqual(Buffer.from(readAll(stored.content)), Buffer.from(readAll(plan.contentOf('boot/core.img'))));
});
