// The disks of a root for a proof boot: the block device it is mounted from, or an image made of a directory. Nothing is written to either.
import {
  accessSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { KindlingError } from '../errors.ts';
import { busFor, type Disk, type DiskBus } from '../machine/index.ts';
import type { ProveOutside, RootDisks } from '../verbs/update/prove.ts';
import { bootOutside } from './boot-outside.ts';
import { onInterrupt } from './cleanup.ts';
import { lookAt } from './entries.ts';
import { system } from './errno.ts';
import { chainOf } from './host-facts.ts';
import { runTool } from './tools.ts';

/** A directory of more than this is not made into an image for a proof, in bytes. */
export const IMAGE_MOST = 4 * 2 ** 30;

const MIB = 1 << 20;
const BLOCK_SIZE = 4096;
// Fixed, so that the guest finds this image and nothing else.
const IMAGE_UUID = '6b696e64-6c69-4e67-8070-726f6f660000';

interface Mount {
  readonly at: string;
  /** "MAJOR:MINOR" of the mounted file system; of no use where it has a number of its own (btrfs). */
  readonly device: string;
  readonly source: string;
}

/** Where the outside can be in a test. */
export interface ProofPlaces {
  readonly sys: string;
  readonly proc: string;
  readonly imageMost: number;
}

const PLACES: ProofPlaces = { sys: '/sys', proc: '/proc', imageMost: IMAGE_MOST };

/** The real outside world of a proof. */
export function proveOutside(places: Partial<ProofPlaces> = {}): ProveOutside {
  return { ...bootOutside(), rootDisks: (root) => rootDisks(root, { ...PLACES, ...places }) };
}

async function rootDisks(root: string, places: ProofPlaces): Promise<RootDisks | { readonly why: string }> {
  const base = system(() => realpathSync(root), { file: root });
  const mounts = mountsOf(places.proc);
  const mount = mounts.get(base);
  if (mount === undefined) return await imageOf(base, places);
  const found: Disk[] = [];
  for (const at of [base, base === '/' ? '/usr' : `${base}/usr`]) {
    const one = mounts.get(at);
    if (one === undefined) continue;
    const disk = diskOf(one, places.sys);
    if ('why' in disk) return disk;
    if (!found.some(({ file }) => file === disk.file)) found.push(disk);
  }
  return { disks: found, commandLine: rootWords(base, mount, found[0]!.bus, places), discard: () => {} };
}

/** Mounts by place; of several at one place the last, which covers the others. Octal escapes as in proc(5). */
function mountsOf(proc: string): Map<string, Mount> {
  const mounts = new Map<string, Mount>();
  for (const line of system(() => readFileSync(`${proc}/self/mountinfo`, 'utf8'), {}).split('\n')) {
    const cells = line.split(' ');
    const dash = cells.indexOf('-');
    if (dash < 0) continue;
    const unescaped = (text: string): string =>
      text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
    const at = unescaped(cells[4]!);
    mounts.set(at, { at, device: cells[2]!, source: unescaped(cells[dash + 2] ?? '') });
  }
  return mounts;
}

/** The whole disk that a file system is on, so that partition numbers and identifiers are the machine's. */
function diskOf({ device, source, at }: Mount, sys: string): Disk | { readonly why: string } {
  const name = blockName(device, source, sys);
  if (name === undefined) return { why: `${at} is on ${source}, which is no block device` };
  const path = realpathSync(`${sys}/class/block/${name}`);
  const slaves = names(`${path}/slaves`);
  if (slaves.length > 0) return { why: `${at} is on ${name}, which rests on ${slaves.join(', ')}: no machine is made of such layers yet` };
  const disk = names(path).includes('partition') ? basename(dirname(path)) : name;
  const drivers = chainOf(sys, `/dev/${disk}`);
  const bus = busFor(drivers);
  if (bus === undefined) return { why: `${at} is on ${disk}, and QEMU has no disk with its driver (${drivers.join(', ') || 'unknown'})` };
  const file = `/dev/${disk}`;
  system(() => accessSync(file, constants.R_OK), { file });
  // The guest may write (a journal has to be gone through): to a scratch file.
  return { file, bus, format: 'raw', readOnly: false, writes: false };
}

function names(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // partitions have no such directory
  }
}

