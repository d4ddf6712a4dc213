// What the kernel shows when it lays a bundle over others is what the planner computed: lower layer and difference as squashfs images,
// mounted with overlayfs in a mount namespace of its own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { bytesSource, readAll, utf8 } from '../src/bytes/index.ts';
import { written } from '../src/formats/squashfs/written.fixture.ts';
import * as tar from '../src/formats/tar/index.ts';
import { differenceLayer, opaque, overlayForm, unionOf, whiteout } from '../src/media/bundles/index.ts';
import { sha256 } from '../src/node/digest.ts';
import { directory, type Entry, file, makeTree, printManifest, type Tree, withParents } from '../src/tree/index.ts';
import { normal, trees } from '../src/tree/trees.fixture.ts';
import { needs, tool } from './tools.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
const CASES = 8;
const SEED = 20261121;
let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-overlay-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Mounts the images over each other, the lowest first, and gives what tar reads there; or why this machine cannot. */
function shownByKernel(layers: readonly string[]): Tree | string {
  const out = join(folder, 'shown.tar');
  const script = [
    'set -e; mount --make-rprivate /; top=$1; out=$2; shift 2; mkdir -p "$top"; mount -t tmpfs tmpfs "$top"; lower=; n=0',
    'for one; do n=$((n+1)); mkdir "$top/$n"; mount -t squashfs -o ro,loop "$one" "$top/$n"; test -z "$lower" || lower=":$lower"; lower="$top/$n$lower"; done',
    'mkdir "$top/all" "$top/up" "$top/work"',
    'mount -t overlay overlay -o "lowerdir=$lower,upperdir=$top/up,workdir=$top/work" "$top/all"',
    'tar --create --xattrs --xattrs-include="*" --numeric-owner --format=posix --file "$out" -C "$top/all" .',
  ].join('\n');
  const argv = ['-m', 'sh', '-c', script, 'sh', join(folder, 'mounts'), out, ...layers];
  const { status, stderr } = spawnSync(tool('unshare'), argv, { encoding: 'utf8', timeout: 60_000 });
  return status === 0 ? tar.decode(bytesSource(readFileSync(out))) : stderr.trim();
}

/** Entries, times and contents as text; the root's own entry apart, which overlayfs takes from its upper directory. */
function text(tree: Tree): string {
  const shown = normal(tree)
    .entries.filter(({ path }) => path !== '')
    .map((entry) => (entry.kind === 'symlink' ? { ...entry, mode: 0o777 } : entry));
  const lines = printManifest(makeTree(shown)).trimEnd().split('\n');
  const facts = shown.map((entry) => `${entry.mtime} ${entry.kind === 'file' ? sha256(readAll(entry.content)) : ''}`);
  return [...lines, ...facts].join('\n');
}

const at = (path: string, content = path): Entry => ({ ...file(path, bytesSource(utf8(content))), mtime: 1_600_000_000 });
const tree = (...entries: Entry[]): Tree => makeTree(withParents([directory(''), ...entries]));

/** No whiteouts in what is meant to be seen, no sockets (tar leaves them out). */
function visible(one: Tree): Tree {
  const isKept = (entry: Entry | undefined) =>
    entry !== undefined && entry.kind !== 'socket' && !(entry.kind === 'char' && entry.major + entry.minor === 0);
  return makeTree([
    directory(''),
    ...normal(makeTree(one.entries.filter((entry) => isKept(entry.kind === 'hardlink' ? one.get(entry.to) : entry)))).entries.filter(
      ({ path }) => path !== '',
    ),
  ]);
}

test('the kernel shows of bundle over bundle what was computed', async (t) => {
  if (!needs(t, 'unshare', 'tar', 'mount')) return;
  if (process.getuid?.() !== 0) return t.skip('mounting needs root');
  const layers: Tree[] = [
    tree(at('etc/a'), at('etc/b'), at('dir/x'), at('dir/y'), at('deep/er/est/z'), at('file-then-directory'), at('gone/all/of/it')),
    tree(
      at('etc/a', 'newer'),
      whiteout('etc/b'),
      opaque(directory('dir')),
      at('dir/only'),
      at('file-then-directory/inside'),
      whiteout('gone'),
    ),
    overlayForm(tree(at('deep/er/.wh.est', ''), at('dir/.wh..wh..opq', ''), at('dir/third'), at('gone/back'))).tree,
  ];
  const images: string[] = [];
  for (const [index, layer] of layers.entries()) {
    images.push(join(folder, `${index}.sb`));
    writeFileSync(images[index]!, await written(layer, { codec: 'zstd:1', threads: 0 }));
  }
  mkdirSync(join(folder, 'mounts'), { recursive: true });
  const shown = shownByKernel(images);
  if (typeof shown === 'string') return t.skip(`the kernel here mounts no squashfs or overlay: ${shown}`);
  assert.equal(text(shown), text(unionOf(layers.map((one, index) => ({ name: `${index}.sb`, tree: one }))).tree));
  assert.deepEqual(
    shown.entries.filter(({ kind }) => kind !== 'directory').map(({ path }) => path),
    ['dir/third', 'etc/a', 'file-then-directory/inside', 'gone/back'],
  );
});

