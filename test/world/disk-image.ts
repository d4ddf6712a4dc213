// Disk images of a folder, made without mounting anything and without root privilege. Everything in them belongs to root (and to whom
// `owners` says), whoever runs this.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, lstatSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { tool } from '../tools.ts';
import { once } from './cache.ts';
import { mustRun, run } from './run.ts';
import { xfsPrototype } from './xfs-prototype.ts';

export type FileSystem = 'ext4' | 'btrfs' | 'xfs' | 'squashfs';

/** Who owns a path, where that is not root:root. Paths are relative, as in a tree. */
export type Owners = ReadonlyMap<string, { readonly uid: number; readonly gid: number }>;

export interface ImageOptions {
  readonly fs: FileSystem;
  /** The folder whose content becomes the file system. It must not change afterwards: images are kept by folder name. */
  readonly root: string;
  /** Volume label; "root" unless told. squashfs has none. */
  readonly label?: string;
  /** File system UUID; a fixed one for each label unless told. */
  readonly uuid?: string;
  /** Free bytes left beside the content; 64 MiB unless told. */
  readonly spare?: number;
  readonly owners?: Owners;
}

const MIB = 1 << 20;
const XFS_LEAST = 320 * MIB; // mkfs.xfs refuses less than 300 MB
const BTRFS_LEAST = 256 * MIB;

