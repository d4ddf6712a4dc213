// A pack: one file of the block cache. Payloads one after the other, then an index, then a trailer with the digest of the index:
//
//   payload payload ... | entry entry ... | trailer
//
// A pack gets its name when it is complete; nothing in it changes afterwards. Every payload has a digest of its own in the index.
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { bytesField, concat, struct, u32le } from '../../bytes/index.ts';

/** One block in a pack: what it was, where its compressed bytes are and what they are. Size 0 stands for a block that does not shrink. */
const entryStruct = struct('block cache entry', 72, {
  key: bytesField(32),
  payloadDigest: bytesField(32),
  payloadAt: u32le,
  payloadSize: u32le,
});

const trailerStruct = struct('block cache trailer', 56, {
  indexDigest: bytesField(32),
  indexAt: u32le,
  entryCount: u32le,
  magic: bytesField(16),
});

const MAGIC = new TextEncoder().encode('kindling blocks\n');

/** Bytes of one entry of an index. */
export const ENTRY_SIZE: number = entryStruct.size;
/** Where in an entry things are, for reading without decoding. */
export const ENTRY_AT = {
  payloadDigest: entryStruct.offsetOf('payloadDigest'),
  payloadAt: entryStruct.offsetOf('payloadAt'),
  payloadSize: entryStruct.offsetOf('payloadSize'),
} as const;

// A pack is removed as a whole, so it is not too large a part of the cache.
const PACK_MOST = 64 * 1024 * 1024;
const BUFFER_SIZE = 1024 * 1024;

/** The digest that packs are checked with: SHA-256, 32 bytes. */
export function digestOf(bytes: Uint8Array): Uint8Array {
  return process.getBuiltinModule('node:crypto').hash('sha256', bytes, 'buffer');
}

/** Whether two digests are equal. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Fills `target` from a file; false when that ends before. */
export function fillFrom(fd: number, at: number, target: Uint8Array): boolean {
  for (let done = 0; done < target.length; ) {
    const count = readSync(fd, target, done, target.length - done, at + done);
    if (count === 0) return false;
    done += count;
  }
  return true;
}

function readAt(fd: number, at: number, size: number): Uint8Array | undefined {
  const bytes = new Uint8Array(size);
  return fillFrom(fd, at, bytes) ? bytes : undefined;
}

/** The index out of a pack of `size` bytes that `read` reads from; undefined when it is no whole pack. */
function indexFrom(size: number, read: (at: number, size: number) => Uint8Array | undefined): Uint8Array | undefined {
  if (size < trailerStruct.size || size > PACK_MOST * 2) return undefined;
  const end = read(size - trailerStruct.size, trailerStruct.size);
  if (end === undefined) return undefined;
  const { magic, indexAt, entryCount, indexDigest } = trailerStruct.decode(end);
  if (!sameBytes(magic, MAGIC) || indexAt + entryCount * ENTRY_SIZE + trailerStruct.size !== size) return undefined;
  const index = read(indexAt, entryCount * ENTRY_SIZE);
  return index !== undefined && sameBytes(digestOf(index), indexDigest) ? index : undefined;
}

/** The index of a pack, entries as they are in the file; undefined when the file is no whole pack. Throws what the system throws. */
export function readIndex(path: string): Uint8Array | undefined {
  const fd = openSync(path, 'r');
  try {
    return indexFrom(fstatSync(fd).size, (at, size) => readAt(fd, at, size));
  } finally {
    closeSync(fd);
  }
}

/** The blocks of a whole pack in memory; damaged ones are left out. */
export function entriesOf(pack: Uint8Array): { readonly key: Uint8Array; readonly payload: Uint8Array | undefined }[] {
  const index = indexFrom(pack.length, (at, size) => pack.subarray(at, at + size)) ?? new Uint8Array(0);
  const found: { key: Uint8Array; payload: Uint8Array | undefined }[] = [];
  for (let at = 0; at < index.length; at += ENTRY_SIZE) {
    const { key, payloadAt, payloadSize, payloadDigest } = entryStruct.decode(index, at);
    const payload = payloadSize === 0 ? undefined : pack.subarray(payloadAt, payloadAt + payloadSize);
    if (payload === undefined || sameBytes(digestOf(payload), payloadDigest)) found.push({ key, payload });
  }
  return found;
}

/** A pack being written. */
export interface PackWriter {
  /** Whether another payload should go to the next pack. */
  readonly full: boolean;
  /** Adds a block; without a payload it is one that does not shrink. */
  append(key: Uint8Array, payload: Uint8Array | undefined): void;
  /** Ends the pack and gives it its name; removes it when nothing was added. */
  finish(path: string): void;
  /** Removes it. */
  discard(): void;
}

/** Starts a pack under a temporary name. Its methods throw what the system throws; the file is of no use then, and `discard` removes it. */
export function writePack(temporary: string): PackWriter {
  const fd = openSync(temporary, 'wx', 0o600);
  const entries: Uint8Array[] = [];
  const buffer = new Uint8Array(BUFFER_SIZE);
  let buffered = 0;
  let size = 0;
  const write = (bytes: Uint8Array): void => {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
  };
  const flush = (): void => {
    write(buffer.subarray(0, buffered));
    buffered = 0;
  };
  const add = (bytes: Uint8Array): void => {
    if (buffered + bytes.length > buffer.length) flush();
    if (bytes.length > buffer.length) write(bytes);
    else buffer.set(bytes, buffered);
    if (bytes.length <= buffer.length) buffered += bytes.length;
    size += bytes.length;
  };
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  return {
    get full() {
      return size >= PACK_MOST;
    },
    append(key, payload) {
      const payloadDigest = payload === undefined ? new Uint8Array(32) : digestOf(payload);
      entries.push(entryStruct.encode({ key, payloadDigest, payloadAt: size, payloadSize: payload?.length ?? 0 }));
      if (payload !== undefined) add(payload);
    },
    finish(path) {
      const index = concat(entries);
      const indexAt = size;
      add(index);
      add(trailerStruct.encode({ indexDigest: digestOf(index), indexAt, entryCount: entries.length, magic: MAGIC }));
      flush();
      close();
      if (entries.length === 0) rmSync(temporary, { force: true });
      else renameSync(temporary, path);
    },
    discard() {
      close();
      rmSync(temporary, { force: true });
    },
  };
}
