// The cache: found again, whatever is done to its files; bounded; safe when killed, and for several runs at once.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compressAll, sampleBlocks } from './blocks.fixture.ts';
import { cacheDirectory, openCache } from './cache.ts';
import { blockChoice } from './choice.ts';

const BLOCK = 16384;
const CHOICE = blockChoice('zstd:3', new Map(), BLOCK);
const FIXTURE = new URL('./blocks.fixture.ts', import.meta.url).href;
const CHOICE_FILE = new URL('./choice.ts', import.meta.url).href;

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kindling-cache-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return join(path, 'cache');
}

const packs = (directory: string): string[] => readdirSync(directory).filter((name) => name.endsWith('.pack'));
const paths = (directory: string): string[] => packs(directory).map((name) => join(directory, name));
const BLOCKS = sampleBlocks(40, BLOCK);

function run(directory: string, { blocks = BLOCKS, threads = 2, limit = 2 ** 30, choice = CHOICE } = {}) {
  return compressAll(choice, blocks, { blockSize: BLOCK, threads, cache: { directory, limit } });
}

/** Times at which nothing could have been written by accident: a pack that is used gets a new one. */
function age(directory: string): void {
  for (const path of paths(directory)) utimesSync(path, 1000, 1000);
}

test('a second run finds every block and writes nothing', async (t) => {
  const directory = scratch(t);
  const first = await run(directory);
  const made = packs(directory);
  assert.ok(made.length >= 1 && made.length <= 2, 'at most one file for each thread');
  age(directory);
  const second = await run(directory, { threads: 1 });
  assert.deepEqual(second, first);
  assert.deepEqual(packs(directory), made);
  for (const path of paths(directory)) assert.ok(statSync(path).mtimeMs > 1e6, 'a pack that was of use is young again');
  // Proof that they come from the cache: another payload with its right digest would be taken for the block.
  const none = await compressAll(CHOICE, BLOCKS, { blockSize: BLOCK, threads: 0, cache: false });
  assert.deepEqual(none.results, first.results);
});

test('codec, level, options and block size are never confused', async (t) => {
  const directory = scratch(t);
  const words = ['zstd:3', 'zstd:4', 'gzip:3', 'lz4'];
  for (let round = 0; round < 2; round++) {
    for (const word of words) {
      const choice = blockChoice(word, new Map(), BLOCK);
      const { results } = await run(directory, { choice, threads: 0 });
      const fresh = await compressAll(choice, BLOCKS, { blockSize: BLOCK, threads: 0, cache: false });
      assert.deepEqual(results, fresh.results, word);
    }
    assert.equal(packs(directory).length, words.length);
  }
});

test('bytes flipped anywhere are noticed: the result is the same, and the pack is made again', async (t) => {
  const directory = scratch(t);
  const first = await run(directory, { threads: 0 });
  const [path] = paths(directory);
  const whole = readFileSync(path!);
  for (const at of [0, whole.length >> 1, whole.length - 200, whole.length - 60, whole.length - 20, whole.length - 10, whole.length - 1]) {
    for (const old of paths(directory)) rmSync(old);
    const damaged = Buffer.from(whole);
    damaged[at]! ^= 0x40;
    writeFileSync(path!, damaged);
    const again = await run(directory, { threads: 0 });
    assert.deepEqual(again.results, first.results, `byte ${at}`);
    assert.ok(!existsSync(path!), `byte ${at}: the damaged pack is removed`);
    const third = await run(directory, { threads: 0 });
    assert.deepEqual(third.results, first.results);
    assert.equal(third.damagedCount, 0);
  }
});

test('files cut short, emptied, or of something else', async (t) => {
  const directory = scratch(t);
  const first = await run(directory, { threads: 0 });
  const [path] = paths(directory);
  const whole = readFileSync(path!);
  for (const content of [
    whole.subarray(0, whole.length >> 1),
    whole.subarray(1),
    Buffer.alloc(0),
    Buffer.alloc(3000, 7),
    whole.subarray(-56),
  ]) {
    for (const old of paths(directory)) rmSync(old);
    writeFileSync(path!, content);
    assert.deepEqual((await run(directory, { threads: 0 })).results, first.results);
  }
  // an index that is right in itself and points outside the file
  for (const old of paths(directory)) rmSync(old);
  writeFileSync(path!, whole);
  rmSync(path!);
  mkdirSync(path!);
  assert.deepEqual((await run(directory)).results, first.results, 'a directory where a pack was');
});

test('removed while it is in use', async (t) => {
  const directory = scratch(t);
  const first = await run(directory);
  const opened = openCache('x', { directory });
  assert.ok('cache' in opened);
  rmSync(directory, { recursive: true });
  assert.equal(opened.cache.finish(), 0);
  const running = run(directory);
  rmSync(directory, { recursive: true, force: true });
  assert.deepEqual((await running).results, first.results);
});

