// A file of more than 4 GiB, written whole to a sparse file and read by others, in little memory.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../../../test/tools.ts';
import { utf8 } from '../../bytes/index.ts';
import { directoryTree } from '../../node/directory.ts';
import { fileSource } from '../../node/source.ts';
import { decode, encode } from './index.ts';

const SIZE = 4_500_000_001;
const ZEROS = Buffer.alloc(1 << 20);

function isZero(chunk: Uint8Array): boolean {
  return ZEROS.compare(chunk, 0, chunk.length, 0, chunk.length) === 0;
}

test('4.5 GB go through in little memory, and xorriso and bsdtar find them', (t) => {
  if (!needs(t, 'xorriso', 'bsdtar')) return;
  const folder = mkdtempSync(join(tmpdir(), 'kindling-iso-'));
  try {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < 1_000_000_000) return t.skip('needs 1 GB of free space for temporary files');
    const source = openSync(join(folder, 'big'), 'w');
    ftruncateSync(source, SIZE);
    writeSync(source, utf8('the end'), 0, 7, SIZE - 7);
    closeSync(source);
    const before = process.memoryUsage().rss;
    let most = 0;
    const plan = encode(directoryTree(folder), { volumeId: 'BIG', time: 1_700_000_000, joliet: true });
    const image = join(folder, 'image.iso');
    const fd = openSync(image, 'w');
    let at = 0;
    let count = 0;
    for (const chunk of plan.chunks()) {
      // holes stay holes
      if (!isZero(chunk)) writeSync(fd, chunk, 0, chunk.length, at);
      at += chunk.length;
      if (++count % 64 === 0) most = Math.max(most, process.memoryUsage().rss);
    }
    ftruncateSync(fd, at);
    closeSync(fd);
    assert.equal(at, plan.size);
    assert.ok(most - before < 300 * 1024 * 1024, `${most - before} bytes more`);
    const big = decode(fileSource(image)).tree.get('big');
    assert.ok(big?.kind === 'file' && big.content.size === SIZE);
    assert.deepEqual(big.content.read(SIZE - 7, 7), utf8('the end'));
    const run = (program: string, ...args: string[]) => spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    assert.match(run('xorriso', '-indev', image, '-find', '/big', '-exec', 'lsdl').stdout, new RegExp(` ${SIZE} .*'/big'`));
    assert.match(run('bsdtar', '-tvf', image).stdout, new RegExp(` ${SIZE} .* big\\n`));
    const tail = spawnSync('sh', ['-c', 'bsdtar -xOf "$1" big | tail -c 7', 'sh', image], { encoding: 'utf8' });
    assert.equal(tail.stdout, 'the end');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
