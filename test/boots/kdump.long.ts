// Crash dumps: partitions of a disk that is given, a root without busybox, and each way to fail with what the person is told.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { linkTree, mustRun, once, uuidOf } from '../world/index.ts';
import { assertProven, crashRoot, type KdumpRun, kdump, scratchFile } from './kdump-world.ts';

const QEMU = 'qemu-system-x86_64';

/** An ext4 disk of so many MiB, with what `fill` puts into it. */
async function ext4Disk(name: string, mib: number, fill: (folder: string) => void = () => {}): Promise<string> {
  const image = scratchFile(`${name}.img`);
  const content = scratchFile(`${name}.content`);
  mkdirSync(content);
  fill(content);
  writeFileSync(image, '');
  truncateSync(image, mib << 20);
  await mustRun(tool('mkfs.ext4'), ['-q', '-F', '-m', '0', '-L', 'crash', '-d', content, image]);
  return image;
}

const START = 4; // MiB

/** A GPT disk in the scratch folder whose second partition has so many MiB, holds ext4 or nothing, and is called "dumps". */
async function partitioned(name: string, mib: number, fs: 'ext4' | 'none', partUuid: string): Promise<string> {
  const image = scratchFile(`${name}.img`);
  writeFileSync(image, '');
  truncateSync(image, (START + mib + 2) << 20);
  const second = `start=${START * 2048}, size=${mib * 2048}, type=L, uuid=${partUuid}, name=dumps`;
  await mustRun(tool('sfdisk'), ['-q', image], { input: `label: gpt\nstart=2048, size=4096, type=L\n${second}\n` });
  if (fs === 'ext4') await mustRun(tool('mkfs.ext4'), ['-q', '-F', '-E', `offset=${START << 20}`, image, `${mib}M`]);
  return image;
}

/** The failure the capture kernel, or the first one, reported. */
function failureOf({ code, document }: KdumpRun): string {
  assert.equal(code, 1);
  assert.equal(document.proof?.reached, false);
  return document.proof.proof.reason?.text ?? '';
}

test('a directory of the second partition of a given disk, by PARTLABEL, compressed with zlib; the image itself is not written to', async (t) => {
  if (!needs(t, QEMU, 'mkfs.ext4', 'debugfs', 'sfdisk')) return;
  const disk = await partitioned('data', 900, 'ext4', uuidOf('data'));
  const before = statSync(disk).mtimeMs;
  const ran = await kdump(await crashRoot(), ['--target', 'PARTLABEL=dumps:crash', '--format', 'zlib', '--disk', disk, '--prove']);
  assertProven(ran);
  assert.match(ran.document.proof?.proof.facts.target ?? '', /^\/dev\/vda2 \d{4,} 1843200$/);
  assert.match(String(ran.document.proof?.dump?.place), /^\/crash\/20\d{10}\/vmcore$/);
  assert.equal(ran.document.proof?.dump?.compression, 'zlib');
  assert.equal(statSync(disk).mtimeMs, before);
});

test('a raw partition, by PARTUUID, with makedumpfile', async (t) => {
  if (!needs(t, QEMU, 'sfdisk')) return;
  const partUuid = uuidOf('raw');
  const disk = await partitioned('raw', 200, 'none', partUuid);
  const ran = await kdump(await crashRoot(), ['--target', `raw:PARTUUID=${partUuid}`, '--disk', disk, '--prove']);
  assertProven(ran);
  const { dump } = ran.document.proof!;
  assert.deepEqual([dump?.form, dump?.place, dump?.size], ['kdump', '/dev/vda2', null]);
});

test('a root without busybox saves with its own programs', async (t) => {
  if (!needs(t, QEMU, 'mkfs.ext4', 'debugfs')) return;
  const root = await crashRoot();
  const plain = await once(`${root.split('/').pop()}-plain`, (scratch) => {
    linkTree(root, scratch);
    rmSync(join(scratch, 'usr/bin/busybox'));
  });
  const ran = await kdump(plain, ['--target', 'LABEL=crash', '--format', 'copy', '--prove']);
  assertProven(ran);
  assert.equal(ran.document.proof?.dump?.form, 'elf');
});

test('no space: said with what is free and what is needed, for a copy and for makedumpfile', async (t) => {
  if (!needs(t, QEMU, 'mkfs.ext4', 'debugfs')) return;
  const disk = await ext4Disk('small', 24);
  const words = ['--target', 'LABEL=crash', '--disk', disk, '--prove'];
  const root = await crashRoot();
  const copy = failureOf(await kdump(root, [...words, '--format', 'copy']));
  assert.match(copy, /^NO_SPACE: no space on \/dev\/vda: \d{1,2} MiB are free, the whole dump has \d{3} MiB$/);
  const tiny = await ext4Disk('tiny', 12);
  const core = failureOf(await kdump(root, ['--target', 'LABEL=crash', '--disk', tiny, '--prove', '--level', '0', '--format', 'elf']));
  assert.match(core, /^NO_SPACE: no space on \/dev\/vda: \d MiB are free, the whole dump has \d{3} MiB$/);
});

test('a target that is not there, holds something else, or leads out of itself', async (t) => {
  if (!needs(t, QEMU, 'mkfs.ext4', 'debugfs')) return;
  const root = await crashRoot();
  const disk = await ext4Disk('linked', 64, (folder) => {
    mkdirSync(join(folder, 'var'));
    symlinkSync('/elsewhere', join(folder, 'var/crash'));
  });
  const failure = async (target: string, ...words: readonly string[]) =>
    failureOf(await kdump(root, ['--target', target, '--disk', disk, '--prove', ...words]));
  assert.match(
    await failure('LABEL=other', '--append', 'kindling.timeout=3'),
    /^TARGET: the target LABEL=other was not found among 1 block/,
  );
  assert.match(await failure('raw:/dev/vda'), /^TARGET: \/dev\/vda holds ext4: a raw target must be a partition of its own/);
  assert.match(await failure('LABEL=crash'), /^TARGET: \/var\/crash on \/dev\/vda is a symbolic link/);
});

test('too little reserved is reported as memory, or as not loadable; more than the machine has as no reservation', async (t) => {
  if (!needs(t, QEMU, 'mkfs.ext4')) return;
  const root = await crashRoot();
  const words = ['--target', 'LABEL=crash', '--prove', '--timeout', '120'];
  const starved = await kdump(root, [...words, '--crashkernel', '80']);
  failureOf(starved);
  assert.equal(starved.document.proof?.proof.reason?.code, 'memory');
  assert.equal(starved.document.proof?.proof.phases.at(-1)?.name, 'crash');
  const small = failureOf(await kdump(root, [...words, '--crashkernel', '64']));
  assert.match(small, /^NOT_LOADED: the capture kernel and its archive could not be loaded into 64 MiB: /);
  assert.match(failureOf(await kdump(root, [...words, '--crashkernel', '900', '--memory', '768'])), /^NO_RESERVATION: /);
});
