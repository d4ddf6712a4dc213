// The block cache as a worker uses it: looks blocks up, and puts new ones into packs of its own.
import { closeSync, openSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheSearch, type Found, MARK, type SharedCache } from './cache-index.ts';
import { attempt, packName, temporaryName } from './cache-names.ts';
import { digestOf, fillFrom, type PackWriter, sameBytes, writePack } from './pack-file.ts';

// What is left of the disk after a pack: the cache must not take what the image needs.
const FREE_LEAST = 512 * 1024 * 1024;

/** The cache in one worker. Nothing of it throws because of the files. */
export interface CacheUse {
  /**
   * Looks for a block; its compressed bytes are put at the start of `target`. Answers their size, 0 for a block that does not shrink, undefined
   * when it is not there or damaged.
   */
  find(key: Uint8Array, target: Uint8Array): number | undefined;
  /** Keeps a block; without a payload it is one that does not shrink. */
  keep(key: Uint8Array, payload: Uint8Array | undefined): void;
  /** Ends the packs of this worker. */
  finish(): void;
}

/** The cache for one worker. */
export function useCache(shared: SharedCache): CacheUse {
  const { directory, profile, packs, budget } = shared;
  const search = cacheSearch(shared);
  const marks = new Int32Array(shared.marks);
  const writtenAt = packs.length;
  const files = new Map<number, number | undefined>();
  let writer: PackWriter | undefined;
  let writable = true;

  const fileOf = (pack: number): number | undefined => {
    if (!files.has(pack))
      files.set(
        pack,
        attempt(() => openSync(join(directory, packs[pack]!.name), 'r')),
      );
    return files.get(pack);
  };
  const read = ({ pack, at, size, digest }: Found, target: Uint8Array): number | undefined => {
    const fd = fileOf(pack);
    if (fd === undefined || size > target.length) return undefined; // removed meanwhile
    const payload = target.subarray(0, size);
    const whole = attempt(() => fillFrom(fd, at, payload) && sameBytes(digestOf(payload), digest));
    Atomics.store(marks, pack, whole === true ? MARK.used : MARK.damaged);
    if (whole === true) return size;
    files.set(pack, undefined);
    closeSync(fd);
    return undefined;
  };
  const next = (): PackWriter | undefined => {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < FREE_LEAST ? undefined : writePack(join(directory, temporaryName()));
  };
  const finish = (): void => {
    const done = writer;
    writer = undefined;
    if (done === undefined || attempt(() => done.finish(join(directory, packName(profile))) ?? true) === true) return;
    attempt(() => done.discard());
  };
  return {
    find(key, target) {
      const found = search(key);
      if (found === undefined) return undefined;
      if (found.size > 0) return read(found, target);
      if (Atomics.load(marks, found.pack) !== MARK.damaged) Atomics.store(marks, found.pack, MARK.used);
      return 0;
    },
    keep(key, payload) {
      if (!writable) return;
      const kib = Math.ceil((payload?.length ?? 0) / 1024);
      const appended = attempt(() => {
        if (Atomics.add(marks, writtenAt, kib) + kib > budget) return false;
        if (writer?.full === true) finish();
        writer ??= next();
        if (writer === undefined) return false;
        writer.append(key, payload);
        return true;
      });
      if (appended === true) return;
      // No space, or the folder is gone: what is in the pack so far may be incomplete.
      writable = false;
      if (appended === undefined) {
        const broken = writer;
        writer = undefined;
        attempt(() => broken?.discard());
      }
    },
    finish() {
      finish();
      for (const fd of files.values()) if (fd !== undefined) closeSync(fd);
      files.clear();
    },
  };
}
