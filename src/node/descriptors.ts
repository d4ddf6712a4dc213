// Open files, bounded: a plan reads thousands of files a little at a time, and a process may hold about a thousand open.
// One pool for the process, because the limit is one for the process.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { KindlingError } from '../errors.ts';
import { system } from './errno.ts';

/** A file as it was found; a reopened file must still be the same one. */
export interface OpenedFile {
  /** As system calls take it: bytes when the name is no UTF-8. */
  readonly path: string | Uint8Array;
  /** As messages show it. */
  readonly label: string;
  readonly size: number;
  readonly dev: number;
  readonly ino: number;
  /** Do not follow a link at the path itself. */
  readonly noFollow: boolean;
}

interface Held {
  readonly fd: number;
  windowAt: number;
  window: Uint8Array;
}

const HELD_MOST = 48;
const WINDOW_LEAST = 4096;
const WINDOW_MOST = 64 * 1024;
const NO_WINDOW = new Uint8Array(0);
// Insertion order is age of opening: a plan goes through a root once, so the oldest is done with.
const held = new Map<OpenedFile, Held>();

/** Opens for reading. With `noFollow` it never waits either: a FIFO that took the place of a file must not stop the process. */
export function openForReading(path: string | Uint8Array, noFollow: boolean, label: string): number {
  const flags = constants.O_RDONLY | (noFollow ? constants.O_NOFOLLOW | constants.O_NONBLOCK : 0);
  return system(() => openSync(asPath(path), flags), { file: label });
}

/** A path as node:fs takes it. */
export function asPath(path: string | Uint8Array): string | Buffer {
  return typeof path === 'string' ? path : Buffer.from(path.buffer, path.byteOffset, path.byteLength);
}

function openChecked(file: OpenedFile): number {
  const fd = openForReading(file.path, file.noFollow, file.label);
  const found = fstatSync(fd);
  if (found.ino === file.ino && found.dev === file.dev && (found.size === file.size || !found.isFile())) return fd;
  closeSync(fd);
  throw new KindlingError('IO', 'the file was replaced or changed its size while it was being read', { file: file.label });
}

/** Fills `target` from the file; TRUNCATED when the file has become shorter. A whole file is read without keeping it open. */
export function readFile(file: OpenedFile, at: number, target: Uint8Array): void {
  const open = held.get(file);
  if (open === undefined && at === 0 && target.length === file.size) {
    const fd = openChecked(file);
    try {
      fill(fd, file, at, target);
    } finally {
      closeSync(fd);
    }
    return;
  }
  fill((open ?? hold(file)).fd, file, at, target);
}

/** A view of a small range, out of a window that is read around it: formats are read a header at a time, one after the other or far apart. */
export function readSmall(file: OpenedFile, at: number, size: number): Uint8Array {
  const open = held.get(file) ?? hold(file);
  const inside = at - open.windowAt;
  if (inside >= 0 && inside + size <= open.window.length) return open.window.subarray(inside, inside + size);
  // Reading on from where the last window ended, it pays to read ahead; after a jump it does not.
  const readsOn = open.window.length > 0 && inside > 0 && inside <= open.window.length;
  const ahead = readsOn ? Math.min(open.window.length * 4, WINDOW_MOST) : WINDOW_LEAST;
  // A new window each time: views into the old one stay valid.
  const window = freshBytes(Math.min(Math.max(ahead, size), file.size - at));
  fill(open.fd, file, at, window);
  open.window = window;
  open.windowAt = at;
  return window.subarray(0, size);
}

function hold(file: OpenedFile): Held {
  if (held.size >= HELD_MOST) {
    const oldest = held.keys().next().value;
    if (oldest !== undefined) release(oldest);
  }
  const opened: Held = { fd: openChecked(file), windowAt: 0, window: NO_WINDOW };
  held.set(file, opened);
  return opened;
}

/** Closes a file that was kept open; nothing happens when it was not. */
export function release(file: OpenedFile): void {
  const open = held.get(file);
  if (open === undefined) return;
  held.delete(file);
  closeSync(open.fd);
}

/** Memory that is not cleared first: it is overwritten at once. A plain Uint8Array, since Buffer's `slice` means something else. */
export function freshBytes(size: number): Uint8Array {
  const memory = Buffer.allocUnsafe(size);
  return new Uint8Array(memory.buffer, memory.byteOffset, size);
}

function fill(fd: number, file: OpenedFile, at: number, target: Uint8Array): void {
  let done = 0;
  while (done < target.length) {
    const count = system(() => readSync(fd, target, done, target.length - done, at + done), { file: file.label });
    if (count === 0) {
      throw new KindlingError(
        'TRUNCATED',
        `the file became shorter while it was being read: nothing at ${at + done}, ${file.size} bytes were announced`,
        {
          file: file.label,
          offset: at + done,
        },
      );
    }
    done += count;
  }
}