function blockName(device: string, source: string, sys: string): string | undefined {
  for (const path of [`${sys}/dev/block/${device}`, `${sys}/class/block/${basename(source)}`]) {
    try {
      return basename(realpathSync(path));
    } catch {
      // the next way to its name
    }
  }
  return undefined;
}

/** The words of the running system for its own root; another one is on the first disk of the guest. */
function rootWords(base: string, mount: Mount, bus: DiskBus, { sys, proc }: ProofPlaces): string {
  if (base === '/') {
    const words = readFileSync(`${proc}/cmdline`, 'utf8').match(/(?:^|\s)(root|rootfstype|rootflags)=\S+/g) ?? [];
    if (words.some((word) => word.trim().startsWith('root='))) return `${words.map((word) => word.trim()).join(' ')} ro`;
  }
  const name = blockName(mount.device, mount.source, sys)!;
  const number = names(`${sys}/class/block/${name}`).includes('partition')
    ? readFileSync(`${sys}/class/block/${name}/partition`, 'utf8').trim()
    : '';
  const [disk, between] = FIRST_DISK[bus] ?? ['sda', ''];
  return `root=/dev/${disk}${number === '' ? '' : between + number} ro`;
}

// Name of a guest's first disk, and what stands between it and the number of a partition; all others are SCSI disks to Linux.
const FIRST_DISK: Partial<Record<DiskBus, readonly [string, string]>> = {
  virtio: ['vda', ''],
  nvme: ['nvme0n1', 'p'],
  sd: ['mmcblk0', 'p'],
};

/** An ext4 image of a directory that is no file system of its own, made without a mount and without privilege. */
async function imageOf(base: string, { imageMost }: ProofPlaces): Promise<RootDisks | { readonly why: string }> {
  const { size, count } = measured(base, imageMost);
  if (size > imageMost)
    return { why: `${base} holds more than ${Math.floor(imageMost / MIB)} MiB, the most of which an image is made for a proof` };
  const imageSize = Math.ceil((size * 1.06 + count * 512) / MIB) * MIB + 96 * MIB;
  const { bavail, bsize } = statfsSync(tmpdir());
  if (imageSize > bavail * bsize) {
    throw new KindlingError('NO_SPACE', `the proof needs an image of ${imageSize} bytes, ${bavail * bsize} are free`, { file: tmpdir() });
  }
  const folder = mkdtempSync(join(tmpdir(), 'kindling-prove-'));
  const discard = (): void => rmSync(folder, { recursive: true, force: true });
  const withdraw = onInterrupt(discard);
  const done = (): void => {
    withdraw();
    discard();
  };
  try {
    const file = join(folder, 'root.img');
    closeSync(openSync(file, 'wx', 0o600));
    truncateSync(file, imageSize);
    const words = ['-q', '-F', '-m', '0', '-U', IMAGE_UUID, '-N', String(count + 4096), '-E', 'root_owner=0:0', '-d', base, file];
    const { code, stderr } = await runTool('mkfs.ext4', words);
    if (code !== 0)
      throw new KindlingError('IO', `mkfs.ext4 ended with ${code}: ${stderr.trim().split('\n').at(-1) ?? ''}`, { file: base });
    const disk: Disk = { file, bus: 'virtio', format: 'raw', readOnly: false, writes: false };
    return { disks: [disk], commandLine: `root=UUID=${IMAGE_UUID} ro`, discard: done };
  } catch (error) {
    done();
    throw error;
  }
}

/** Bytes in blocks and entries of a directory, one file system only; ends early above the limit. */
function measured(base: string, most: number): { size: number; count: number } {
  let size = 0;
  let count = 0;
  const pending = [''];
  const device = lookAt(base, '')?.dev;
  for (let path = pending.pop(); path !== undefined && size <= most; path = pending.pop()) {
    const stats = lookAt(base, path);
    if (stats === undefined) continue; // gone since its directory was read
    count += 1;
    size += Math.ceil(stats.size / BLOCK_SIZE) * BLOCK_SIZE;
    if (!stats.isDirectory() || stats.dev !== device) continue;
    const where = path === '' ? base : `${base}/${path}`;
    for (const name of system(() => readdirSync(where), { file: where })) pending.push(path === '' ? name : `${path}/${name}`);
  }
  return { size, count };
}
