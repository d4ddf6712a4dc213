// FAT images and partitioned disks as images: listed, read, compared and planned from like any other; IMAGE@N names a partition.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { asFat, sampleTree, volumeOf } from '../src/formats/fat/fat.fixture.ts';
import { encode, guidFromDigest, PARTITION_TYPES } from '../src/formats/partitions/index.ts';
import { nodeDecoders } from '../src/node/codecs.ts';
import { sha256 } from '../src/node/digest.ts';
import { imageTree, openRoot } from '../src/node/open-root.ts';
import { printManifest } from '../src/tree/index.ts';

const KINDLING = join(import.meta.dirname, '../bin/kindling');
const MIB = 1 << 20;
const VOLUME = volumeOf(sampleTree(), 12);
const MANIFEST = printManifest(asFat(sampleTree()), { sha256 });

/** A disk of 8 MiB with as many partitions of 2 MiB as are given contents. */
function disk(...contents: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(8 * MIB);
  const guids = Array.from({ length: contents.length + 1 }, (_, index) => guidFromDigest(new Uint8Array(16).fill(index + 1)));
  const { primary, backup, backupAt } = encode({
    scheme: 'gpt',
    size: bytes.length,
    diskGuid: guids[0]!,
    partitions: contents.map((_, index) => ({
      firstByte: (1 + index * 2) * MIB,
      size: 2 * MIB,
      type: PARTITION_TYPES.linux,
      guid: guids[index + 1]!,
      name: '',
    })),
  });
  bytes.set(primary);
  bytes.set(backup, backupAt);
  for (const [index, content] of contents.entries()) bytes.set(content, (1 + index * 2) * MIB);
  return bytes;
}

function files(t: TestContext, images: Readonly<Record<string, Uint8Array>>): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-disks-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, bytes] of Object.entries(images)) writeFileSync(join(folder, name), bytes);
  return (name) => join(folder, name);
}

const nothing = new Uint8Array(0);
const manifestOf = async (path: string) => printManifest(await imageTree(path, nodeDecoders()), { sha256 });

test('a FAT image, a disk with one in a partition, and that partition by its number are the same tree', async (t) => {
  const path = files(t, { 'fat.img': VOLUME, 'disk.img': disk(nothing, VOLUME) });
  for (const name of ['fat.img', 'disk.img', 'disk.img@2']) assert.equal(await manifestOf(path(name)), MANIFEST, name);
  const root = await openRoot([path('disk.img@2')], nodeDecoders());
  assert.equal(root.entry('boot/grub/grub.cfg')?.kind, 'file');
});

test('of several partitions with file systems one must be named; one without is told, and one that is not there', async (t) => {
  const path = files(t, { 'disk.img': disk(VOLUME, VOLUME, nothing), 'empty.img': disk(nothing), 'odd@2': VOLUME, odd: disk(nothing) });
  await assert.rejects(manifestOf(path('disk.img')), { code: 'UNSUPPORTED', message: /partitions 1 \(fat\), 2 \(fat\)/ });
  await assert.rejects(manifestOf(path('empty.img')), { code: 'UNSUPPORTED', message: /none of its 1 partitions/ });
  await assert.rejects(manifestOf(path('disk.img@3')), { code: 'UNRECOGNISED' });
  await assert.rejects(manifestOf(path('disk.img@9')), { code: 'NO_ENTRY', message: /no partition 9; it has 1, 2, 3/ });
  await assert.rejects(manifestOf(path('none.img@1')), { code: 'NO_ENTRY' });
  assert.equal(await manifestOf(path('disk.img@2')), MANIFEST);
  // a file of that very name wins
  assert.equal(await manifestOf(path('odd@2')), MANIFEST);
});

test('the verbs take them', (t) => {
  const path = files(t, { 'fat.img': VOLUME, 'disk.img': disk(VOLUME, VOLUME) });
  const run = (...argv: string[]) => spawnSync(KINDLING, argv, { encoding: 'utf8' });
  const listed = run('list', path('disk.img@1'));
  assert.equal(listed.status, 0, listed.stderr);
  assert.ok(listed.stdout.split('\n').includes('kindling/01-core.sb'));
  assert.equal(run('list', path('disk.img')).status, 3);
  assert.equal(run('diff', path('fat.img'), path('disk.img@2')).status, 0);
  const cat = spawnSync(KINDLING, ['cat', path('disk.img@2'), 'boot/grub/grub.cfg']);
  assert.deepEqual([cat.status, sha256(cat.stdout)], [0, sha256(contentOf('boot/grub/grub.cfg'))]);
});

function contentOf(path: string): Uint8Array {
  const entry = sampleTree().get(path);
  assert.ok(entry?.kind === 'file');
  return entry.content.read(0, entry.content.size);
}