test('killed while writing: nothing of it stays for long', async (t) => {
  const directory = scratch(t);
  const program = `
    const { compressAll, sampleBlocks } = await import(${JSON.stringify(FIXTURE)});
    const { blockChoice } = await import(${JSON.stringify(CHOICE_FILE)});
    const blocks = sampleBlocks(40, ${BLOCK});
    for (let n = 0; ; n++) {
      for (const block of blocks) block[n % block.length] ^= 1 + (n & 0x7f);
      await compressAll(blockChoice('zstd:3', new Map(), ${BLOCK}), blocks, { blockSize: ${BLOCK}, threads: 2, cache: { directory: ${JSON.stringify(directory)} } });
      console.log(n);
    }`;
  for (const wait of [0, 30, 70]) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    assert.equal(child.exitCode, null, 'it runs until it is killed');
    await sleep(wait);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const first = await run(directory);
    assert.deepEqual(first.results, (await compressAll(CHOICE, BLOCKS, { blockSize: BLOCK, threads: 0, cache: false })).results);
    assert.deepEqual(
      readdirSync(directory).filter((name) => !name.endsWith('.pack')),
      [],
    );
  }
});

test('several runs at once, one of them bounded to almost nothing', async (t) => {
  const directory = scratch(t);
  const expected = (await compressAll(CHOICE, BLOCKS, { blockSize: BLOCK, threads: 0, cache: false })).results;
  const all = await Promise.all([run(directory), run(directory), run(directory, { limit: 50_000 }), run(directory, { limit: 1 })]);
  for (const { results } of all) assert.deepEqual(results, expected);
  assert.deepEqual((await run(directory)).results, expected);
});

test('the oldest packs go when the bound is reached', async (t) => {
  const directory = scratch(t);
  const variant = (n: number) => BLOCKS.map((block) => block.map((byte) => byte ^ n));
  const sizes: number[] = [];
  for (const n of [1, 2, 3]) {
    await run(directory, { blocks: variant(n), threads: 0 });
    const total = paths(directory).reduce((sum, path) => sum + statSync(path).size, 0);
    sizes.push(total);
  }
  const [one] = sizes;
  age(directory);
  await run(directory, { blocks: variant(2), threads: 0 });
  const limit = one! + 1000;
  await run(directory, { blocks: variant(2), threads: 0, limit });
  assert.equal(packs(directory).length, 1);
  age(directory);
  await run(directory, { blocks: variant(2), threads: 0, limit });
  assert.ok(statSync(paths(directory)[0]!).mtimeMs > 1e6, 'the one that was used stayed');
  await run(directory, { blocks: variant(4), threads: 0, limit });
  assert.ok(paths(directory).reduce((sum, path) => sum + statSync(path).size, 0) <= limit);
});

test('many small packs become one', async (t) => {
  const directory = scratch(t);
  for (let n = 0; n < 20; n++) await run(directory, { blocks: [BLOCKS[0]!.map((byte) => byte ^ n), BLOCKS[3]!], threads: 0 });
  assert.ok(packs(directory).length < 10, `${packs(directory).length} packs`);
  age(directory);
  const again = await run(directory, { blocks: [BLOCKS[0]!, BLOCKS[3]!], threads: 0 });
  assert.equal(again.damagedCount, 0);
  assert.ok(
    paths(directory).some((path) => statSync(path).mtimeMs > 1e6),
    'still found',
  );
});

test('no place for a cache: everything works, and it is said why', async (t) => {
  const expected = (await compressAll(CHOICE, BLOCKS, { blockSize: BLOCK, threads: 0, cache: false })).results;
  const file = scratch(t);
  writeFileSync(file, 'a file');
  for (const [directory, why] of [
    ['/proc/nowhere/cache', /nowhere/],
    [join(file, 'below'), /exists already/],
  ] as const) {
    const { results, cacheUnusable } = await run(directory);
    assert.deepEqual(results, expected);
    assert.match(cacheUnusable ?? '', why);
  }
  const bounded = await run(scratch(t), { limit: 0 });
  assert.match(bounded.cacheUnusable ?? '', /nothing/);
  const readOnly = scratch(t);
  mkdirSync(readOnly);
  chmodSync(readOnly, 0o500);
  assert.deepEqual((await run(readOnly)).results, expected);
});

test('a folder of another user is not used', async (t) => {
  if (process.geteuid?.() !== 0) {
    t.skip('only root can give a folder away');
    return;
  }
  const directory = scratch(t);
  mkdirSync(directory);
  const { chownSync } = await import('node:fs');
  chownSync(directory, 12345, 12345);
  assert.match((await run(directory)).cacheUnusable ?? '', /another user/);
  assert.deepEqual(readdirSync(directory), []);
});

test('where the cache is', () => {
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: '/x' }), '/x/kindling/blocks');
  assert.match(cacheDirectory({ XDG_CACHE_HOME: 'relative' }), /\/\.cache\/kindling\/blocks$/);
  assert.match(cacheDirectory({}), /\/\.cache\/kindling\/blocks$/);
});
