// `kindling live` from the command line, on a small root with a real kernel: an ISO image made twice, a folder, what is refused.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lateRoot } from './boots/early-world.ts';
import { needs, tool } from './tools.ts';
import { CLONE, mustRun, type Ran, run } from './world/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-live-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

// drivers are in the root for the archive to choose from; a bundle of all would only take time to pack
const SMALL = ['--exclude', 'usr/lib/modules/*/kernel', '--codec', 'zstd:1', '--archive-codec', 'zstd:1'];

// file systems and network protocols are left: enough to be cut
const MIDDLE = ['--one-bundle', '--exclude', 'usr/lib/modules/*/kernel/drivers', ...SMALL.slice(2)];

function kindling(...words: readonly string[]): Promise<Ran> {
  return run(join(CLONE, 'bin/kindling'), words, { env: { XDG_CACHE_HOME: join(folder, 'cache') }, timeout: 300_000 });
}

interface Made {
  readonly id: string;
  readonly size: number;
  readonly bundles: readonly { readonly name: string; readonly kept: boolean }[];
}

async function made(...words: readonly string[]): Promise<Made> {
  const ran = await kindling('live', ...words, '--json');
  assert.equal(ran.code, 0, ran.stderr);
  return JSON.parse(ran.stdout.toString()) as Made;
}

test('an ISO image, and the same again out of kept bundles; verify says yes', async (t) => {
  if (!needs(t, 'grub-mkimage')) return;
  const root = await lateRoot();
  // a file that changed within the last second may change again without another time, and is not believed
  await sleep(1200);
  const [first, second] = [join(folder, 'a.iso'), join(folder, 'b.iso')];
  const one = await made('iso', '--root', root, '-o', first, ...SMALL);
  assert.deepEqual(
    one.bundles.map(({ name, kept }) => [name, kept]),
    [
      ['01-core.sb', false],
      ['02-modules.sb', false],
    ],
  );
  const two = await made('iso', '--root', root, '-o', second, ...SMALL);
  assert.ok(two.bundles.every(({ kept }) => kept));
  assert.ok(readFileSync(first).equals(readFileSync(second)), 'equal input makes equal bytes');
  const checked = await kindling('verify', first, '--json');
  assert.equal(checked.code, 0, checked.stdout.toString());
  assert.equal((JSON.parse(checked.stdout.toString()) as { id: string }).id, one.id);
});

test('a folder beside other files, and none beside bundles of another medium', async (t) => {
  if (!needs(t, 'grub-mkimage')) return;
  const root = await lateRoot();
  const stick = join(folder, 'stick');
  mkdirSync(stick);
  writeFileSync(join(stick, 'letter.txt'), 'stays');
  const words = ['folder', '--root', root, '-o', stick, ...SMALL];
  const { id } = await made(...words);
  assert.deepEqual(readdirSync(stick).sort(), ['EFI', 'boot', 'kindling', 'letter.txt']);
  assert.equal(readFileSync(join(stick, 'kindling/medium'), 'utf8').split('\n')[0], id);
  writeFileSync(join(stick, 'kindling/03-other.sb'), '');
  const ran = await kindling('live', ...words);
  assert.equal(ran.code, 3);
  assert.match(ran.stderr, /03-other\.sb/);
});

test('a stick with FAT32 whose bundles are made several, since none may be so large; stacked they are the same root', async (t) => {
  if (!needs(t, 'grub-mkimage', 'fsck.fat')) return;
  const root = await lateRoot();
  const image = join(folder, 'split.img');
  const { bundles } = await made('usb', '--root', root, '-o', image, '--data-fs', 'fat32', '--split', '16M', ...MIDDLE);
  const names = bundles.map(({ name }) => name);
  assert.ok(names.length > 1 && names.includes('01-core-1.sb') && !names.includes('01-core.sb'), names.join(' '));
  const listed = JSON.parse((await kindling('list', `${image}@3`, '--json')).stdout.toString()) as {
    entries: { path: string; size?: number }[];
  };
  const held = listed.entries.filter(({ path }) => path.endsWith('.sb'));
  assert.deepEqual(
    held.map(({ path }) => path),
    names.map((name) => `kindling/${name}`),
  );
  assert.ok(held.every(({ size = 0 }) => size > 0 && size < 16 << 20));
  assert.equal((await kindling('verify', image)).code, 0);
  const order = await kindling('bundle', 'order', `${image}@3`, '--json');
  const found = (JSON.parse(order.stdout.toString()) as { findings: { code: string }[] }).findings;
  assert.deepEqual(
    found.filter(({ code }) => code === 'order-by-name' || code === 'idle-whiteout'),
    [],
  );
});

test('a folder with a file for changes, which stays when the folder is made again', async (t) => {
  if (!needs(t, 'grub-mkimage', 'mke2fs', 'debugfs', 'dumpe2fs', 'e2fsck')) return;
  const root = await lateRoot();
  const stick = join(folder, 'keeps');
  const words = ['folder', '--root', root, '-o', stick, '--changes', '16M', ...SMALL];
  await made(...words);
  const changes = join(stick, 'kindling/changes.img');
  assert.equal(statSync(changes).size, 16 << 20);
  const facts = await mustRun(tool('dumpe2fs'), ['-h', changes]);
  assert.match(facts, /volume name: +kindling-changes/);
  await mustRun(tool('e2fsck'), ['-fn', changes]);
  writeFileSync(changes, 'what a person has changed');
  const again = await kindling('live', ...words);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /changes\.img is there already and stays/);
  assert.equal(readFileSync(changes, 'utf8'), 'what a person has changed');
});

test('-n says what would be made and makes nothing', async () => {
  const path = join(folder, 'never.img');
  const ran = await kindling('live', 'usb', '--root', await lateRoot(), '-o', path, '-n');
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout.toString(), /would write .*never\.img/);
  assert.match(ran.stdout.toString(), /02-modules\.sb: \d+ entries/);
  assert.throws(() => readFileSync(path), { code: 'ENOENT' });
});

test('what is refused', async () => {
  const cases: readonly (readonly [words: readonly string[], code: number, message: RegExp])[] = [
    [['floppy'], 2, /"floppy" is none of iso, usb, disk, folder, write/],
    [['iso', '-o', 'x.iso'], 2, /one of --root ROOT and --packages LIST/],
    [['iso', '--root', '/nowhere'], 2, /-o is missing/],
    [['iso', '--root', '/nowhere', '-o', 'x.iso', '--size', '1G'], 2, /--size is for usb and disk/],
    [['iso', '--root', '/nowhere', '-o', 'x.iso', '--label', 'lower'], 2, /--label/],
    [['iso', '--root', '/nowhere', '-o', 'x.iso', '--split', '4K'], 2, /--split: at least 1M/],
    [['iso', '--root', '/nowhere', '-o', 'x.iso'], 3, /nowhere/],
  ];
  for (const [words, code, message] of cases) {
    const ran = await kindling('live', ...words);
    assert.equal(ran.code, code, `${words.join(' ')}: ${ran.stderr}`);
    assert.match(ran.stderr, message);
  }
});
