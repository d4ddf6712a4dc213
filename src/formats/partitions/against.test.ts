// Partition tables against sgdisk, sfdisk and fdisk, in both directions.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, tool } from '../../../test/tools.ts';
import { fileSource } from '../../node/source.ts';
import { check, decode, encode, type GptOptions, guidFromDigest, type MbrOptions, PARTITION_TYPES } from './index.ts';

const MIB = 1 << 20;
const SIZE = 64 * MIB;
const [DISK, ESP, DATA] = [1, 2, 3].map((seed) => guidFromDigest(new Uint8Array(32).map((_, index) => index * seed + seed)));
const GPT: GptOptions = {
  scheme: 'gpt',
  size: SIZE,
  diskGuid: DISK!,
  partitions: [
    { firstByte: MIB, size: 4 * MIB, type: PARTITION_TYPES.efiSystem, guid: ESP!, name: 'EFI system' },
    { firstByte: 5 * MIB, size: 40 * MIB, type: PARTITION_TYPES.linux, guid: DATA!, name: 'data ☃', bootable: true },
  ],
};
const MBR: MbrOptions = {
  scheme: 'mbr',
  size: SIZE,
  diskId: 0xcafe1234,
  partitions: [
    { firstByte: MIB, size: 4 * MIB, type: 0xef },
    { firstByte: 5 * MIB, size: 40 * MIB, type: 0x0c, bootable: true },
  ],
};

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kindling-partitions-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return join(path, 'disk');
}

function put(path: string, options: GptOptions | MbrOptions): void {
  const { primary, backup, backupAt } = encode(options);
  const fd = openSync(path, 'w');
  ftruncateSync(fd, options.size);
  writeSync(fd, primary, 0, primary.length, 0);
  if (backup.length > 0) writeSync(fd, backup, 0, backup.length, backupAt);
  closeSync(fd);
}

function run(name: string, args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(tool(name), args, { encoding: 'utf8', input, env: { ...process.env, LC_ALL: 'C.UTF-8' } });
  assert.equal(status, 0, `${name} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout + stderr;
}

test('sgdisk finds nothing wrong with our GPT, nor with a hybrid', (t) => {
  if (!needs(t, 'sgdisk')) return;
  const path = scratch(t);
  for (const hybrid of [[], [{ firstByte: MIB, size: 4 * MIB, type: 0xef, bootable: true }]]) {
    put(path, { ...GPT, hybrid });
    assert.match(run('sgdisk', ['-v', path]), /No problems found/);
    const shown = run('sgdisk', ['-p', path]);
    assert.match(shown, /1 +2048 +10239 +4\.0 MiB +EF00 +EFI system/);
    assert.match(shown, /2 +10240 +92159 +40\.0 MiB +8300 +data ☃/);
    assert.match(run('sgdisk', ['-i', '2', path]), new RegExp(`Partition unique GUID: ${DATA}`));
    assert.match(shown, new RegExp(DISK!));
  }
});

test('sfdisk and fdisk find nothing wrong with our tables', (t) => {
  if (!needs(t, 'sfdisk', 'fdisk')) return;
  const path = scratch(t);
  for (const options of [GPT, MBR]) {
    put(path, options);
    assert.match(run('sfdisk', ['--verify', path]), /No errors detected/);
    const dump = run('sfdisk', ['-d', path]);
    assert.match(dump, /start= +2048, size= +8192/);
    assert.match(dump, /start= +10240, size= +81920/);
    assert.match(dump, options.scheme === 'gpt' ? new RegExp(`label-id: ${DISK}`) : /label-id: 0xcafe1234/);
    assert.match(dump, options.scheme === 'gpt' ? /attrs="LegacyBIOSBootable"/ : /type=c, bootable/);
    const listing = run('fdisk', ['-l', path]);
    assert.match(listing, options.scheme === 'gpt' ? /Disklabel type: gpt/ : /Disklabel type: dos/);
    assert.doesNotMatch(listing, /corrupt|mismatch|not properly/i);
  }
});

test('what sgdisk writes is read', (t) => {
  if (!needs(t, 'sgdisk')) return;
  const path = scratch(t);
  writeFileSync(path, '');
  truncateSync(path, SIZE);
  run('sgdisk', [
    '-U',
    DISK!,
    '-n',
    '3:2048:10239',
    '-t',
    '3:ef00',
    '-c',
    '3:of sgdisk',
    '-u',
    `3:${ESP}`,
    '-n',
    '1:20480:0',
    '-A',
    '1:set:2',
    path,
  ]);
  const { diskId, partitions } = decode(fileSource(path));
  assert.equal(diskId, DISK);
  assert.deepEqual(
    partitions.map(({ index, firstByte, name, bootable }) => [index, firstByte, name, bootable]),
    [
      [1, 10 * MIB, '', true],
      [3, MIB, 'of sgdisk', false],
    ],
  );
  assert.deepEqual([partitions[1]!.guid, partitions[1]!.type], [ESP, PARTITION_TYPES.efiSystem]);
  assert.deepEqual(check(fileSource(path)), []);
});

test('what sfdisk and fdisk write is read: an MBR with logical partitions, a GPT with sectors of 4096 bytes', (t) => {
  if (!needs(t, 'sfdisk', 'fdisk')) return;
  const path = scratch(t);
  writeFileSync(path, '');
  truncateSync(path, SIZE);
  run(
    'sfdisk',
    ['-q', path],
    'label: dos\nlabel-id: 0x11223344\nsize=4M,type=c,bootable\nsize=20M,type=5\nsize=8M,type=83\nsize=4M,type=82\n',
  );
  const mbr = decode(fileSource(path));
  assert.deepEqual(
    mbr.partitions.map(({ index, size, type, guid }) => [index, size, type, guid]),
    [
      [1, 4 * MIB, '0x0c', '11223344-01'],
      [2, 20 * MIB, '0x05', '11223344-02'],
      [3, 8 * MIB, '0x83', '11223344-03'],
      [4, 4 * MIB, '0x82', '11223344-04'],
    ],
  );
  run('sfdisk', ['-q', path], 'label: dos\nsize=4M,type=c\nsize=40M,type=5\n');
  run('sfdisk', ['-q', '--append', path], 'start=14336,size=8M,type=83\n');
  const logical = decode(fileSource(path)).partitions.at(-1)!;
  assert.deepEqual([logical.index, logical.firstByte, logical.size], [5, 14336 * 512, 8 * MIB]);
  assert.deepEqual(check(fileSource(path)), []);
  rmSync(path);
  writeFileSync(path, '');
  truncateSync(path, SIZE);
  run('fdisk', ['-b', '4096', path], 'g\nn\n1\n\n+4M\nx\nn\nlarge\nr\nw\n');
  const large = decode(fileSource(path));
  assert.deepEqual([large.sectorSize, large.partitions[0]!.size, large.partitions[0]!.name], [4096, 4 * MIB, 'large']);
});
