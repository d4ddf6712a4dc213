// The lock of a root around the steps of install and uninstall, with the message for whoever has to wait.
import { openConfined } from '../node/confined.ts';
import { DISK } from '../node/disk.ts';
import { takeLock } from '../node/lock.ts';
import type { World } from './world.ts';

/** Does something while no other run of kindling changes the root. */
export async function withInstallLock<T>(base: string, world: World, work: () => T | Promise<T>): Promise<T> {
  const directory = openConfined(DISK, base, 'var/lib/kindling', true)!;
  try {
    const lock = await takeLock(DISK, directory, {
      signal: world.signal,
      onWait: ({ pid }) => world.note(`waiting for process ${pid}, which is changing the archives of ${base}`),
    });
    try {
      return await work();
    } finally {
      lock.release();
    }
  } finally {
    directory.close();
  }
}
