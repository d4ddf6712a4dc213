// What the file system at a path can hold (statfs(2)).
import { statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isErrno } from './disk.ts';
import { system } from './errno.ts';

const FAT_MAGIC = 0x4d44; // MSDOS_SUPER_MAGIC of linux/magic.h, for FAT12, FAT16 and FAT32
const FAT_FILE_MOST = 2 ** 32 - 1;

/** Bytes of the largest file at a path, where its file system bounds them below what anybody has; for a path that is to be made, where it would be. */
export function fileSizeMost(path: string, statfs: (path: string) => { readonly type: number } = statfsSync): number | undefined {
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      return system(() => statfs(at), { file: at }).type === FAT_MAGIC ? FAT_FILE_MOST : undefined;
    } catch (error) {
      const isMissing = error instanceof Error && isErrno(error.cause ?? error, 'ENOENT');
      if (!isMissing || at === dirname(at)) throw error;
    }
  }
}
