// Bundles added to a running live system and taken out again: what `kindling bundle add` and `remove` would run is run in a machine, by its own
// shell, and the machine is asked what it shows.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeDecoders } from '../../src/node/codecs.ts';
import { imageTree } from '../../src/node/open-root.ts';
import { addLiveBundle, type LiveOutside, removeLiveBundle } from '../../src/verbs/live-bundles.ts';
import { needs, tool } from '../tools.ts';
import { CLONE, mustRun } from '../world/index.ts';
import { boot, isClean, keepSystem, medium, typed } from './live-keep-world.ts';
import { scratchFolder } from './live-world.ts';
import type { Talk } from './talk.ts';

const folder = scratchFolder();
const NAME = '07-game.sb';
const PLACE = `/memory/data/extra/${NAME}`;

/** An outside that writes down what a machine has to do; `known` is what the machine has said of itself. */
function recorder(known: Map<string, string>, file: string): { readonly outside: LiveOutside; readonly lines: string[] } {
  const lines: string[] = [];
  const outside: LiveOutside = {
    read: (path) => known.get(path),
    exists: (path) => known.has(path),
    size: () => 4096,
    sha256: async () => 'd'.repeat(64),
    realPath: (path) => path.replace('/memory', '/run/initramfs/memory'),
    write: async (path, text) => {
      known.set(path, text);
      lines.push(`printf '${text.replaceAll('\n', '\\n')}' >${path}`);
    },
    copy: async (from, to) => {
      known.set(to, '');
      lines.push(`cp ${from} ${to}`);
    },
    rename: async (from, to) => {
      known.delete(from);
      lines.push(`mv ${from} ${to}`);
    },
    makeDirectory: (path) => void lines.push(`mkdir -p ${path}`),
    tree: async () => await imageTree(file, nodeDecoders()),
    run: async (words) => {
      lines.push(words.join(' '));
      if (words.includes('squashfs')) known.set(`${words.at(-1)}/usr`, '');
      if (words[0] === 'mount') known.set('/proc/self/mounts', `${known.get('/proc/self/mounts')}x ${words.at(-1)} x rw 0 0\n`);
      return { code: 0, stderr: '' };
    },
  };
  return { outside, lines };
}

async function carriedOut(talk: Talk, lines: readonly string[]): Promise<void> {
  for (const line of lines) assert.equal(await typed(talk, `${line} || echo "failed: $?"`), '', line);
}

test('a bundle is shown by the running system, taken out of it, and there at the next boot', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mkfs.ext4', 'debugfs', 'dumpe2fs')) return;
  const system = await keepSystem();
  const game = join(folder, 'game');
  mkdirSync(join(game, 'usr/bin'), { recursive: true });
  writeFileSync(join(game, 'usr/bin/game'), '#!/bin/sh\necho played\n', { mode: 0o755 });
  const bundle = join(folder, NAME);
  await mustRun(join(CLONE, 'bin/kindling'), ['pack', game, '-o', bundle, '--format', 'squashfs', '--codec', 'zstd:3']);
  const files = { 'kindling/01-core.sb': { copy: system.bundle }, [`extra/${NAME}`]: { copy: bundle } };
  const disk = await medium(join(folder, 'bundles.img'), 'ext4', files);
  const asked = async (talk: Talk): Promise<Map<string, string>> => {
    const known = new Map<string, string>();
    for (const path of ['/run/kindling/live', '/proc/self/mounts']) known.set(path, `${await typed(talk, `cat ${path}`)}\n`);
    for (const path of ['/memory/data/kindling', PLACE]) known.set(path, '');
    known.set('/run/kindling/base/usr', '');
    return known;
  };
  const first = await boot(system, [disk]);
  try {
    const known = await asked(first);
    const { outside, lines } = recorder(known, bundle);
    const change = await addLiveBundle(PLACE, { now: true, next: true }, outside);
    assert.deepEqual([change.now.done, change.next.done], [true, true]);
    await carriedOut(first, lines);
    assert.equal(
      await typed(first, 'game; ls /usr/bin/busybox; touch /usr/x 2>/dev/null || echo closed'),
      'played\n/usr/bin/busybox\nclosed',
    );
    lines.length = 0;
    await removeLiveBundle(NAME, { now: true, next: false }, outside);
    await carriedOut(first, lines);
    assert.equal(await typed(first, 'hash -r; ls /usr/bin/game 2>/dev/null; touch /usr/x && echo open'), 'open');
    first.say('exec /run/initramfs/shutdown poweroff');
    await first.expect('is unmounted: you may remove the medium', 120);
    await first.off(120);
  } finally {
    await first.cut();
  }
  assert.ok(await isClean(disk));
  assert.match(await mustRun(tool('debugfs'), ['-R', 'ls /kindling', disk]), /07-game\.sb/);
  const second = await boot(system, [disk]);
  try {
    assert.equal(await typed(second, 'game'), 'played');
  } finally {
    await second.cut();
  }
});
