// Bundles that were split, as Linux shows them: mounted and laid over each other they are the root that one bundle is.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lateRoot } from './boots/early-world.ts';
import { needs, tool } from './tools.ts';
import { CLONE, mustRun, run } from './world/index.ts';

// $1: the folder of both media. Layers are named highest first.
const MOUNTS = `set -e
cd "$1"
mkdir -p m/whole m/union
lower=
for file in split/kindling/*.sb; do
  name=m/$(basename "$file" .sb)
  mkdir -p "$name"
  mount -t squashfs -o loop,ro "$file" "$name" || exit 77
  lower=$PWD/$name\${lower:+:$lower}
done
mount -t squashfs -o loop,ro whole/kindling/01-core.sb m/whole || exit 77
mount -t overlay -o "ro,lowerdir=$lower" none m/union || exit 77
for name in whole union; do
  cd "$1/m/$name"
  find . -type d -printf '%P %y %m %U %G %T@\\n' -o -printf '%P %y %m %U %G %s %T@ %n %l\\n' | LC_ALL=C sort >"$1/$name.txt"
  find . -type f | LC_ALL=C sort | xargs sha256sum >>"$1/$name.txt"
done
`;

test('a root in several bundles is the same root to Linux', async (t) => {
  if (!needs(t, 'grub-mkimage', 'unshare', 'mount')) return;
  const folder = mkdtempSync(join(tmpdir(), 'kindling-live-split-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const root = await lateRoot();
  const words = ['live', 'folder', '--root', root, '--one-bundle', '--exclude', 'usr/lib/modules/*/kernel/drivers', '--all-root'];
  const env = { XDG_CACHE_HOME: join(folder, 'cache') };
  for (const [name, ...more] of [['whole'], ['split', '--split', '16M']]) {
    const codecs = ['--codec', 'zstd:1', '--archive-codec', 'zstd:1'];
    await mustRun(join(CLONE, 'bin/kindling'), [...words, ...codecs, ...more, '-o', join(folder, name!)], { env, timeout: 300_000 });
  }
  const ran = await run(tool('unshare'), ['--mount', 'sh', '-c', MOUNTS, 'sh', folder], { timeout: 120_000 });
  if (ran.code === 77 || /unshare failed/.test(ran.stderr)) return t.skip(`images cannot be mounted here: ${ran.stderr.trim()}`);
  assert.equal(ran.code, 0, ran.stderr);
  const [whole, union] = ['whole', 'union'].map((name) => readFileSync(join(folder, `${name}.txt`), 'utf8'));
  assert.ok(whole!.split('\n').length > 1000);
  assert.equal(union, whole);
});
