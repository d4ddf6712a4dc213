// What mksquashfs writes, over codecs, block sizes, uses of fragments and what is left uncompressed; and images at the edges of the format.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tool } from '../../../test/tools.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { fileSource } from '../../node/source.ts';
import { normal } from '../../tree/trees.fixture.ts';
import { featureTree } from './features.fixture.ts';
import { ready, same, unpack } from './foreign.fixture.ts';
import { check, decode } from './index.ts';

const EDGE = 16384;
const tree = normal(featureTree(EDGE, 300));
const folder = mkdtempSync(join(tmpdir(), 'kindling-squashfs-matrix-'));
after(() => rmSync(folder, { recursive: true, force: true }));
before(() => unpack(tree, folder, EDGE));

const CODECS: readonly (readonly string[])[] = [
  ['gzip'],
  ['gzip', '-Xcompression-level', '1', '-Xwindow-size', '8', '-Xstrategy', 'fixed,run_length_encoded'],
  ['lzma'],
  ['lzo', '-Xalgorithm', 'lzo1x_1_15'],
  ['lzo', '-Xalgorithm', 'lzo1x_999', '-Xcompression-level', '9'],
  ['xz', '-Xbcj', 'x86,powerpc,ia64,arm,armthumb,sparc'],
  ['xz', '-Xdict-size', '8192'],
  ['lz4', '-Xhc'],
  ['zstd', '-Xcompression-level', '19'],
];
const FRAGMENTS: readonly (readonly string[])[] = [[], ['-no-fragments'], ['-always-use-fragments']];
const RAW: readonly (readonly string[])[] = [
  ['-noI'],
  ['-noId'],
  ['-noD'],
  ['-noF'],
  ['-noX'],
  ['-noI', '-noF'],
  ['-noD', '-noX', '-noId'],
];

function pack(from: string, options: readonly string[]): string {
  const image = join(folder, 'image.sq');
  const words = [from, image, '-noappend', '-no-progress', '-quiet', '-xattrs', ...options];
  execFileSync(tool('mksquashfs'), words, { cwd: folder, stdio: 'pipe' });
  return image;
}

for (const codec of CODECS) {
  test(`mksquashfs, ${codec.join(' ')}: block sizes and fragments`, (t) => {
    if (!ready(t, 'mksquashfs')) return;
    for (const blockSize of [4096, EDGE, 1 << 20]) {
      // a dictionary may not be larger than a block
      if (codec.includes('8192') && blockSize < 8192) continue;
      for (const fragments of FRAGMENTS) {
        const { facts } = same(pack('tree', ['-comp', ...codec, '-b', String(blockSize), ...fragments]), tree);
        assert.equal(facts.blockSize, blockSize);
        assert.equal(facts.compressor, codec[0]);
      }
    }
  });
}

for (const options of RAW) {
  test(`mksquashfs, ${options.join(' ')}`, (t) => {
    if (!ready(t, 'mksquashfs')) return;
    for (const codec of ['gzip', 'xz', 'lz4']) same(pack('tree', ['-comp', codec, ...options]), tree);
  });
}

test('one directory of 40000 names, with an index', (t) => {
  if (!ready(t, 'mksquashfs')) return;
  const names = Array.from({ length: 40_000 }, (_, index) => `a-name-of-some-length-${(index * 7919) % 40_000}`);
  mkdirSync(join(folder, 'wide'));
  for (const name of names) writeFileSync(join(folder, 'wide', name), name.slice(-5));
  const image = pack('wide', ['-comp', 'zstd']);
  const { tree: found } = decode(fileSource(image), { decoders: nodeDecoders() });
  assert.equal(found.entries.length, names.length + 1);
  for (const name of names.slice(0, 200)) {
    const entry = found.get(name);
    assert.ok(entry?.kind === 'file');
    assert.equal(Buffer.from(entry.content.read(0, entry.content.size)).toString(), name.slice(-5));
  }
  assert.deepEqual(check(fileSource(image), { decoders: nodeDecoders() }), []);
});

test('65534 owners besides root', (t) => {
  if (!ready(t, 'mksquashfs')) return;
  mkdirSync(join(folder, 'none'));
  const owners = Array.from({ length: 32_767 }, (_, index) => `o${index} d 755 ${index + 1} ${index + 100_000}`);
  writeFileSync(join(folder, 'owners'), `${owners.join('\n')}\n`);
  const { facts, tree: found } = decode(fileSource(pack('none', ['-pf', 'owners'])), { decoders: nodeDecoders() });
  assert.equal(facts.idCount, 65_535);
  for (const index of [0, 1, 2047, 2048, 20_000, 32_766]) {
    const entry = found.get(`o${index}`)!;
    assert.deepEqual([entry.uid, entry.gid], [index + 1, index + 100_000]);
  }
});

test('a file of 3 GiB that is a hole but for its start', (t) => {
  if (!ready(t, 'mksquashfs')) return;
  const size = 3 * 2 ** 30;
  mkdirSync(join(folder, 'hole'));
  execFileSync('dd', ['if=/dev/urandom', 'of=hole/file', 'bs=4096', 'count=1', 'conv=notrunc'], { cwd: folder, stdio: 'pipe' });
  execFileSync('truncate', ['-s', String(size), 'hole/file'], { cwd: folder });
  const image = pack('hole', ['-comp', 'lz4', '-b', '1M']);
  const entry = decode(fileSource(image), { decoders: nodeDecoders() }).tree.get('file');
  assert.ok(entry?.kind === 'file');
  assert.equal(entry.content.size, size);
  assert.ok(entry.content.read(0, 4096).some((byte) => byte !== 0));
  assert.ok(entry.content.read(size - 5_000_000, 5_000_000).every((byte) => byte === 0));
  assert.deepEqual(check(fileSource(image), { decoders: nodeDecoders() }), []);
});