test('the difference of two trees, mounted over the first, is the second', async (t) => {
  if (!needs(t, 'unshare', 'tar', 'mount')) return;
  if (process.getuid?.() !== 0) return t.skip('mounting needs root');
  const pairs = fc.sample(fc.tuple(trees, trees, fc.array(fc.nat(30), { maxLength: 20 })), { numRuns: CASES, seed: SEED });
  for (const [a, b, kept] of pairs) {
    const lower = visible(a);
    // something stays as it is, something does not
    const stays = kept.flatMap((index) => lower.entries[index] ?? []).filter(({ kind }) => kind !== 'hardlink');
    const mixed = new Map(visible(b).entries.map((entry) => [entry.path, entry]));
    for (const entry of stays) {
      const parent = entry.path.slice(0, Math.max(0, entry.path.lastIndexOf('/')));
      const isFree = !mixed.has(entry.path) && mixed.get(parent)?.kind === 'directory';
      if (isFree) mixed.set(entry.path, entry);
    }
    const upper = makeTree(mixed.values());
    const { tree: layer } = differenceLayer(lower, upper);
    const images = [join(folder, 'lower.sb'), join(folder, 'layer.sb')];
    writeFileSync(images[0]!, await written(lower, { codec: 'zstd:1', threads: 0 }));
    writeFileSync(images[1]!, await written(layer, { codec: 'zstd:1', threads: 0 }));
    const shown = shownByKernel(images);
    if (typeof shown === 'string') return t.skip(`the kernel here mounts no squashfs or overlay: ${shown}`);
    assert.equal(text(shown), text(upper));
  }
});

test('the upper directory of an overlay that was in use becomes a bundle that shows the same', async (t) => {
  if (!needs(t, 'unshare', 'tar', 'mount', 'getfattr')) return;
  if (process.getuid?.() !== 0) return t.skip('mounting needs root');
  const lower = tree(at('etc/a'), at('etc/b'), at('dir/x'), at('dir/y'), at('deep/er/z'), at('moved/inside'), at('name'));
  const base = join(folder, 'base.sb');
  writeFileSync(base, await written(lower, { codec: 'zstd:1', threads: 0 }));
  const [upper, seen] = [join(folder, 'upper'), join(folder, 'seen.tar')];
  const script = [
    'set -e; mount --make-rprivate /; top=$1; upper=$2; seen=$3; mkdir -p "$top"; mount -t tmpfs tmpfs "$top"',
    'mkdir "$top/lower" "$top/up" "$top/work" "$top/all"; mount -t squashfs -o ro,loop "$4" "$top/lower"',
    'mount -t overlay overlay -o "lowerdir=$top/lower,upperdir=$top/up,workdir=$top/work" "$top/all"; cd "$top/all"',
    'echo new >etc/a; rm etc/b; rm -r dir; mkdir dir; echo 1 >dir/only; mv moved moved-away; chmod 600 name; echo l >one; ln one two; rm -r deep',
    'mkdir -p var/log tmp; echo noise >var/log/x; ln -s etc/a link; cd /',
    'tar --create --xattrs --xattrs-include="*" --numeric-owner --format=posix --file "$seen" -C "$top/all" .; umount "$top/all"',
    'mkdir "$upper" "$upper/work"; cp -a "$top/up" "$upper/rw"',
  ].join('\n');
  const argv = ['-m', 'sh', '-c', script, 'sh', join(folder, 'mounts'), upper, seen, base];
  const { status, stderr } = spawnSync(tool('unshare'), argv, { encoding: 'utf8', timeout: 60_000 });
  if (status !== 0) return t.skip(`the kernel here mounts no squashfs or overlay: ${stderr.trim()}`);
  const bundle = join(folder, '50-session.sb');
  const made = spawnSync(KINDLING, ['bundle', 'make', '--changes', upper, '-o', bundle, '--volatile'], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  const shown = shownByKernel([base, bundle]);
  assert.ok(typeof shown !== 'string', String(shown));
  assert.equal(text(shown), text(tar.decode(bytesSource(readFileSync(seen)))));
  assert.ok(shown.get('dir/only') !== undefined && shown.get('dir/x') === undefined && shown.get('moved-away/inside') !== undefined);
});
