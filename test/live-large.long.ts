// A bundle that FAT cannot hold, of 4 GiB and nearly all holes: a stick gets ext4 for it. A finished bundle that is too large is refused before anything is written.
import assert from 'node:assert/strict';
import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lateRoot } from './boots/early-world.ts';
import { needs, tool } from './tools.ts';
import { CLONE, mustRun, type Ran, run } from './world/index.ts';

const SIZE = 2 ** 32;

test('a stick with a bundle of 4 GiB', async (t) => {
  if (!needs(t, 'grub-mkimage', 'mke2fs', 'debugfs')) return;
  const folder = mkdtempSync(join(tmpdir(), 'kindling-large-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < 15e9) return t.skip('needs 15 GB of free space for temporary files');
  const [small, bundle] = [join(folder, '20-small.sb'), join(folder, '30-large.sb')];
  for (const [path, size] of [
    [small, 2 ** 20],
    [bundle, SIZE],
  ] as const) {
    const fd = openSync(path, 'w');
    ftruncateSync(fd, size);
    writeSync(fd, 'hsqs', 0);
    writeSync(fd, 'the end', size - 7);
    closeSync(fd);
  }
  const image = join(folder, 'stick.img');
  const root = await lateRoot();
  const few = ['--exclude', 'usr/lib/modules/*/kernel', '--codec', 'zstd:1', '--archive-codec', 'zstd:1'];
  const live = (...words: readonly string[]): Promise<Ran> => {
    const line = ['live', 'usb', '--root', root, '-o', image, '--json', ...few, ...words];
    return run(join(CLONE, 'bin/kindling'), line, { env: { XDG_CACHE_HOME: join(folder, 'cache') }, timeout: 600_000 });
  };
  const refused = await live('--bundle', small, '--split', '1M');
  assert.equal(refused.code, 3, refused.stderr);
  assert.match(refused.stderr, /20-small\.sb was finished before and has 1048576 bytes, expected at most 1048575/);
  assert.ok(!existsSync(image));
  const made = await live('--bundle', bundle);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stderr, /30-large\.sb is too large for FAT32: the medium's partition is ext4/);
  const { fileSystem, partitions } = JSON.parse(made.stdout.toString()) as {
    fileSystem: string;
    partitions: { firstByte: number; size: number }[];
  };
  assert.equal(fileSystem, 'ext4');
  const volume = join(folder, 'volume.img');
  const { firstByte, size } = partitions[2]!;
  const places = [`skip=${firstByte / 2 ** 20}`, `count=${size / 2 ** 20}`, 'bs=1M', 'conv=sparse', 'status=none'];
  await mustRun('dd', [`if=${image}`, `of=${volume}`, ...places]);
  const facts = await mustRun(tool('debugfs'), ['-R', 'stat /kindling/30-large.sb', volume]);
  assert.match(facts, new RegExp(`Size: ${SIZE}`));
  const tail = await mustRun('sh', ['-c', '"$0" -R "cat /kindling/30-large.sb" "$1" | tail -c 7', tool('debugfs'), volume]);
  assert.equal(tail, 'the end');
});
