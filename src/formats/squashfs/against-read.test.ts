// What mksquashfs and squashfs-tools-ng write, as we read it: every option that changes the layout. And unsquashfs' word for single files.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tool } from '../../../test/tools.ts';
import { bytesSource } from '../../bytes/index.ts';
import { pureDecoders } from '../../codecs/index.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { sha256 } from '../../node/digest.ts';
import { fileSource } from '../../node/source.ts';
import { type Entry, makeTree, printManifest, type Tree } from '../../tree/index.ts';
import { normal } from '../../tree/trees.fixture.ts';
import { featureTree } from './features.fixture.ts';
import { manifest, ready, same, unpack } from './foreign.fixture.ts';
import { check, decode } from './index.ts';

const BLOCK_SIZE = 65536;
const tree = normal(featureTree(BLOCK_SIZE, 800));
const folder = mkdtempSync(join(tmpdir(), 'kindling-squashfs-read-'));
after(() => rmSync(folder, { recursive: true, force: true }));

before(() => unpack(tree, folder, BLOCK_SIZE));

function withoutXattrs(from: Tree): Tree {
  return makeTree(
    from.entries.map((entry) => {
      const { xattrs: _, ...rest } = entry;
      return rest as Entry;
    }),
  );
}

const MKSQUASHFS: readonly (readonly [title: string, ...options: string[]])[] = [
  ['gzip'],
  ['zstd', '-comp', 'zstd', '-Xcompression-level', '3'],
  ['lz4', '-comp', 'lz4'],
  ['lz4 HC', '-comp', 'lz4', '-Xhc'],
  ['lzo', '-comp', 'lzo'],
  ['lzo, another algorithm', '-comp', 'lzo', '-Xalgorithm', 'lzo1x_1'],
  ['xz', '-comp', 'xz'],
  ['xz with filters and a small dictionary', '-comp', 'xz', '-Xbcj', 'x86,arm,sparc', '-Xdict-size', '50%'],
  ['lzma', '-comp', 'lzma'],
  ['gzip with settings', '-comp', 'gzip', '-Xcompression-level', '3', '-Xwindow-size', '10', '-Xstrategy', 'default,filtered,huffman_only'],
  ['everything raw', '-noI', '-noId', '-noD', '-noF', '-noX'],
  ['raw inodes', '-noI'],
  ['raw data', '-noD'],
  ['raw fragments', '-noF'],
  ['no fragments', '-no-fragments'],
  ['tail ends', '-always-use-fragments'],
  ['no duplicates, no sparse files', '-no-duplicates', '-no-sparse'],
  ['no export table', '-no-exports'],
  ['4 KiB blocks', '-b', '4096', '-always-use-fragments'],
  ['1 MiB blocks', '-b', '1M'],
  ['no padding', '-nopad'],
];

for (const [title, ...options] of MKSQUASHFS) {
  test(`mksquashfs, ${title}`, (t) => {
    if (!ready(t, 'mksquashfs')) return;
    const words = ['tree', 'image.sq', '-noappend', '-no-progress', '-quiet', '-xattrs', ...options];
    execFileSync(tool('mksquashfs'), words, { cwd: folder, stdio: 'pipe' });
    same(join(folder, 'image.sq'), tree);
  });
}

test('mksquashfs, no attributes', (t) => {
  if (!ready(t, 'mksquashfs')) return;
  execFileSync(tool('mksquashfs'), ['tree', 'image.sq', '-noappend', '-no-progress', '-quiet', '-no-xattrs'], {
    cwd: folder,
    stdio: 'pipe',
  });
  same(join(folder, 'image.sq'), withoutXattrs(tree));
});

test('mksquashfs, appended to, pseudo files, several sources', (t) => {
  if (!ready(t, 'mksquashfs')) return;
  writeFileSync(join(folder, 'more'), 'more\n');
  const first = ['tree', 'image.sq', '-noappend', '-no-progress', '-quiet', '-keep-as-directory'];
  execFileSync(
    tool('mksquashfs'),
    [...first, '-p', 'made d 755 1 2', '-p', 'made/null c 666 0 0 1 3', '-p', 'made/said f 644 3 4 echo said'],
    {
      cwd: folder,
      stdio: 'pipe',
    },
  );
  execFileSync(tool('mksquashfs'), ['more', 'image.sq', '-no-progress', '-quiet'], { cwd: folder, stdio: 'pipe' });
  const { tree: found } = decode(fileSource(join(folder, 'image.sq')), { decoders: nodeDecoders() });
  assert.equal(found.get('made/null')?.kind, 'char');
  const said = found.get('made/said');
  assert.ok(said?.kind === 'file' && said.uid === 3);
  assert.equal(Buffer.from(said.content.read(0, said.content.size)).toString(), 'said\n');
  const more = found.get('more');
  assert.ok(more?.kind === 'file' && more.content.size === 5);
  assert.equal(found.entries.filter(({ path }) => path.startsWith('tree/')).length, tree.entries.length - 1);
});