/** The UUID an image of this label has unless another is asked for. */
export function uuidOf(label: string): string {
  const hex = createHash('sha256').update(`kindling ${label}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

interface Content {
  readonly size: number;
  readonly count: number;
  readonly paths: readonly string[];
}

function measure(root: string): Content {
  let size = 0;
  const paths: string[] = [];
  const visit = (folder: string, prefix: string) => {
    for (const name of readdirSync(folder).sort()) {
      const at = join(folder, name);
      const stat = lstatSync(at);
      paths.push(`${prefix}${name}`);
      size += Math.ceil(stat.size / 4096) * 4096;
      if (stat.isDirectory()) visit(at, `${prefix}${name}/`);
    }
  };
  visit(root, '');
  return { size, count: paths.length, paths };
}

// mke2fs -d takes owners from the folder, which belongs to whoever runs this; debugfs corrects the inodes in the image.
async function setExt4Owners(image: string, paths: readonly string[], owners: Owners): Promise<void> {
  const me = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const script: string[] = [];
  for (const path of paths) {
    const owner = owners.get(path) ?? { uid: 0, gid: 0 };
    if (owner.uid !== me.uid) script.push(`sif "/${path}" uid ${owner.uid}`);
    if (owner.gid !== me.gid) script.push(`sif "/${path}" gid ${owner.gid}`);
  }
  if (script.length === 0) return;
  const ran = await run(tool('debugfs'), ['-w', '-f', '-', image], { input: `${script.join('\n')}\n` });
  // debugfs exits 0 whatever happens; its complaints are on stderr, after the version line
  const complaint = ran.stderr.split('\n').find((line) => line !== '' && !line.startsWith('debugfs '));
  if (ran.code !== 0 || complaint !== undefined) throw new Error(`debugfs: ${complaint ?? `exit code ${ran.code}`}`);
}

async function makeExt4(image: string, options: ImageOptions, uuid: string, label: string): Promise<void> {
  const content = measure(options.root);
  const size = Math.ceil((content.size * 1.06 + content.count * 512 + (options.spare ?? 64 * MIB) + 24 * MIB) / MIB) * MIB;
  writeFileSync(image, '');
  truncateSync(image, size);
  const extended = `lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0,hash_seed=${uuid}`;
  const inodes = String(content.count + 4096);
  const words = ['-q', '-F', '-m', '0', '-L', label, '-U', uuid, '-N', inodes, '-E', extended, '-d', options.root, image];
  await mustRun(tool('mkfs.ext4'), words);
  await setExt4Owners(image, content.paths, options.owners ?? new Map());
}

async function makeBtrfs(image: string, options: ImageOptions, uuid: string, label: string): Promise<void> {
  const content = measure(options.root);
  const size = Math.max(BTRFS_LEAST, Math.ceil((content.size * 1.3 + (options.spare ?? 64 * MIB)) / MIB) * MIB);
  writeFileSync(image, '');
  truncateSync(image, size);
  const words = [tool('mkfs.btrfs'), '-q', '-f', '-L', label, '-U', uuid, '--rootdir', options.root, image];
  // In a user namespace of its own an ordinary user's files look like root's, which is what --rootdir copies.
  // blkid remembers earlier images with this UUID, and mkfs.btrfs would refuse to make another
  const env = { BLKID_FILE: '/dev/null' };
  if (process.geteuid?.() === 0) await mustRun(words[0]!, words.slice(1), { env });
  else await mustRun(tool('unshare'), ['--map-root-user', ...words], { env });
}

async function makeXfs(image: string, options: ImageOptions, uuid: string, label: string): Promise<void> {
  const content = measure(options.root);
  const size = Math.max(XFS_LEAST, Math.ceil((content.size * 1.2 + (options.spare ?? 64 * MIB) + 64 * MIB) / MIB) * MIB);
  const prototype = `${image}.prototype`;
  writeFileSync(prototype, xfsPrototype(options.root, options.owners ?? new Map()));
  writeFileSync(image, '');
  truncateSync(image, size);
  await mustRun(tool('mkfs.xfs'), ['-q', '-f', '-L', label, '-m', `uuid=${uuid}`, '-p', prototype, image]);
  await mustRun('rm', ['-f', prototype]);
}

async function makeSquashfs(image: string, options: ImageOptions): Promise<void> {
  const words = [options.root, image, '-noappend', '-quiet', '-no-progress', '-all-root', '-comp', 'zstd', '-Xcompression-level', '3'];
  await mustRun(tool('mksquashfs'), [...words, '-reproducible', '-mkfs-time', '0']);
}

/** The path of a disk image (no partition table) that holds the folder's content; made once for each set of options. */
export async function diskImage(options: ImageOptions): Promise<string> {
  const label = options.label ?? 'root';
  const uuid = options.uuid ?? uuidOf(label);
  const changed = statSync(options.root).ctimeMs;
  const owners = [...(options.owners ?? [])];
  const inputs = JSON.stringify([options.fs, options.root, changed, label, uuid, options.spare, owners]);
  const key = createHash('sha256').update(inputs).digest('hex').slice(0, 12);
  return once(`image-${options.fs}-${label}-${key}.img`, async (scratch) => {
    if (options.fs === 'ext4') await makeExt4(scratch, options, uuid, label);
    else if (options.fs === 'btrfs') await makeBtrfs(scratch, options, uuid, label);
    else if (options.fs === 'xfs') await makeXfs(scratch, options, uuid, label);
    else await makeSquashfs(scratch, options);
  });
}

export interface PartitionOptions {
  readonly image: string;
  readonly partLabel?: string;
  readonly partUuid?: string;
}

/** A GPT disk whose second partition is the given image (the first is a small empty one, so that the number matters). */
export async function partitionedDisk(options: PartitionOptions): Promise<string> {
  const partLabel = options.partLabel ?? 'rootpart';
  const partUuid = options.partUuid ?? uuidOf(partLabel);
  const size = statSync(options.image).size;
  const key = createHash('sha256')
    .update(JSON.stringify([options.image, partLabel, partUuid]))
    .digest('hex')
    .slice(0, 12);
  return once(`disk-gpt-${key}.img`, async (scratch) => {
    const startAt = 4 * MIB;
    writeFileSync(scratch, '');
    truncateSync(scratch, startAt + Math.ceil(size / MIB) * MIB + 2 * MIB);
    const table = [
      'label: gpt',
      `label-id: ${uuidOf(`disk ${partLabel}`)}`,
      'start=2048, size=4096, type=L, name=first',
      `start=${startAt / 512}, size=${(Math.ceil(size / MIB) * MIB) / 512}, type=L, uuid=${partUuid}, name=${partLabel}`,
    ];
    await mustRun(tool('sfdisk'), ['-q', scratch], { input: `${table.join('\n')}\n` });
    await pipeline(createReadStream(options.image), createWriteStream(scratch, { flags: 'r+', start: startAt }));
  });
}
