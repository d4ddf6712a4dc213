// fsck: the root's own checkers for the file systems it may be on, so that the root is checked before it is mounted.
import { fileSystemsOf } from '../fstab.ts';
import type { Part, ProgramWant } from '../part.ts';
import { findProgram } from '../programs/index.ts';

// XFS and Btrfs check themselves when mounted; their fsck programs do nothing.
const GENERIC = ['ext4', 'ext3', 'ext2', 'f2fs', 'vfat'];

/** The fsck part. */
export const fsck: Part = {
  name: 'fsck',
  summary: 'checkers for ext, F2FS and FAT where the root has them; in scope host those in use',
  when: 'default',
  wants({ root, scope, host }) {
    const used = [...fileSystemsOf(root), ...(host?.mounts ?? [])].map(({ type }) => type);
    const types = scope === 'host' && used.length > 0 ? GENERIC.filter((type) => used.includes(type)) : GENERIC;
    const programs = types.flatMap((type): ProgramWant[] => {
      const path = findProgram(root, `fsck.${type}`);
      return path === undefined ? [] : [{ path, text: `checks ${type} before it is mounted` }];
    });
    return { programs };
  },
};
