// Files as byte sources: opened when first read, read synchronously.
import { closeSync, fstatSync, readFileSync, readSync, type Stats } from 'node:fs';
import { type ByteSource, bytesSource, concat } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { freshBytes, type OpenedFile, openForReading, readFile, readSmall, release } from './descriptors.ts';
import { deviceNumbers } from './entries.ts';
import { system } from './errno.ts';

const SMALL_SIZE = 8192;
const PIPE_LIMIT = 2 ** 31;

/** A source over a file on disk. */
export interface FileSource extends ByteSource {
  /** Closes the file if it is open; a later read opens it again. */
  release(): void;
}

/**
 * Opens a file, a block device or a pipe by path, links followed. A pipe is read to its end at once (LIMIT above 2 GiB).
 * Throws NO_ENTRY, NO_PERMISSION, IO; a directory is IO.
 */
export function fileSource(path: string): FileSource {
  const fd = openForReading(path, false, path);
  try {
    const stats = fstatSync(fd);
    if (stats.isDirectory()) throw new KindlingError('IO', 'it is a directory, expected a file', { file: path });
    if (!stats.isFile() && !stats.isBlockDevice()) return { ...bytesSource(readPipe(fd, path)), release: () => {} };
    const size = stats.isBlockDevice() ? blockDeviceSize(stats, path) : stats.size;
    return openedSource({ path, label: path, size, dev: stats.dev, ino: stats.ino, noFollow: false });
  } finally {
    closeSync(fd);
  }
}

/** A source over a file that was looked at before; nothing is opened until the first read. */
export function openedSource(file: OpenedFile): FileSource {
  const check = (at: number, size: number): void => {
    if (at < 0 || size < 0 || at + size > file.size) {
      throw new KindlingError('TRUNCATED', `asked for bytes ${at} to ${at + size}, but there are only ${file.size}`, {
        file: file.label,
        offset: at,
      });
    }
  };
  return {
    size: file.size,
    read(at, size) {
      check(at, size);
      if (size === 0) return new Uint8Array(0);
      if (size <= SMALL_SIZE && size < file.size) return readSmall(file, at, size);
      const bytes = freshBytes(size);
      readFile(file, at, bytes);
      return bytes;
    },
    readInto(at, target) {
      check(at, target.length);
      if (target.length > 0) readFile(file, at, target);
    },
    release: () => release(file),
  };
}

function readPipe(fd: number, path: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const piece = freshBytes(1 << 20);
    const count = system(() => readSync(fd, piece, 0, piece.length, null), { file: path });
    if (count === 0) return concat(pieces);
    pieces.push(piece.subarray(0, count));
    size += count;
    if (size > PIPE_LIMIT)
      throw new KindlingError('LIMIT', `the pipe gave over ${PIPE_LIMIT} bytes; save it to a file first`, { file: path });
  }
}

/** The bytes of a block device: fstat gives it no size, the kernel tells it in sectors of 512 bytes whatever the device's own are. */
export function blockDeviceSize(stats: Stats, path: string): number {
  const { major, minor } = deviceNumbers(stats.rdev);
  const sectors = system(() => readFileSync(`/sys/dev/block/${major}:${minor}/size`, 'latin1'), { file: path });
  return Number(sectors.trim()) * 512;
}
