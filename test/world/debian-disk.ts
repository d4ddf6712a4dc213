// A Debian as people have it, on a disk of its own: installed by dpkg with its maintainer scripts run (mmdebstrap), with systemd, apt, GRUB,
// initramfs-tools and an older kernel of two, and a second disk with the packages it can install without a network.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  createReadStream,
  createWriteStream,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { decode } from '../../src/formats/deb/index.ts';
import { nodeDecoders } from '../../src/node/codecs.ts';
import { fileSource } from '../../src/node/source.ts';
import { findTool, tool } from '../tools.ts';
import { aptFiles, fetchPackages, packageNames } from './apt.ts';
import { once } from './cache.ts';
import { DISK_FILES, DISK_PACKAGES, PACKAGES_LABEL } from './debian-disk-data.ts';
import { diskImage } from './disk-image.ts';
import { mustRun } from './run.ts';
import { unpackTar } from './unpack.ts';

/** The two newest small kernels there are: their releases. */
export interface Kernels {
  readonly older: string;
  readonly newer: string;
}

/** A disk to boot from by its own GRUB, once `grub-install` has run in it. */
export interface DebianDisk {
  /** A raw image with one partition; copy it before anything writes to it. */
  readonly file: string;
  /** The older kernel and the distribution's own archive for it, for the first boot. */
  readonly kernel: string;
  readonly archive: string;
  readonly kernels: Kernels;
}

const MIB = 1 << 20;
const PARTITION_AT = MIB; // GRUB's own place is before it
const SPARE = 1536 * MIB;
const FLAVOUR = 'cloud-amd64';
const SUITE = 'bookworm';

/** The number in a release that counts the changes of the kernel's interface: 6.1.0-56-cloud-amd64 is the 56th. */
function compareReleases(a: string, b: string): number {
  const numbers = (release: string) => (release.match(/\d+/g) ?? []).map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (const [index, number] of left.entries()) if (number !== right[index]) return number - (right[index] ?? 0);
  return 0;
}

/** The two newest kernels for virtual machines: old ones leave Debian's mirrors, so none is named here. */
export async function newestKernels(): Promise<Kernels> {
  const record = await once('kernels-cloud-amd64.json', async (scratch) => {
    const names = await packageNames('amd64', 'linux-image-');
    const releases = names.flatMap((name) => /^linux-image-(\d[\d.]*-\d+-cloud-amd64)$/.exec(name)?.[1] ?? []).sort(compareReleases);
    const [older, newer] = releases.slice(-2);
    if (older === undefined || newer === undefined) throw new Error(`Debian has no two kernels ${FLAVOUR}, but ${releases.join(' ')}`);
    writeFileSync(scratch, JSON.stringify({ older, newer }));
  });
  return JSON.parse(readFileSync(record, 'utf8'));
}

function keyOf(...inputs: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12);
}

/** Installs Debian into a folder: `root`, and `owners.json` for who owns what in it. */
async function install(kernels: Kernels, scratch: string): Promise<void> {
  mkdirSync(scratch);
  const { sources, options } = await aptFiles('amd64');
  const tar = join(scratch, 'root.tar');
  const overlay = join(scratch, 'overlay');
  for (const [path, text] of Object.entries(DISK_FILES)) {
    mkdirSync(join(overlay, path, '..'), { recursive: true });
    writeFileSync(join(overlay, path), text);
  }
  const packages = [...DISK_PACKAGES, `linux-image-${kernels.older}`].join(',');
  await mustRun(tool('mmdebstrap'), [
    ...['--quiet', '--variant=minbase', `--include=${packages}`, `--aptopt=${options}`],
    ...['man', 'locale', 'doc'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
    `--customize-hook=cp -rT "${overlay}" "$1"`,
    // settings of this making only, and what is made anew on the machine itself
    '--customize-hook=rm -f "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/apt/sources.list.d/0*',
    '--customize-hook=chroot "$1" systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service',
    ...[SUITE, tar, sources],
  ]);
  const owners = unpackTar(tar, join(scratch, 'root'));
  writeFileSync(join(scratch, 'owners.json'), JSON.stringify([...owners]));
  rmSync(tar);
  rmSync(overlay, { recursive: true });
}

/** A disk with a master boot record and one partition that holds the image. */
async function partitioned(image: string, disk: string): Promise<void> {
  const size = statSync(image).size;
  writeFileSync(disk, '');
  truncateSync(disk, PARTITION_AT + size);
  const table = `label: dos\nlabel-id: 0x6b696e64\nstart=${PARTITION_AT / 512}, size=${size / 512}, type=83, bootable\n`;
  await mustRun(tool('sfdisk'), ['-q', disk], { input: table });
  await pipeline(createReadStream(image), createWriteStream(disk, { flags: 'r+', start: PARTITION_AT }));
  // the pipeline wrote zeros where the image has holes
  if (findTool('fallocate') !== undefined) await mustRun(tool('fallocate'), ['--dig-holes', disk]);
}

/** The disk as dpkg left it: no boot loader yet. Made once; needs mmdebstrap and, the first time, the network. */
export async function debianDisk(): Promise<DebianDisk> {
  const kernels = await newestKernels();
  const key = keyOf(2, kernels, DISK_FILES, DISK_PACKAGES);
  const made = await once(`debian-disk-${key}`, (scratch) => install(kernels, scratch));
  const root = join(made, 'root');
  const owners = new Map(JSON.parse(readFileSync(join(made, 'owners.json'), 'utf8')));
  const file = await once(`debian-disk-${key}.img`, async (scratch) => {
    const image = await diskImage({ fs: 'ext4', root, label: 'debian', spare: SPARE, owners: owners as never });
    await partitioned(image, scratch);
    rmSync(image);
  });
  const boot = (name: string) => join(root, 'boot', `${name}-${kernels.older}`);
  return { file, kernel: boot('vmlinuz'), archive: boot('initrd.img'), kernels };
}

/** One package's stanza of a Packages index (deb822, "Filename" relative to the repository). */
function stanza(path: string): string {
  const { fields } = decode(fileSource(path), { decoders: nodeDecoders() });
  const lines = [...fields].map(([name, value]) => `${name}: ${value.replaceAll('\n', '\n ')}`);
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  return [...lines, `Filename: ./${basename(path)}`, `Size: ${statSync(path).size}`, `SHA256: ${sha256}`, ''].join('\n');
}

/** The packages that bring the newer kernel as apt would fetch them. */
export async function kernelPackages(kernels: Kernels): Promise<readonly string[]> {
  const wanted = new RegExp(`^linux-image-(${kernels.newer.replaceAll('.', '\\.')}|${FLAVOUR})$`);
  return (await fetchPackages('amd64', `kernel-${kernels.newer}`, [`linux-image-${FLAVOUR}`], wanted)).map(({ path }) => path);
}

/** A new disk image with a flat repository of these packages, as `file`. The disks' systems mount it at /media/packages. */
export async function packageDisk(packages: readonly string[], file: string): Promise<void> {
  const folder = `${file}.content`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const path of packages) copyFileSync(path, join(folder, basename(path)));
  writeFileSync(join(folder, 'Packages'), packages.map(stanza).join('\n'));
  const size = packages.reduce((sum, path) => sum + statSync(path).size, 0);
  rmSync(file, { force: true });
  writeFileSync(file, '');
  truncateSync(file, Math.ceil((size * 1.05 + 16 * MIB) / MIB) * MIB);
  await mustRun(tool('mkfs.ext4'), ['-q', '-F', '-m', '0', '-L', PACKAGES_LABEL, '-d', folder, file]);
  rmSync(folder, { recursive: true });
}
