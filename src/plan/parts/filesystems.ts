// filesystems: the drivers that mount the root, a separate /usr, or a medium, with what they need and do not name.
import { fileSystemsOf } from '../fstab.ts';
import type { ModuleWant, Part } from '../part.ts';

const GENERIC: readonly (readonly [string, string])[] = [
  ['ext4', 'ext2, ext3 and ext4'],
  ['ext3', 'ext3'],
  ['ext2', 'ext2'],
  ['xfs', 'XFS'],
  ['btrfs', 'Btrfs'],
  ['f2fs', 'F2FS'],
  ['vfat', 'FAT'],
  ['isofs', 'ISO 9660'],
  ['squashfs', 'squashfs'],
  ['erofs', 'EROFS'],
  ['overlay', 'overlays'],
  ['loop', 'file systems in files'],
];

// Character sets are requested by name at mount time, checksums through the crypto interface: no symbol, so no dependency.
const UNNAMED: Readonly<Record<string, readonly string[]>> = {
  vfat: ['nls_cp437', 'nls_ascii', 'nls_iso8859_1', 'nls_utf8'],
  ext4: ['crc32c_generic', 'crc32c_intel'],
  xfs: ['crc32c_generic', 'crc32c_intel'],
  btrfs: ['crc32c_generic', 'crc32c_intel', 'xxhash_generic', 'sha256_generic', 'blake2b_generic'],
  f2fs: ['crc32_generic', 'crc32_pclmul'],
};

// Names in fstab and mount tables, where they are not the module's.
const MODULE_OF: Readonly<Record<string, string>> = { iso9660: 'isofs', ext2: 'ext4', ext3: 'ext4', msdos: 'msdos', fuseblk: 'fuse' };

// Types that a block device can be mounted as; tried in this order when nothing says which it is.
const ON_DISK = ['ext4', 'xfs', 'btrfs', 'f2fs', 'vfat', 'iso9660', 'squashfs', 'erofs'];

/** File system types of disks that the given modules (packed or built in) can mount, in the order in which to try them; all for undefined. */
export function mountable(modules: ReadonlySet<string> | undefined, more: readonly string[]): string[] {
  return [...new Set([...ON_DISK, ...more])].filter((type) => modules?.has(moduleOfType(type)) !== false);
}

/** The module that mounts a file system type. */
export function moduleOfType(type: string): string {
  return MODULE_OF[type] ?? type;
}

/** Modules that mount a file system type, those it asks for by name included. */
export function fileSystemModules(type: string, text: string, need: ModuleWant['need']): ModuleWant[] {
  return withUnnamed(moduleOfType(type), text, need);
}

function withUnnamed(module: string, text: string, need: ModuleWant['need']): ModuleWant[] {
  const more = (UNNAMED[module] ?? []).map(
    (what): ModuleWant => ({ what, text: `${module} asks for it by name`, on: module, need: 'may' }),
  );
  return [{ what: module, text, need }, ...more];
}

/** The file systems part. */
export const filesystems: Part = {
  name: 'filesystems',
  summary: 'ext2 to ext4, XFS, Btrfs, F2FS, FAT, ISO 9660, squashfs, EROFS, overlay; in scope host those in use',
  when: 'default',
  wants({ root, scope, host }) {
    const modules: ModuleWant[] = [];
    if (scope === 'generic') for (const [module, text] of GENERIC) modules.push(...withUnnamed(module, `file system: ${text}`, 'may'));
    for (const { at, type } of [...fileSystemsOf(root), ...(host?.mounts ?? [])]) {
      modules.push(...withUnnamed(moduleOfType(type), `file system of ${at}`, 'may'));
    }
    return { modules };
  },
};
