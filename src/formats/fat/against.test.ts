// FAT against the programs that everybody has: fsck.fat and mtools take what we write, we read what mkfs.fat and mtools write.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, tool } from '../../../test/tools.ts';
import { bytesSource } from '../../bytes/index.ts';
import { sha256 } from '../../node/digest.ts';
import { directoryTree } from '../../node/directory.ts';
import { fileSource } from '../../node/source.ts';
import { printManifest, type Tree } from '../../tree/index.ts';
import { asFat, noise, sampleTree, TIME, TYPES, volumeOf } from './fat.fixture.ts';
import { check, decode, encode, type FatType } from './index.ts';

const MIB = 1 << 20;

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kindling-fat-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function run(name: string, args: readonly string[]): string {
  const env = { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC', MTOOLSRC: '/dev/null' };
  const { status, stdout, stderr } = spawnSync(tool(name), args, { encoding: 'utf8', env });
  assert.equal(status, 0, `${name} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** Names and contents; times of directories are not restored by every program, modes by none. */
function contents(tree: Tree): string {
  const settled = tree.entries.map((entry) => ({
    ...entry,
    uid: 0,
    gid: 0,
    mode: 0o755,
    mtime: entry.kind === 'file' ? entry.mtime & ~1 : 0,
  }));
  return printManifest({ ...tree, entries: settled.filter(({ path }) => path !== '') }, { sha256 });
}

const SIZES: Readonly<Record<FatType, number>> = { 12: 4 * MIB, 16: 16 * MIB, 32: 40 * MIB };

for (const type of TYPES) {
  test(`what we write as FAT${type}, fsck.fat finds nothing wrong with`, (t) => {
    if (!needs(t, 'fsck.fat')) return;
    const image = join(scratch(t), 'image');
    for (const size of [undefined, SIZES[type]]) {
      writeFileSync(image, volumeOf(sampleTree(), type, size === undefined ? {} : { size }));
      const said = run('fsck.fat', ['-n', '-v', image]);
      assert.doesNotMatch(said, /differ|wrong|dirty|corrupt|reclaim/i, said);
    }
  });

  test(`what we write as FAT${type}, mtools lists and copies`, (t) => {
    if (!needs(t, 'mcopy', 'mdir', 'minfo')) return;
    const folder = scratch(t);
    const [image, out] = [join(folder, 'image'), join(folder, 'out')];
    mkdirSync(out);
    writeFileSync(image, volumeOf(sampleTree(), type));
    run('mcopy', ['-s', '-m', '-i', image, '::', out]);
    // mtools knows only the first 65536 characters
    const found = contents(directoryTree(out)).replaceAll('☃\\x20__', '☃\\x20𝄞').replaceAll('☃\\x20_', '☃\\x20𝄞');
    assert.equal(found, contents(asFat(sampleTree())));
    const listing = run('mdir', ['-i', image, '::']);
    assert.match(listing, /Volume in drive : is KINDLING/);
    assert.match(listing, /Volume Serial Number is 1234-ABCD/);
    assert.match(listing, /AVERYL~1 TEX {6,}\d+ .* AVERYL~1.TEX|AVERYL~1 TEX/);
    assert.match(run('minfo', ['-i', image, '::']), new RegExp(`FAT${type}`));
  });

  test(`what mkfs.fat and mtools write as FAT${type} is what was on disk`, (t) => {
    if (!needs(t, 'mkfs.fat', 'mcopy')) return;
    const folder = scratch(t);
    const [image, top] = [join(folder, 'image'), join(folder, 'top')];
    for (const name of ['d/e', 'empty', 'Long Directory Name']) mkdirSync(join(top, name), { recursive: true });
    for (const [index, name] of ['A.TXT', 'lower', 'd/e/Mixed Case.Name', 'Long Directory Name/ünï ☃', 'd/x'].entries()) {
      writeFileSync(join(top, name), noise(index * 5000, index + 1));
      utimesSync(join(top, name), TIME, TIME);
    }
    writeFileSync(image, '');
    truncateSync(image, SIZES[type]);
    run('mkfs.fat', ['-F', String(type), '-n', 'MADE BY', '-i', 'deadbeef', image]);
    run('mcopy', [
      '-s',
      '-m',
      '-i',
      image,
      ...['A.TXT', 'lower', 'd', 'empty', 'Long Directory Name'].map((name) => join(top, name)),
      '::',
    ]);
    const source = fileSource(image);
    const found = decode(source);
    assert.deepEqual([found.label, found.serial, found.type], ['MADE BY', 0xdeadbeef, type]);
    assert.equal(contents(found.tree), contents(directoryTree(top)));
    assert.deepEqual(check(source), []);
  });
}

test('a volume that files were deleted from and added to, in pieces all over', (t) => {
  if (!needs(t, 'mkfs.fat', 'mcopy', 'mdel')) return;
  const folder = scratch(t);
  const [image, top] = [join(folder, 'image'), join(folder, 'top')];
  mkdirSync(top);
  writeFileSync(image, '');
  truncateSync(image, MIB);
  run('mkfs.fat', ['-F', '12', '-s', '1', image]);
  const names = Array.from({ length: 20 }, (_, index) => `small file number ${index}`);
  for (const [index, name] of names.entries()) writeFileSync(join(top, name), noise(20_000, index + 1));
  run('mcopy', ['-m', '-i', image, ...names.map((name) => join(top, name)), '::']);
  const gone = names.filter((_, index) => index % 2 === 0);
  run('mdel', ['-i', image, ...gone.map((name) => `::${name}`)]);
  for (const name of gone) rmSync(join(top, name));
  writeFileSync(join(top, 'one large file in many places'), noise(600_000, 99));
  run('mcopy', ['-m', '-i', image, join(top, 'one large file in many places'), '::']);
  const source = fileSource(image);
  const { tree } = decode(source);
  assert.equal(contents(tree), contents(directoryTree(top)));
  const large = tree.get('one large file in many places');
  assert.ok(large?.kind === 'file');
  assert.deepEqual(large.content.read(250_000, 70_000), noise(600_000, 99).subarray(250_000, 320_000));
  assert.deepEqual(check(source), []);
});

test('what mtools adds to a volume of ours is found beside what was there', (t) => {
  if (!needs(t, 'mcopy', 'fsck.fat')) return;
  const folder = scratch(t);
  const [image, added] = [join(folder, 'image'), join(folder, 'added to it.txt')];
  writeFileSync(image, volumeOf(sampleTree(), 32, { size: 40 * MIB }));
  writeFileSync(added, noise(100_000, 5));
  run('mcopy', ['-i', image, added, '::boot']);
  run('fsck.fat', ['-n', image]);
  const { tree } = decode(fileSource(image));
  assert.equal(tree.entries.length, asFat(sampleTree()).entries.length + 1);
  assert.deepEqual(check(fileSource(image)), []);
});

test('as a partition on a disk: hidden sectors are seen, 7z reads it', (t) => {
  if (!needs(t, '7z', 'minfo')) return;
  const folder = scratch(t);
  const image = join(folder, 'image');
  writeFileSync(image, volumeOf(sampleTree(), 16, { hiddenSectors: 2048 }));
  assert.match(run('minfo', ['-i', image, '::']), /hidden sectors: 2048/);
  run('7z', ['x', '-y', `-o${join(folder, 'out')}`, image]);
  assert.deepEqual(new Uint8Array(readFileSync(join(folder, 'out/kindling/01-core.sb'))), noise(2 * 777, 3));
});

test('a volume of 100 GiB is planned and begins as mkfs.fat would begin it', (t) => {
  if (!needs(t, 'fsck.fat')) return;
  const image = join(scratch(t), 'image');
  const plan = encode(sampleTree(), { size: 100 * 1024 * MIB, label: 'BIG', serial: 1, time: TIME });
  writeFileSync(image, '');
  truncateSync(image, plan.size);
  let at = 0;
  const bytes: Uint8Array[] = [];
  for (const chunk of plan.chunks()) {
    bytes.push(chunk);
    at += chunk.length;
    if (at >= plan.usedSize) break;
  }
  writeFileSync(image, Buffer.concat(bytes).subarray(0, plan.usedSize), { flag: 'r+' });
  run('fsck.fat', ['-n', image]);
  assert.equal(decode(fileSource(image)).tree.entries.length, asFat(sampleTree()).entries.length);
  assert.deepEqual([plan.type, plan.clusterSize], [32, 32768]);
  assert.ok(decode(bytesSource(Buffer.concat(bytes))).tree.entries.length > 0);
});
