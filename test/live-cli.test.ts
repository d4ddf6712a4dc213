// `kindling live` from the command line, on a small root with a real kernel: an ISO image made twice, a folder, what is refused.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lateRoot } from './boots/early-world.ts';
import { needs } from './tools.ts';
import { CLONE, type Ran, run } from './world/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-live-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

// drivers are in the root for the archive to choose from; a bundle of all would only take time to pack
const SMALL = ['--exclude', 'usr/lib/modules/*/kernel', '--codec', 'zstd:1', '--archive-codec', 'zstd:1'];

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
    [['iso', '--root', '/nowhere', '-o', 'x.iso'], 3, /nowhere/],
  ];
  for (const [words, code, message] of cases) {
    const ran = await kindling('live', ...words);
    assert.equal(ran.code, code, `${words.join(' ')}: ${ran.stderr}`);
    assert.match(ran.stderr, message);
  }
});
