// The pool: every codec, on the main thread and on workers, gives the same bytes, and foreign programs read them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { needs, tool } from '../../../test/tools.ts';
import { pureDecoders } from '../../codecs/index.ts';
import { compressAll, sampleBlocks } from './blocks.fixture.ts';
import { blockChoice } from './choice.ts';
import { blockCompressor } from './pool.ts';

const BLOCK = 16384;
const plain = new Map<string, string>();

test('any number of threads gives the same bytes, in any order of completion', async () => {
  const blocks = sampleBlocks(40, BLOCK);
  for (const word of ['zstd:3', 'gzip', 'lz4', 'xz:0']) {
    const choice = blockChoice(word, plain, BLOCK);
    const all = [];
    for (const threads of [0, 1, 3]) all.push(await compressAll(choice, blocks, { blockSize: BLOCK, threads, cache: false }));
    assert.deepEqual(all[1]!.results, all[0]!.results, word);
    assert.deepEqual(all[2]!.results, all[0]!.results, word);
    const rawCount = all[0]!.results.filter(({ compressed }) => !compressed).length;
    assert.ok(rawCount >= 8 && rawCount < 20, `${word}: random blocks do not shrink, others do: ${rawCount}`);
    for (const [index, { bytes, compressed }] of all[0]!.results.entries()) {
      if (!compressed) assert.deepEqual(bytes, Buffer.from(blocks[index]!), 'what does not shrink comes back as it was');
      else assert.ok(bytes.length < blocks[index]!.length);
    }
  }
});

test('what is compressed is the format that Linux reads', async (t) => {
  if (!needs(t, 'xz')) return;
  const blocks = sampleBlocks(8, BLOCK).filter((_, index) => index % 4 < 3);
  const readers: Record<string, (bytes: Buffer) => Uint8Array> = {
    'gzip:1': (bytes) => zlib.inflateSync(bytes),
    'gzip:9': (bytes) => zlib.inflateSync(bytes),
    'zstd:1': (bytes) => zlib.zstdDecompressSync(bytes),
    'zstd:22': (bytes) => zlib.zstdDecompressSync(bytes),
    xz: (bytes) => spawnSync(tool('xz'), ['-dc'], { input: bytes, maxBuffer: 1 << 24 }).stdout,
    lz4: (bytes) => pureDecoders.find(({ name }) => name === 'lz4')!.decodeBlock!(bytes, BLOCK),
  };
  for (const [word, read] of Object.entries(readers)) {
    const { results } = await compressAll(blockChoice(word, plain, BLOCK), blocks, { blockSize: BLOCK, threads: 1, cache: false });
    for (const [index, { bytes, compressed }] of results.entries()) {
      assert.ok(compressed, word);
      assert.deepEqual(Buffer.from(read(bytes)), Buffer.from(blocks[index]!), `${word}, block ${index}`);
    }
  }
});

test('zstd states the size of the block; xz has CRC-32 and the dictionary that was asked for', async (t) => {
  if (!needs(t, 'xz')) return;
  const [block] = sampleBlocks(1, BLOCK);
  const one = async (word: string, options = plain) =>
    (await compressAll(blockChoice(word, options, BLOCK), [block!], { blockSize: BLOCK, threads: 0, cache: false })).results[0]!.bytes;
  const frame = await one('zstd:9');
  assert.equal(frame[4]! & 0x20, 0x20, 'single segment');
  assert.equal(frame.readUInt16LE(5) + 256, BLOCK);
  assert.equal(frame[4]! & 4, 0, 'no checksum');
  const listed = (bytes: Buffer) => spawnSync(tool('xz'), ['-dvvl', '-'], { input: bytes, encoding: 'utf8' });
  for (const [options, dictionary, filter] of [
    [plain, '16KiB', '--lzma2'],
    [new Map([['dict-size', '50%']]), '8KiB', '--lzma2'],
  ] as const) {
    const bytes = await one('xz', options);
    assert.equal(bytes[7], 1, 'CRC-32');
    const folder = listed(bytes);
    assert.notEqual(folder.status, undefined);
    // block header: one filter (LZMA2, 0x21) with one byte of properties, the dictionary
    assert.deepEqual([...bytes.subarray(14, 16)], [0x21, 1], filter);
    const log = bytes[16]!;
    assert.equal(`${((2 | (log & 1)) << (log / 2 + 11)) / 1024}KiB`, dictionary);
  }
});

test('with filters the smallest of all is kept', async (t) => {
  if (!needs(t, 'xz')) return;
  // calls to one place, far apart: only the x86 filter sees that they are equal
  const code = Buffer.alloc(BLOCK);
  for (let at = 0; at + 5 <= BLOCK; at += 5) {
    code[at] = 0xe8;
    code.writeInt32LE(100_000 - at, at + 1);
  }
  const pack = async (word: string, options: ReadonlyMap<string, string>) =>
    (await compressAll(blockChoice(word, options, BLOCK), [code], { blockSize: BLOCK, threads: 1, cache: false })).results[0]!.bytes;
  const [unfiltered, filtered] = [await pack('xz', plain), await pack('xz', new Map([['bcj', 'x86,arm']]))];
  assert.ok(filtered.length * 2 < unfiltered.length, `${filtered.length} against ${unfiltered.length}`);
  assert.deepEqual(spawnSync(tool('xz'), ['-dc'], { input: filtered }).stdout, code);
  const zeros = await pack('gzip', new Map([['strategy', 'default,run_length_encoded,fixed']]));
  assert.ok(zeros.length <= (await pack('gzip', plain)).length);
  assert.deepEqual(zlib.inflateSync(zeros), code);
});

test('asking for more than there is, and work after the end', async () => {
  const compressor = blockCompressor(blockChoice('zstd:1', plain, 4096), { blockSize: 4096, threads: 1, cache: false });
  assert.equal(compressor.blockSize, 8192, 'room for a metadata block');
  const slots = Array.from({ length: compressor.slotCount }, () => compressor.take());
  assert.throws(() => compressor.take(), { code: 'INTERNAL' });
  slots[0]!.release();
  slots[0] = compressor.take();
  slots[0].bytes.fill(7);
  const packed = await slots[0].compress(8192);
  assert.ok(packed.compressed && packed.bytes.length < 100);
  assert.equal(await compressor.close(), 0);
  assert.equal(await compressor.close(), 0);
});
