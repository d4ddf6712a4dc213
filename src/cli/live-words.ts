// The options of `kindling live`, and what they mean.
import { MEDIA_CLASSES } from '../plan/index.ts';
import { BLOCK_OPTIONS } from './block-words.ts';
import { LOADERS } from './live-loader.ts';
import { DRY_RUN_OPTION, KERNEL_OPTION, OUTPUT_OPTION } from './options.ts';
import { type OptionTable, type Parsed, usageError } from './verb.ts';

/** Seconds the menu waits unless told. */
export const TIMEOUT = 5;
/** Compression of bundles unless told. */
export const BUNDLE_CODEC = 'zstd:9';

/** Options of every form of the medium. */
export const LIVE_OPTIONS: OptionTable = {
  root: { short: 'R', value: 'ROOT', summary: 'the root: a directory, or an image kindling can read', completes: 'file' },
  packages: { value: 'LIST', multiple: true, summary: 'in place of a root: Debian packages, a kernel among them, installed by mmdebstrap' },
  suite: { value: 'SUITE', default: 'bookworm', summary: "with --packages: Debian's release" },
  output: { ...OUTPUT_OPTION, summary: 'the image to write, or with folder the directory' },
  kernel: KERNEL_OPTION,
  bundle: { value: 'FILE', multiple: true, summary: 'a finished bundle (NN-name.sb) to put on the medium too', completes: 'file' },
  title: { value: 'TEXT', summary: "name of the system in the menu; the root's own unless told" },
  label: { value: 'LABEL', default: 'KINDLING', summary: "name of the medium's file system" },
  append: { value: 'WORDS', multiple: true, summary: 'words for the kernel command line of every menu entry' },
  loader: {
    value: 'LOADER',
    choices: LOADERS,
    default: 'grub',
    summary: 'what starts the medium: grub (BIOS and UEFI), systemd-boot (UEFI, menu) or uki (UEFI, one program, no menu)',
  },
  'secure-boot': {
    summary: 'GRUB as the distribution has signed it, behind its shim: UEFI with Secure Boot starts it (a signed kernel is needed)',
  },
  'menu-timeout': { value: 'SECONDS', default: String(TIMEOUT), summary: 'how long the menu waits' },
  'no-serial': { summary: 'menu and kernel on the screen only, not on the first serial port too' },
  media: {
    value: 'CLASS',
    multiple: true,
    summary: 'classes of media that the live archive reaches: usb, cd, virtio, scsi, ata, nvme, mmc; all unless told',
  },
  handover: { value: 'HOW', choices: ['pivot', 'switch'], summary: 'how the system is entered: pivot (default) or switch' },
  encrypted: {
    summary:
      'the live archive can open and make encrypted changes (needs cryptsetup in the root); with --changes the first boot makes them',
  },
  sign: {
    value: 'FILE',
    summary:
      'seal the bundles: dm-verity, root hashes signed with this private key (PEM, Ed25519); the root has the public one in etc/kindling/keys',
    completes: 'file',
  },
  data: { value: 'NAME', default: 'kindling', summary: 'name of the data directory on the medium' },
  'no-docs': { summary: 'leave documentation, manual pages and translations out of the bundles' },
  exclude: { value: 'PATTERN', multiple: true, summary: 'leave these paths out of the bundles' },
  'one-bundle': { summary: 'modules and firmware in the same bundle as all else' },
  'all-root': { summary: 'everything belongs to root, whoever owns the files of a directory' },
  codec: { value: 'CODEC[:LEVEL]', default: BUNDLE_CODEC, summary: 'compression of the bundles: zstd, gzip, xz or lz4' },
  'archive-codec': { value: 'CODEC[:LEVEL]', default: 'zstd:9', summary: 'compression of the live archive: zstd, gzip, xz, lz4 or none' },
  ...BLOCK_OPTIONS,
  add: { value: 'PART', multiple: true, summary: 'add a part to the live archive' },
  omit: { value: 'PART', multiple: true, summary: 'leave a part out of the live archive' },
  config: { short: 'c', value: 'FILE', summary: "a configuration file that comes after the root's own", completes: 'file' },
  size: { value: 'SIZE', summary: 'size of a disk image; as small as it can be unless told' },
  changes: { value: 'SIZE', summary: 'a partition of a disk image, or with folder a file, for what is changed in the live system' },
  'data-fs': {
    value: 'FS',
    choices: ['fat32', 'ext4'],
    summary: 'file system of a disk image: fat32 (usb) or ext4 (disk, and for files over 4 GiB)',
  },
  split: {
    value: 'SIZE',
    summary: 'make several bundles of one that is not smaller than this; 4G is what FAT32 needs, and --data-fs fat32 does it by itself',
  },
  'dry-run': DRY_RUN_OPTION,
};

/** The label, checked for what every form can hold. Throws USAGE. */
export function labelWord(parsed: Parsed, most: number): string {
  const label = parsed.value('label') ?? 'KINDLING';
  if (new RegExp(`^[A-Z0-9_-]{1,${most}}$`).test(label)) return label;
  throw usageError(`--label is "${label}", expected 1 to ${most} of A-Z, 0-9, "_" and "-"`);
}

/** The classes of media. Throws USAGE for one there is not. */
export function mediaWords(parsed: Parsed): readonly string[] {
  const words = parsed.values('media').flatMap((value) => value.split(','));
  const unknown = words.find((word) => !MEDIA_CLASSES.includes(word));
  if (unknown !== undefined) throw usageError(`--media ${unknown}: expected some of ${MEDIA_CLASSES.join(', ')}`);
  return words;
}
