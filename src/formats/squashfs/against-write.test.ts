// What we write, as unsquashfs reads it: every file with its content, metadata and attributes, over a matrix of options.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isCi, needs, tool } from '../../../test/tools.ts';
import { nameToBytes } from '../../bytes/index.ts';
import { sha256 } from '../../node/digest.ts';
import { directoryTree } from '../../node/directory.ts';
import { type Entry, makeTree, printManifest } from '../../tree/index.ts';
import { normal } from '../../tree/trees.fixture.ts';
import { featureTree } from './features.fixture.ts';
import { ENCODE_DEFAULTS } from './index.ts';
import { MATRIX, written } from './written.fixture.ts';

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-squashfs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The attributes of everything below a folder, as getfattr prints them. */
function attributesBelow(folder: string): Map<string, Map<string, Uint8Array>> {
  const words = ['-R', '-h', '-P', '-d', '-m', '-', '-e', 'hex', '--absolute-names', '.'];
  const text = execFileSync(tool('getfattr'), words, { cwd: folder, encoding: 'latin1', maxBuffer: 2 ** 26 });
  const found = new Map<string, Map<string, Uint8Array>>();
  for (const block of text.split('\n\n')) {
    const [head = '', ...lines] = block.split('\n');
    const path = head.replace(/^# file: \.\/?/, '');
    const pairs = lines.flatMap((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [] : [[line.slice(0, at), new Uint8Array(Buffer.from(line.slice(at + 3), 'hex'))] as const];
    });
    if (head !== '') found.set(path, new Map(pairs));
  }
  return found;
}

/** A folder as a manifest, attributes included. */
function manifestBelow(folder: string): string {
  const attributes = attributesBelow(folder);
  const withAttributes = (entry: Entry): Entry => {
    const xattrs = entry.kind === 'hardlink' ? undefined : attributes.get(entry.path);
    return xattrs === undefined ? entry : { ...entry, xattrs };
  };
  return printManifest(makeTree(directoryTree(folder).entries.map(withAttributes)), { sha256 });
}

function isRoot(t: TestContext): boolean {
  if (process.getuid?.() === 0) return true;
  assert.ok(!isCi(), 'needs root (CI is set, so nothing is skipped)');
  t.skip('needs root, which alone can make devices and give files away');
  return false;
}

for (const [title, choices] of MATRIX) {
  test(`unsquashfs extracts what we wrote: ${title}`, async (t) => {
    if (!needs(t, 'unsquashfs', 'getfattr') || !isRoot(t)) return;
    const folder = scratch(t);
    const tree = featureTree(choices.blockSize ?? ENCODE_DEFAULTS.blockSize);
    const image = await written(tree, choices);
    if (choices.padding !== 0) assert.equal(image.length % 4096, 0);
    writeFileSync(join(folder, 'image'), image);
    const said = execFileSync(tool('unsquashfs'), ['-no-progress', '-strict-errors', '-d', 'out', 'image'], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.match(said, /created/);
    const kept = (entry: Entry): Entry => {
      const { xattrs, ...rest } = entry;
      return choices.xattrs === false || xattrs === undefined ? (rest as Entry) : entry;
    };
    assert.equal(manifestBelow(join(folder, 'out')), printManifest(makeTree(normal(tree).entries.map(kept)), { sha256 }));
  });
}

test('unsquashfs says of the image what we meant', async (t) => {
  if (!needs(t, 'unsquashfs')) return;
  const folder = scratch(t);
  const tree = featureTree(131072, 300);
  writeFileSync(join(folder, 'image'), await written(tree, { codec: 'gzip:3', time: 86400, exportTable: true, fragments: 'always' }));
  const said = execFileSync(tool('unsquashfs'), ['-stat', 'image'], { cwd: folder, encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });
  assert.match(said, /Fri Jan +2 00:00:00 1970/);
  assert.match(said, /Compression gzip\n\tcompression-level 3\n\twindow-size 15\n/);
  assert.match(said, /Block size 131072\n/);
  assert.match(said, /is exportable via NFS/);
  assert.match(said, /Always-use-fragments option is specified/);
  assert.match(said, /Duplicates are removed/);
  const inodeCount = tree.entries.filter((entry) => entry.kind !== 'hardlink').length;
  assert.match(said, new RegExp(`Number of inodes ${inodeCount}\n`));
  const list = execFileSync(tool('unsquashfs'), ['-lln', 'image'], { cwd: folder, encoding: 'latin1' });
  const lines = list.split('\n').filter((line) => line.includes('squashfs-root'));
  assert.equal(lines.length, tree.entries.length);
  assert.ok(
    lines.some((line) => /^-rwsr-xr-x 4294967294\/65534 +5 2106-02-07 06:28 squashfs-root\/deep\/link$/.test(line)),
    list.slice(0, 3000),
  );
  assert.ok(
    lines.some((line) => /^brw------- 0\/0 .*disk$/.test(line)),
    'the block device',
  );
});

test('a file order puts its files first', async (t) => {
  if (!needs(t, 'unsquashfs')) return;
  const tree = featureTree(4096, 10);
  const late = tree.get('sizes/noise-8192');
  assert.ok(late?.kind === 'file');
  const first = async (order?: ReadonlyMap<string, number>) => {
    const image = Buffer.from(await written(tree, { blockSize: 4096, ...(order === undefined ? {} : { order }) }));
    return image.indexOf(late.content.read(0, 4096));
  };
  assert.ok((await first()) > 4096);
  assert.equal(await first(new Map([['sizes/noise-8192', 3]])), 96 + 2 + 4 /* zstd's level */);
  assert.ok((await first(new Map([['sizes/noise-8192', -3]]))) > (await first()));
});

test('names are bytes', async (t) => {
  if (!needs(t, 'unsquashfs')) return;
  const folder = scratch(t);
  writeFileSync(join(folder, 'image'), await written(featureTree(4096, 10), { blockSize: 4096 }));
  const list = execFileSync(tool('unsquashfs'), ['-l', 'image'], { cwd: folder });
  assert.ok(list.includes(Buffer.from(nameToBytes('bytes-\udcff\udc80\n\\ é'))));
});
