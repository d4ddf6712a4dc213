// The outside world of a crash proof: its folder, disks the guest may write to, and the saved file read back without mounting anything.
import { closeSync, constants, copyFileSync, fstatSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ByteSource, sliceSource } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { identify } from '../formats/superblock/index.ts';
import type { Disk } from '../machine/index.ts';
import type { KdumpTarget } from '../plan/index.ts';
import type { CrashOutside, CrashScratch, SavedPlace } from '../verbs/kdump-prove.ts';
import { bootOutside } from './boot-outside.ts';
import { onInterrupt } from './cleanup.ts';
import { system } from './errno.ts';
import { fileSource } from './source.ts';
import { runTool } from './tools.ts';
import { writeAtomically } from './write.ts';

/** The real outside world of a crash proof. */
export function crashOutside(): CrashOutside {
  return { ...bootOutside(), scratch };
}

function scratch(): CrashScratch {
  const folder = system(() => mkdtempSync(join(tmpdir(), 'kindling-kdump-')));
  const opened: { release(): void }[] = [];
  const remove = (): void => {
    for (const source of opened) source.release();
    rmSync(folder, { recursive: true, force: true });
  };
  const withdraw = onInterrupt(remove);
  let saves = 0;
  return {
    async put(name, chunks) {
      const path = join(folder, name);
      await writeAtomically(path, chunks);
      return path;
    },
    async disks(given, target, size) {
      if (given.length === 0) return [await madeDisk(join(folder, 'target.img'), target, size)];
      return given.map((disk, index) => copied(disk, join(folder, `disk-${index}.img`)));
    },
    async saved(disk, place) {
      const { source, release } = await savedFile(disk, place, join(folder, `saved-${saves++}`));
      opened.push({ release });
      return source;
    },
    discard() {
      withdraw();
      remove();
    },
  };
}

const CHUNK_SIZE = 1 << 20;

/** A copy that shares blocks where the file system can, and has holes where the disk has only zeros. */
function copied(disk: Disk, path: string): string {
  if (disk.format !== 'raw') {
    throw new KindlingError('UNSUPPORTED', 'a proof needs raw disk images (qemu-img convert -O raw makes one)', { file: disk.file });
  }
  rmSync(path, { force: true });
  try {
    copyFileSync(disk.file, path, constants.COPYFILE_FICLONE_FORCE);
    return path;
  } catch {
    // most file systems cannot share blocks: copied below, with the errors that matter
  }
  const input = system(() => openSync(disk.file, 'r'), { file: disk.file });
  const output = system(() => openSync(path, 'w', 0o600), { file: path });
  try {
    const { size } = fstatSync(input);
    const buffer = Buffer.alloc(CHUNK_SIZE);
    const zeros = Buffer.alloc(CHUNK_SIZE);
    for (let at = 0; at < size; ) {
      const count = system(() => readSync(input, buffer, 0, CHUNK_SIZE, at), { file: disk.file });
      if (count === 0) break;
      const piece = buffer.subarray(0, count);
      if (!piece.equals(zeros.subarray(0, count))) system(() => writeSync(output, piece, 0, count, at), { file: path });
      at += count;
    }
    system(() => ftruncateSync(output, size), { file: path });
  } finally {
    closeSync(input);
    closeSync(output);
  }
  return path;
}

/** A sparse disk that is what the target names: an ext file system with its UUID or label, or nothing at all for a raw one. */
async function madeDisk(path: string, target: KdumpTarget, size: number): Promise<string> {
  const descriptor = system(() => openSync(path, 'w', 0o600), { file: path });
  system(() => ftruncateSync(descriptor, size), { file: path });
  closeSync(descriptor);
  const { device } = target;
  const whole = /^\/dev\/([vsh]da|nvme0n1)$/.test(device);
  if (target.kind === 'raw') {
    if (whole) return path;
    throw lacking(device);
  }
  const uuid = /^UUID=([0-9a-fA-F-]{36})$/.exec(device)?.[1];
  const label = /^LABEL=(.{1,16})$/.exec(device)?.[1];
  const type = target.type ?? 'ext4';
  if ((uuid === undefined && label === undefined && !whole) || !/^ext[234]$/.test(type)) throw lacking(`${device} (${type})`);
  const words = [...(uuid === undefined ? [] : ['-U', uuid]), ...(label === undefined ? [] : ['-L', label])];
  const made = await runTool(`mkfs.${type}`, ['-q', '-F', '-m', '0', '-E', 'lazy_itable_init=1,nodiscard', ...words, path]);
  if (made.code !== 0) throw new KindlingError('IO', `mkfs.${type}: ${made.stderr.trim()}`, { file: path });
  return path;
}

function lacking(what: string): KindlingError {
  return new KindlingError('USAGE', `a proof cannot make a disk that is ${what}: give it an image of the machine's disk with --disk`);
}

async function savedFile(disk: string, place: SavedPlace, path: string): Promise<{ source: ByteSource; release: () => void }> {
  const whole = fileSource(disk);
  const release = (): void => whole.release();
  if (place.at + place.size > whole.size) {
    release();
    throw new KindlingError('BAD_VALUE', `the guest names a partition of ${place.size} bytes at ${place.at} of a disk of ${whole.size}`);
  }
  const partition = sliceSource(whole, place.at, place.size);
  if (place.path === undefined) return { source: partition, release };
  const type = identify(partition)?.type ?? 'unknown';
  release();
  if (!/^ext[234]$/.test(type)) {
    throw new KindlingError(
      'UNSUPPORTED',
      `the target is ${type}: a proof reads a saved dump back from ext2, ext3, ext4 and raw partitions`,
    );
  }
  const image = place.at === 0 ? disk : `${disk}?offset=${place.at}`;
  const ran = await runTool('debugfs', ['-R', `dump "${place.path}" "${path}"`, image]);
  const complaint = ran.stderr.split('\n').find((line) => line !== '' && !line.startsWith('debugfs '));
  if (ran.code !== 0 || complaint !== undefined) {
    throw new KindlingError('NO_ENTRY', `debugfs: ${complaint ?? `exit code ${ran.code}`}`, { path: place.path });
  }
  const source = fileSource(path);
  return { source, release: () => source.release() };
}
