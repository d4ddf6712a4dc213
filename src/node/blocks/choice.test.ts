// Codec words and options, and the record of them: equal to the one mksquashfs writes.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../../../test/tools.ts';
import { mustRun } from '../../../test/world/run.ts';
import { blockChoice, optionsRecord } from './choice.ts';

const NONE = new Map<string, string>();

test('words and options are understood, with the defaults of mksquashfs', () => {
  const choice = (word: string, options: Record<string, string> = {}, blockSize = 131072) =>
    blockChoice(word, new Map(Object.entries(options)), blockSize);
  assert.deepEqual(choice('gzip'), { name: 'gzip', level: 9, windowLog: 15, strategies: [] });
  assert.deepEqual(choice('zstd'), { name: 'zstd', level: 15 });
  assert.deepEqual(choice('zstd:22'), { name: 'zstd', level: 22 });
  assert.deepEqual(choice('lz4'), { name: 'lz4', level: 1 });
  assert.deepEqual(choice('xz'), { name: 'xz', level: 6, dictionarySize: 131072, filters: [] });
  assert.deepEqual(choice('xz:9', { 'dict-size': '75%', bcj: 'arm,x86' }), {
    name: 'xz',
    level: 9,
    dictionarySize: 98304,
    filters: ['x86', 'arm'],
  });
  assert.deepEqual(choice('gzip:1', { 'window-size': '8', strategy: 'fixed' }).name, 'gzip');
});

test('what there is not is wrong usage', () => {
  for (const [word, options, why] of [
    ['zip', {}, /expected gzip, zstd, xz, lz4/],
    ['zstd:23', {}, /from 1 to 22/],
    ['zstd:', {}, /whole number/],
    ['zstd:3:4', {}, /optional :LEVEL/],
    ['gzip:0', {}, /from 1 to 9/],
    ['gzip', { bcj: 'x86' }, /gzip has no option "bcj"; it has window-size and strategy/],
    ['zstd', { 'window-size': '9' }, /zstd has no option/],
    ['gzip', { 'window-size': '16' }, /from 8 to 15/],
    ['gzip', { strategy: 'best' }, /expected some of default, filtered/],
    ['xz', { 'dict-size': '262144' }, /to the block size, 131072/],
    ['xz', { 'dict-size': '60%' }, /2\^n/],
    ['xz', { 'dict-size': '4K' }, /from 8192/],
    ['xz', { bcj: 'mips' }, /expected some of x86/],
  ] as const) {
    assert.throws(() => blockChoice(word, new Map(Object.entries(options)), 131072), { code: 'USAGE', message: why }, word);
  }
});

test('the options record is that of mksquashfs', async (t) => {
  if (!needs(t, 'mksquashfs')) return;
  const folder = mkdtempSync(join(tmpdir(), 'kindling-choice-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'file'), 'content '.repeat(1000));
  const theirs = async (args: readonly string[]): Promise<Uint8Array | undefined> => {
    const image = join(folder, 'image');
    rmSync(image, { force: true });
    await mustRun('mksquashfs', [join(folder, 'file'), image, '-quiet', '-no-progress', ...args]);
    const bytes = readFileSync(image);
    // bit 10 of the flags; the record is a metadata block that is not compressed
    if ((bytes.readUInt16LE(24) & 0x400) === 0) return undefined;
    return Uint8Array.from(bytes.subarray(98, 98 + (bytes.readUInt16LE(96) & 0x7fff)));
  };
  for (const [word, options, blockSize, args] of [
    ['gzip', NONE, 131072, ['-comp', 'gzip']],
    ['gzip:6', NONE, 131072, ['-comp', 'gzip', '-Xcompression-level', '6']],
    [
      'gzip',
      new Map([
        ['window-size', '10'],
        ['strategy', 'huffman_only,default'],
      ]),
      131072,
      ['-comp', 'gzip', '-Xwindow-size', '10', '-Xstrategy', 'default,huffman_only'],
    ],
    ['zstd', NONE, 131072, ['-comp', 'zstd']],
    ['zstd:9', NONE, 131072, ['-comp', 'zstd', '-Xcompression-level', '9']],
    ['lz4', NONE, 131072, ['-comp', 'lz4']],
    ['xz', NONE, 131072, ['-comp', 'xz']],
    ['xz', NONE, 1048576, ['-comp', 'xz', '-b', '1M']],
    ['xz', new Map([['dict-size', '75%']]), 131072, ['-comp', 'xz', '-Xdict-size', '75%']],
    ['xz', new Map([['bcj', 'x86,sparc']]), 131072, ['-comp', 'xz', '-Xbcj', 'x86,sparc']],
    ['xz', NONE, 4096, ['-comp', 'xz', '-b', '4K']],
  ] as const) {
    const ours = optionsRecord(blockChoice(word, options, blockSize), blockSize);
    assert.deepEqual(ours === undefined ? undefined : Uint8Array.from(ours), await theirs(args), args.join(' '));
  }
});
