// `kindling live` again, after a small change of the root: whatever is taken over from the last time, the image is that of a first run.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lateRoot } from './boots/early-world.ts';
import { needs } from './tools.ts';
import { CLONE, linkTree, run } from './world/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-live-again-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const SMALL = ['--exclude', 'usr/lib/modules/*/kernel', '--codec', 'zstd:1', '--archive-codec', 'zstd:1'];
const cache = join(folder, 'cache');
const kept = join(cache, 'kindling/bundles');

/** The image, with what is kept or without. */
async function image(root: string, ...words: readonly string[]): Promise<Buffer> {
  const output = join(folder, 'live.iso');
  const all = ['live', 'iso', '--root', root, '-o', output, ...SMALL, ...words];
  const ran = await run(join(CLONE, 'bin/kindling'), all, { env: { XDG_CACHE_HOME: cache }, timeout: 300_000 });
  assert.equal(ran.code, 0, ran.stderr);
  return readFileSync(output);
}

test('an image made again after a change is that of a first run, and damage to what was kept does not show', async (t) => {
  if (!needs(t, 'grub-mkimage')) return;
  const root = join(folder, 'root');
  linkTree(await lateRoot(), root);
  const change = (text: string): void => {
    rmSync(join(root, 'etc/motd'), { force: true });
    writeFileSync(join(root, 'etc/motd'), text);
  };
  await sleep(2100); // a file whose inode changed less than two seconds ago is not known by its times
  await image(root);
  const names = readdirSync(kept).map((name) => name.replace(/^[0-9a-f-]+/, ''));
  assert.deepEqual([...new Set(names)].sort(), ['.archive', '.blocks', '.facts', '.sb']);
  change('first\n');
  const first = await image(root);
  assert.ok(first.equals(await image(root, '--no-cache')), 'what is taken over shows');
  for (const name of readdirSync(kept)) {
    const path = join(kept, name);
    const bytes = readFileSync(path);
    bytes[Math.floor(bytes.length * 0.6)]! ^= 0x20;
    rmSync(path); // it has other names for as long as a run takes
    writeFileSync(path, bytes);
  }
  assert.ok((await image(root)).equals(first), 'damage shows');
  change('another\n');
  assert.ok((await image(root)).equals(await image(root, '--no-cache')), 'what was made after the damage shows');
});
