// Guest memory as the host sees it: QEMU's backing file is unlinked, but its used blocks can be counted through the process's own files.
import { readdirSync, readlinkSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** Where a backing of this many MiB fits: /dev/shm, else the directory for temporary files, else nowhere (then nothing is counted). */
export function backingDirectory(memory: number): string | undefined {
  // a backing larger than its file system kills QEMU with SIGBUS in the middle of the boot
  return ['/dev/shm', tmpdir()].find((path) => {
    try {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize >= memory * (1 << 20);
    } catch {
      return false; // no such place on this system
    }
  });
}

/** Counts KiB of guest memory that a QEMU process has touched; the figure never falls. */
export interface MemoryCount {
  read(): number | undefined;
}

/** A count for the process with this id. */
export function memoryCount(pid: number): MemoryCount {
  let descriptor: string | undefined;
  let most: number | undefined;
  return {
    read() {
      descriptor ??= backingDescriptor(pid);
      if (descriptor === undefined) return most;
      try {
        most = Math.max(most ?? 0, statSync(descriptor).blocks / 2);
      } catch {
        return most; // the process is gone: what was counted last stands
      }
      return most;
    },
  };
}

function backingDescriptor(pid: number): string | undefined {
  const directory = `/proc/${pid}/fd`;
  try {
    return readdirSync(directory)
      .map((name) => `${directory}/${name}`)
      .find((path) => /\/qemu_back_mem\.[^/]*$/.test(linkTarget(path)));
  } catch {
    return undefined; // not Linux, or the process has not begun or is over
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed since it was listed
  }
}
