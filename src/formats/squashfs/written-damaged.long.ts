// Every table of an image we wrote, damaged: our reader ends in a tree or a KindlingError; unsquashfs ends, and what it said is recorded.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs, tool } from '../../../test/tools.ts';
import { bytesSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { damaged, plainImage, regions } from './damaged.fixture.ts';
import { check, decode } from './index.ts';

const OURS = 60;
const THEIRS = 8;
const SECONDS_MOST = 20;
const READ_MOST = 1 << 22;
const decoders = nodeDecoders();

/** Everything of an image; answers the code of the error that ended it, or "whole". */
function readEverything(bytes: Uint8Array): string {
  const source = bytesSource(bytes);
  try {
    check(source, { decoders });
    for (const entry of decode(source, { decoders, limits: { entries: 100_000 } }).tree.entries) {
      if (entry.kind === 'file') entry.content.read(0, Math.min(entry.content.size, READ_MOST));
    }
    return 'whole';
  } catch (error) {
    assert.ok(error instanceof KindlingError, String((error as Error).stack));
    return error.code;
  }
}

function tally(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, count]) => `${word} ${count}`).join(', ');
}

test('our reader and unsquashfs with every table damaged', async (t) => {
  if (!needs(t, 'unsquashfs')) return;
  const folder = mkdtempSync(join(tmpdir(), 'kindling-squashfs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const image = await plainImage();
  assert.equal(readEverything(image), 'whole');
  const parts = regions(image);
  assert.deepEqual(
    parts.map(({ name }) => name),
    ['superblock', 'data', 'inodes', 'directories', 'fragments', 'export', 'ids', 'attributes'],
  );
  for (const region of parts) {
    assert.ok(region.to > region.from, region.name);
    const before = performance.now();
    const ours = Array.from({ length: OURS }, (_, seed) => readEverything(damaged(image, region, seed)));
    const took = (performance.now() - before) / OURS;
    assert.ok(took < SECONDS_MOST * 1000, `${region.name}: ${took} ms an image`);
    const theirs = Array.from({ length: THEIRS }, (_, seed) => {
      writeFileSync(join(folder, 'image'), damaged(image, region, seed));
      const words = ['-no-progress', '-quiet', '-no-xattrs', '-f', '-d', 'out', 'image'];
      const { status, signal } = spawnSync(tool('unsquashfs'), words, {
        cwd: folder,
        stdio: 'ignore',
        timeout: SECONDS_MOST * 1000,
        killSignal: 'SIGKILL',
      });
      rmSync(join(folder, 'out'), { recursive: true, force: true });
      return signal ?? `exit ${status}`;
    });
    t.diagnostic(`${region.name}: ours ${tally(ours)}; unsquashfs ${tally(theirs)}`);
  }
});
