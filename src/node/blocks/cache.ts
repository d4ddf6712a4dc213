// The block cache as the main thread sees it: a folder of packs (pack-file.ts), each named by what its blocks were compressed with and by
// chance. Before the work the indexes are read into shared memory; after it new packs are there, packs that were of use count as young,
// damaged ones and the oldest beyond the bound are removed. Everything may vanish or be damaged at any time: what is not found is made again.
import { lstatSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { errnoError } from '../errno.ts';
import { loadCache, MARK, type SharedCache } from './cache-index.ts';
import { joinSmallPacks } from './cache-join.ts';
import { attempt, PROFILE_DIGITS, packNames, TEMPORARY_NAME } from './cache-names.ts';
import { digestOf } from './pack-file.ts';

/** How the cache is used. */
export interface CacheOptions {
  /** The folder; `$XDG_CACHE_HOME/kindling/blocks`, else `~/.cache/kindling/blocks`, unless told. */
  readonly directory?: string;
  /** Most bytes that stay in it; 1 GiB unless told. */
  readonly limit?: number;
}

/** The cache of one run. */
export interface BlockCache {
  readonly shared: SharedCache;
  /** Removes what this process has not finished. Never throws. */
  abandon(): void;
  /** Ends the run, after the workers: removes what is damaged, too old or too much. Never throws. Answers how many packs were damaged. */
  finish(): number;
}

/** The cache, or why there is none. */
export type OpenedCache = { readonly cache: BlockCache } | { readonly unusable: string };

/** Most bytes in the cache unless told. */
export const CACHE_LIMIT = 2 ** 30;
const DAY = 24 * 60 * 60 * 1000;

/** Where the cache is unless told. */
export function cacheDirectory(env: Readonly<Record<string, string | undefined>> = process.env): string {
  // a relative XDG_CACHE_HOME is to be ignored, as its specification says
  const base = env.XDG_CACHE_HOME?.startsWith('/') === true ? env.XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'kindling/blocks');
}

/** Opens the cache for blocks that depend on `recipe` (codec, options, version of the library). Never throws: `unusable` says why there is none. */
export function openCache(recipe: string, options: CacheOptions = {}): OpenedCache {
  const limit = options.limit ?? CACHE_LIMIT;
  if (limit <= 0) return { unusable: 'its size is bounded to nothing' };
  try {
    const directory = options.directory ?? cacheDirectory();
    makeDirectories(directory);
    const { uid } = statSync(directory);
    // Whoever owns the folder decides what images are made of.
    if (uid !== process.geteuid?.() && uid !== 0) return { unusable: `${directory} belongs to another user` };
    // A process of another machine or container is not seen here; a day is longer than any run.
    removeUnfinished(directory, (pid, age) => age > DAY || !isAlive(pid));
    const profile = Buffer.from(digestOf(Buffer.from(recipe)))
      .toString('hex')
      .slice(0, PROFILE_DIGITS);
    const shared = loadCache(directory, profile, limit);
    return {
      cache: { shared, abandon: () => removeUnfinished(directory, (pid) => pid === process.pid), finish: () => finish(shared, limit) },
    };
  } catch (error) {
    const known = errnoError(error);
    if (known === undefined) throw error;
    return { unusable: `${known.where.file ?? 'the folder'}: ${known.message}` };
  }
}

/** Makes a directory and those above it. Not Node's own `recursive`: that never returns where a parent cannot be made, as in /proc. */
function makeDirectories(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const above = dirname(path);
  if (above !== path) makeDirectories(above);
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    // Another run was first, or this throws again.
    if (!statSync(path).isDirectory()) throw error;
  }
}

/** Removes packs that were never ended, by the number of the process that began them and their age in milliseconds. */
function removeUnfinished(directory: string, isAbandoned: (pid: number, age: number) => boolean): void {
  for (const name of attempt(() => readdirSync(directory)) ?? []) {
    const pid = TEMPORARY_NAME.exec(name)?.[1];
    if (pid === undefined) continue;
    const path = join(directory, name);
    const age = attempt(() => Date.now() - lstatSync(path).mtimeMs) ?? 0;
    if (isAbandoned(Number(pid), age)) attempt(() => rmSync(path, { force: true }));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function finish(shared: SharedCache, limit: number): number {
  const { directory, packs } = shared;
  const marks = new Int32Array(shared.marks);
  let damagedCount = 0;
  const now = new Date();
  for (const [index, { name }] of packs.entries()) {
    const path = join(directory, name);
    if (marks[index] === MARK.damaged) {
      damagedCount += 1;
      attempt(() => rmSync(path, { force: true }));
    } else if (marks[index] === MARK.used) attempt(() => utimesSync(path, now, now));
  }
  attempt(() => joinSmallPacks(directory, shared.profile));
  attempt(() => evict(directory, limit));
  return damagedCount;
}

/** Removes the packs used longest ago until the rest is within the bound. */
function evict(directory: string, limit: number): void {
  const known = packNames(directory).flatMap((name) => {
    const stats = lstatSync(join(directory, name), { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ path: join(directory, name), size: stats.size, usedAt: stats.mtimeMs }];
  });
  let total = known.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of known.sort((a, b) => a.usedAt - b.usedAt)) {
    if (total <= limit) return;
    rmSync(path, { force: true });
    total -= size;
  }
}
