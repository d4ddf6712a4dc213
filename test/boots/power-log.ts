// What a disk may hold when its power goes: the log of every write and flush (QEMU's blklogwrites, in the format of the kernel's dm-log-writes,
// Documentation/admin-guide/device-mapper/log-writes.rst), laid over a copy of the disk up to any point. A write that was followed by a flush
// is there; of those after the last flush a disk keeps any, in any order.
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

const MAGIC = 0x6a736677736872n;
const SECTOR = 512;
const FLUSH = 1n;
const DISCARD = 4n;

/** One entry of the log. */
export interface LoggedWrite {
  /** Bytes, on the disk. */
  readonly at: number;
  readonly size: number;
  /** Where its content is in the log; undefined for a discard and a bare flush. */
  readonly contentAt: number | undefined;
  /** All before it is on the disk when this is done. (Forced single writes do not occur: virtio-blk has none.) */
  readonly flush: boolean;
}

/** Reads a log. */
export function readLog(file: string): readonly LoggedWrite[] {
  const descriptor = openSync(file, 'r');
  try {
    const head = Buffer.alloc(SECTOR);
    const bytes = (at: number): Buffer => {
      const count = readSync(descriptor, head, 0, SECTOR, at);
      if (count < 40) throw new Error(`${file} ends at byte ${at + count}, in an entry`);
      return head;
    };
    if (bytes(0).readBigUInt64LE(0) !== MAGIC) throw new Error(`${file} is no log of writes`);
    const count = Number(head.readBigUInt64LE(16));
    const sector = head.readUInt32LE(24);
    const end = fstatSync(descriptor).size;
    const writes: LoggedWrite[] = [];
    let at = sector;
    for (let index = 0; index < count; index++) {
      const entry = bytes(at);
      const flags = entry.readBigUInt64LE(16);
      const size = Number(entry.readBigUInt64LE(8)) * sector;
      const discard = (flags & DISCARD) !== 0n;
      const contentAt = at + sector;
      writes.push({
        at: Number(entry.readBigUInt64LE(0)) * sector,
        size,
        contentAt: discard || size === 0 ? undefined : contentAt,
        flush: (flags & FLUSH) !== 0n,
      });
      at = contentAt + (discard ? 0 : size);
      if (at > end) throw new Error(`${file} ends in the content of entry ${index}`);
    }
    return writes;
  } finally {
    closeSync(descriptor);
  }
}

/** Indexes of the flushes that had something to keep. */
export function boundaries(writes: readonly LoggedWrite[]): readonly number[] {
  const found: number[] = [];
  let open = false;
  for (const [index, write] of writes.entries()) {
    open ||= write.size > 0;
    if (!open || !write.flush) continue;
    found.push(index);
    open = false;
  }
  return found;
}

/** Lays the chosen entries of a log over a disk image, in order. A discard is left out: what it gave up may still be there. */
export function apply(log: string, disk: string, writes: readonly LoggedWrite[]): void {
  const from = openSync(log, 'r');
  const to = openSync(disk, 'r+');
  try {
    for (const { at, size, contentAt } of writes) {
      if (contentAt === undefined) continue;
      const content = Buffer.alloc(size);
      if (readSync(from, content, 0, size, contentAt) !== size) throw new Error(`${log} ends in the content at byte ${contentAt}`);
      writeSync(to, content, 0, size, at);
    }
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

/** A generator of numbers from 0 up to 1 that gives the same ones for the same seed (mulberry32). */
export function chances(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
