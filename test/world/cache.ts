// Where fetched packages, unpacked roots and disk images are kept between runs, and how each is made exactly once.
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The clone this file is in. */
export const CLONE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const LOCK_POLL = 200; // ms
const LOCK_MOST = 15 * 60_000; // ms; the slowest thing made under a lock is a first download

function isWritable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The folder that keeps what is fetched and made: the clone's `.cache/world`, else `$XDG_CACHE_HOME/kindling-world`. */
export function cacheFolder(): string {
  const inClone = join(CLONE, '.cache/world');
  if (isWritable(inClone)) return inClone;
  const personal = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kindling-world');
  mkdirSync(personal, { recursive: true });
  return personal;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

// A holder that died leaves its file behind; its pid tells.
async function lock(path: string): Promise<void> {
  const giveUpAt = Date.now() + LOCK_MOST;
  for (;;) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    let holder = 0;
    try {
      holder = Number(readFileSync(path, 'utf8'));
    } catch {
      continue; // released between the two calls
    }
    if (holder > 0 && !isAlive(holder)) {
      rmSync(path, { force: true });
      continue;
    }
    if (Date.now() > giveUpAt) throw new Error(`${path} has been held by process ${holder} for ${LOCK_MOST / 60_000} minutes`);
    await sleep(LOCK_POLL);
  }
}

/**
 * The path of `name` in the cache, made by `make` when it is not there. `make` gets a scratch path beside it and fills that with a
 * file or a folder; it is renamed into place only when `make` succeeds. Other processes that want the same wait.
 */
export async function once(name: string, make: (scratch: string) => Promise<void> | void): Promise<string> {
  const path = join(cacheFolder(), name);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const lockPath = `${path}.lock`;
  await lock(lockPath);
  const scratch = `${path}.making`;
  try {
    if (!existsSync(path)) {
      rmSync(scratch, { recursive: true, force: true });
      await make(scratch);
      renameSync(scratch, path);
    }
    return path;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    rmSync(lockPath, { force: true });
  }
}
