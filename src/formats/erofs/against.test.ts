// What mkfs.erofs writes, with each of its options, is read as what was on disk; fsck.erofs unpacks the same.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { findTool, needs } from '../../../test/tools.ts';
import { asciiFrom } from '../../bytes/index.ts';
import { pureDecoders } from '../../codecs/index.ts';
import { directoryTree, fileSource, sha256 } from '../../node/index.ts';
import { type Entry, printManifest, type Tree } from '../../tree/index.ts';
import { check, decode, type ErofsImage } from './index.ts';
import { ATTRIBUTES, addAttributes, canSetAttributes, fillWorld, run } from './world.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-erofs-'));
const top = join(folder, 'top');
const image = join(folder, 'image');
const blob = join(folder, 'blob');

before(() => {
  if (findTool('mkfifo') === undefined) return;
  mkdirSync(top);
  fillWorld(top, true);
  if (canSetAttributes()) addAttributes(top);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Whether the installed mkfs.erofs is at least this version. Its options differ much between Debian releases. */
function hasVersion(t: TestContext, wanted: string): boolean {
  const found = /(\d+)\.(\d+)/
    .exec(run('dump.erofs', ['-V']))
    ?.slice(1)
    .map(Number) ?? [0, 0];
  const [major, minor] = wanted.split('.').map(Number);
  if (found[0]! > major! || (found[0] === major && found[1]! >= minor!)) return true;
  t.skip(`needs mkfs.erofs ${wanted}, ${found.join('.')} is installed; testdata has images of newer ones`);
  return false;
}

function make(...options: string[]): ErofsImage {
  rmSync(image, { force: true });
  rmSync(blob, { force: true });
  run('mkfs.erofs', [...options, image, top]);
  const devices = options.some((option) => option.startsWith('--blobdev')) ? [fileSource(blob)] : [];
  const source = fileSource(image);
  assert.deepEqual(check(source, { decoders: pureDecoders, devices }), []);
  return decode(source, { decoders: pureDecoders, devices });
}

/** Everything but extended attributes, which trees of directories do not have. */
function manifest(tree: Tree, change: Partial<{ uid: number; gid: number; mtime: number; mode: number }> = {}): string {
  const entries = tree.entries.map(({ xattrs: _, ...entry }) => ({ ...entry, ...change }) as Entry);
  return printManifest({ ...tree, entries }, { sha256 });
}

function attributesOf(tree: Tree): string[] {
  return tree.entries
    .flatMap(({ path, xattrs }) => [...(xattrs ?? [])].map(([name, value]) => `${path} ${name}=${asciiFrom(value)}`))
    .sort();
}

function attributesExpected(): string[] {
  return ATTRIBUTES.map(([path, name, value]) => `${firstName(path)} ${name}=${value}`).sort();
}

/** Of several names of a file the first in path order carries what it is. */
function firstName(path: string): string {
  return path === 'mixed' ? 'deep/link' : path;
}

/** Options of Debian 12's mkfs.erofs 1.5, and from which version on others exist. */
const MATRIX: readonly (readonly [options: readonly string[], since?: string])[] = [
  [[]],
  [['-Eforce-inode-compact', '--ignore-mtime', '-T0', '--all-root']],
  [['-Eforce-inode-extended']],
  [['-Enoinline_data']],
  [['-Enosbcrc']],
  [['-x-1']],
  [['-x1']],
  [['--chunksize=4096']],
  [['--chunksize=65536', '-Eforce-chunk-indexes']],
  [['--chunksize=4096', '-Eforce-inode-blockmap']],
  [['--chunksize=16384', `--blobdev=${blob}`]],
  [['-zlz4']],
  [['-zlz4hc,12']],
  [['-zlz4hc', '-C65536']],
  [['-zlz4hc', '-C1048576']],
  [['-zlz4', '-Elegacy-compress']],
  [['-zlz4', '-C16384', '-Elegacy-compress']],
  [['-zlz4hc', '-Eztailpacking']],
  [['-zlz4hc', '-C65536', '-Eztailpacking']],
  [['-zlz4hc', '-Eztailpacking,legacy-compress', '-C8192']],
  [['-zlz4', '--max-extent-bytes=8192']],
  [['-zlz4', '-Eforce-inode-extended,noinline_data']],
  [['-zlz4', '-Efragments', '-C65536'], '1.6'],
  [['-zlz4', '-Eall-fragments', '-C65536'], '1.6'],
  [['-zlz4hc', '-Ededupe', '-C16384'], '1.6'],
  [['-zlz4hc', '-Eall-fragments,dedupe,ztailpacking', '-C65536'], '1.6'],
  [['-b512'], '1.6'],
  [['-b1024', '-zlz4', '-C8192'], '1.6'],
  [['--xattr-prefix=user.long.name.'], '1.7'],
  [['-zlz4', '-Efragments', '--xattr-prefix=user.long.name.'], '1.7'],
  [['-zlzma', '-C65536'], '1.6'],
  [['-zlzma,9', '-C65536', '-Eztailpacking,fragments,dedupe'], '1.7'],
  [['-zdeflate', '-C32768'], '1.7'],
  [['-zdeflate', '-C32768', '-Ededupe,ztailpacking,fragments'], '1.7'],
  [['-zzstd', '-C65536'], '1.8'],
  [['-zzstd', '-C65536', '-Eall-fragments,dedupe,ztailpacking'], '1.8'],
  [['-E48bit'], '1.9'],
  [['-E48bit', '-zlz4hc', '-C65536'], '1.9'],
  [['-E48bit', '-zlz4hc', '-Efragments,dedupe'], '1.9'],
  [['--MZ=id'], '1.9'],
  [['-zlz4', '-m4096'], '1.9'],
  [['-zzstd', '-C65536', '-m4096', '--zD', '-Efragments'], '1.9'],
  [['-zlz4', '-m4096', '-E48bit,plain-xattr-prefixes', '--xattr-prefix=user.long.name.'], '1.9'],
];

for (const [options, since] of MATRIX) {
  test(`mkfs.erofs ${options.map((option) => option.replace(folder, '')).join(' ')}`, (t) => {
    if (!needs(t, 'mkfs.erofs', 'dump.erofs', 'mkfifo')) return;
    if (since !== undefined && !hasVersion(t, since)) return;
    const { tree } = make(...options);
    const settled = options.includes('-T0') ? { mtime: 0, uid: 0, gid: 0 } : {};
    assert.equal(manifest(tree, settled), manifest(directoryTree(top), settled));
    assert.deepEqual(attributesOf(tree), canSetAttributes() && !options.includes('-x-1') ? attributesExpected() : []);
  });
}

test('fsck.erofs unpacks what is read, dump.erofs says what the facts say', (t) => {
  if (!needs(t, 'mkfs.erofs', 'fsck.erofs', 'dump.erofs', 'mkfifo')) return;
  const { tree, facts } = make('-zlz4hc', '-C16384', '-U7f1c2a6e-3f3d-4d59-9d0c-0123456789ab');
  const extracted = join(folder, 'extracted');
  run('fsck.erofs', [`--extract=${extracted}`, '--preserve', image]);
  // it makes a file of each hard link, and 1.5 sets no times and drops set-user-id bits
  const settled = (of: Tree): string[] =>
    manifest(
      { ...of, entries: of.entries.filter(({ kind, path }) => kind === 'file' && tree.get(path)?.kind === 'file') },
      { mtime: 0, mode: 0 },
    ).split('\n');
  const [ours, theirs] = [settled(tree), settled(directoryTree(extracted))];
  assert.deepEqual(
    ours.filter((line) => !theirs.includes(line)),
    [],
  );
  assert.equal(theirs.length, ours.length);
  const dump = run('dump.erofs', ['-s', image]);
  assert.equal(facts.uuid, '7f1c2a6e-3f3d-4d59-9d0c-0123456789ab');
  assert.match(dump, new RegExp(`UUID:\\s+${facts.uuid}`));
  assert.match(dump, new RegExp(`blocks:\\s+${facts.blockCount}\\b`));
  assert.match(dump, new RegExp(`inode count:\\s+${facts.inodeCount}\\b`));
  assert.deepEqual(facts.algorithms, ['lz4']);
});