for (const codec of ['gzip', 'xz', 'zstd', 'lz4', 'lzo']) {
  test(`gensquashfs, ${codec}`, (t) => {
    if (!ready(t, 'gensquashfs')) return;
    const words = [
      '--pack-dir',
      'tree',
      '--keep-time',
      '--keep-xattr',
      '--exportable',
      '-c',
      codec,
      '-b',
      String(BLOCK_SIZE),
      '-f',
      '-q',
      'ng.sq',
    ];
    execFileSync(tool('gensquashfs'), words, { cwd: folder, stdio: 'pipe' });
    const { tree: found } = decode(fileSource(join(folder, 'ng.sq')), { decoders: nodeDecoders() });
    // It gives hard links of other things than files inodes of their own, and the root its own metadata.
    const contents = (of: Tree): string[] =>
      of.entries.flatMap((entry) => {
        const real = entry.kind === 'hardlink' ? of.get(entry.to)! : entry;
        return real.kind === 'file' ? [`${entry.path} ${real.mode} ${real.uid} ${real.mtime} ${real.content.size}`] : [];
      });
    assert.deepEqual(contents(found), contents(tree));
    const errors = check(fileSource(join(folder, 'ng.sq')), { decoders: nodeDecoders() }).filter(({ severity }) => severity === 'error');
    assert.deepEqual(errors, []);
  });
}

test('tar2sqfs, from a tar archive with attributes', (t) => {
  if (!ready(t, 'tar2sqfs')) return;
  execFileSync('tar', ['--xattrs', '--xattrs-include=*', '-cf', 'tree.tar', '-C', 'tree', '.'], { cwd: folder, stdio: 'pipe' });
  execFileSync(tool('tar2sqfs'), ['-f', '-q', '-c', 'zstd', 'tar.sq'], {
    cwd: folder,
    input: readFileSync(join(folder, 'tree.tar')),
    stdio: 'pipe',
  });
  const { tree: found } = decode(fileSource(join(folder, 'tar.sq')), { decoders: nodeDecoders() });
  for (const path of ['attributes/two', 'attributes/one', 'zeros', 'a-link', 'copies/late-500']) {
    const [ours, theirs] = [tree.get(path), found.get(path)];
    const at = (entry: Entry | undefined) =>
      entry !== undefined && printManifest(makeTree([{ ...entry, path: 'x' } as Entry]), { sha256 }).slice(0, 300);
    assert.equal(at(theirs), at(ours), path);
  }
});

test('the pure decoders read the same', (t) => {
  if (!ready(t, 'mksquashfs')) return;
  for (const codec of ['gzip', 'zstd']) {
    const words = ['tree/sizes', 'pure.sq', '-noappend', '-no-progress', '-quiet', '-comp', codec];
    execFileSync(tool('mksquashfs'), words, { cwd: folder, stdio: 'pipe' });
    const bytes = new Uint8Array(readFileSync(join(folder, 'pure.sq')));
    const [pure, native] = [pureDecoders, nodeDecoders()].map((decoders) => decode(bytesSource(bytes), { decoders }).tree);
    assert.equal(manifest(pure!), manifest(native!));
  }
});

test('any range of a file, as unsquashfs -cat gives the whole', (t) => {
  if (!ready(t, 'mksquashfs')) return;
  execFileSync(tool('mksquashfs'), ['tree', 'cat.sq', '-noappend', '-no-progress', '-quiet', '-b', '8192'], { cwd: folder, stdio: 'pipe' });
  const { tree: found } = decode(fileSource(join(folder, 'cat.sq')), { decoders: nodeDecoders() });
  for (const path of ['holes', `sizes/prose-${3 * BLOCK_SIZE + 777}`, `sizes/noise-${BLOCK_SIZE + 1}`, 'sizes/prose-100', 'zeros']) {
    const whole = execFileSync(tool('unsquashfs'), ['-cat', 'cat.sq', path], { cwd: folder, maxBuffer: 2 ** 28 });
    const entry = found.get(path);
    assert.ok(entry?.kind === 'file' && entry.content.size === whole.length);
    for (const at of [0, 1, 8191, 8192, 8193, 20000, whole.length - 10].filter((from) => from >= 0 && from < whole.length)) {
      for (const size of [0, 1, 100, 8192, 8193, 40000].filter((count) => at + count <= whole.length)) {
        assert.deepEqual(Buffer.from(entry.content.read(at, size)), whole.subarray(at, at + size), `${path} ${at} ${size}`);
      }
    }
    assert.throws(() => entry.content.read(whole.length, 1), { code: 'TRUNCATED' });
  }
});
