// Bundles as files, each made once: kept under a digest of everything that decides their bytes (what the tree says, the stat of every file on
// disk, the compression) and taken again when that is unchanged. A kept one is digested again before it is used; a damaged one is made anew.
import { linkSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ByteSource, nameFromBytes, readInto } from '../bytes/index.ts';
import type { BundleFile } from '../media/index.ts';
import type { Entry, Tree } from '../tree/index.ts';
import { onInterrupt } from './cleanup.ts';
import { asPath } from './descriptors.ts';
import { runningSha256 } from './digest.ts';
import { diskPath } from './entries.ts';
import { system } from './errno.ts';
import { fileSource } from './source.ts';

/** Most bytes of bundles that are kept. */
export const BUNDLES_LIMIT = 4 * 1024 ** 3;
const PIECE = 1 << 20;
// A file that changed so shortly ago can change again without another time.
const RACY_MS = 1000;
const NAME = /^([0-9a-f]{64})-([0-9a-f]{64})\.sb$/;

/** SHA-256 of a whole source, read piece by piece. */
export function digestSource(source: ByteSource): string {
  const digest = runningSha256();
  const buffer = new Uint8Array(Math.min(PIECE, source.size));
  for (let at = 0; at < source.size; at += PIECE) {
    const part = buffer.subarray(0, Math.min(PIECE, source.size - at));
    readInto(source, at, part);
    digest.update(part);
  }
  return digest.finish();
}

/** Where a tree's files come from: their identity beside what the tree says. `undefined` from `of` means: not to be trusted. */
export interface TreeOrigin {
  of(entry: Entry): string | undefined;
}

/** Files of a directory on disk: inode, times to the nanosecond, size. */
export function directoryOrigin(base: string): TreeOrigin {
  const began = Date.now();
  return {
    of(entry) {
      const stats = lstatSync(asPath(diskPath(base, entry.path)), { bigint: true, throwIfNoEntry: false });
      if (stats === undefined || began - Number(stats.ctimeMs) < RACY_MS) return undefined;
      return `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
    },
  };
}

/** Files inside images: the images' own identity. */
export function imageOrigin(paths: readonly string[]): TreeOrigin {
  const began = Date.now();
  const all = paths.map((path) => {
    const stats = system(() => statSync(path, { bigint: true }), { file: path });
    if (began - Number(stats.ctimeMs) < RACY_MS) return undefined;
    return `${path} ${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
  });
  const whole = all.includes(undefined) ? undefined : all.join('\n');
  return { of: () => whole };
}

/** A place for the bundles of one run. */
export interface LiveStore {
  /** Takes a bundle that was made of the same before, or has it made: `make` writes the file at the path it is given. */
  bundle(name: string, tree: Tree, origin: TreeOrigin, form: string, make: (path: string) => Promise<unknown>): Promise<StoredBundle>;
  /** A path of its own for a file that goes away at the end. */
  scratch(name: string): string;
  /** Removes what was only for this run. */
  close(): void;
}

/** A bundle, and whether it was there already. */
export interface StoredBundle extends BundleFile {
  readonly path: string;
  readonly isKept: boolean;
}

/** Where bundles are kept unless told. */
export function bundlesDirectory(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const base = env.XDG_CACHE_HOME?.startsWith('/') === true ? env.XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'kindling/bundles');
}

function keyOf(tree: Tree, origin: TreeOrigin, form: string): string | undefined {
  const digest = runningSha256();
  const lines: string[] = [form];
  const encoder = new TextEncoder();
  const flush = (): void => {
    digest.update(encoder.encode(`${lines.join('\n')}\n`));
    lines.length = 0;
  };
  for (const entry of tree.entries) {
    const { xattrs, ...rest } = entry;
    const held = [...(xattrs ?? [])].map(([name, value]) => [name, nameFromBytes(value)]);
    if (entry.kind === 'file') {
      const identity = origin.of(entry);
      if (identity === undefined) return undefined;
      lines.push(JSON.stringify([{ ...rest, content: entry.content.size }, held, identity]));
    } else lines.push(JSON.stringify([rest, held]));
    if (lines.length > 500) flush();
  }
  flush();
  return digest.finish();
}

/** Opens the place. With `keeps` false, or where the folder cannot be used, nothing outlives the run. */
export function liveStore(keeps: boolean, directory: string = bundlesDirectory()): LiveStore {
  const home = keeps ? usable(directory) : undefined;
  const work = system(() => mkdtempSync(home === undefined ? join(tmpdir(), 'kindling-live-') : join(home, 'work-')));
  const remove = (): void => rmSync(work, { recursive: true, force: true });
  const withdraw = onInterrupt(remove);
  let count = 0;
  const scratch = (name: string): string => {
    count += 1;
    const folder = join(work, String(count));
    system(() => mkdirSync(folder));
    return join(folder, name);
  };
  return {
    scratch,
    async bundle(name, tree, origin, form, make) {
      const key = home === undefined ? undefined : keyOf(tree, origin, form);
      const path = scratch(name);
      const kept = key === undefined ? undefined : taken(home!, key, path);
      if (kept !== undefined) return { ...kept, name, path, isKept: true };
      await make(path);
      const content = fileSource(path);
      const sha256 = digestSource(content);
      // what changed while it was read has another key now, and is not kept under the old one
      if (home !== undefined && key !== undefined && keyOf(tree, origin, form) === key) keep(path, join(home, `${key}-${sha256}.sb`));
      return { name, path, content, size: content.size, sha256, isKept: false };
    },
    close() {
      withdraw();
      remove();
      if (home !== undefined) evict(home);
    },
  };
}

function usable(directory: string): string | undefined {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { uid } = statSync(directory);
    // whoever owns the folder decides what media are made of
    return uid === process.geteuid?.() ? directory : undefined;
  } catch {
    return undefined; // read-only, full: everything is made for this run alone
  }
}

/** A kept bundle under a name of this run, so that nobody's tidying takes it away; undefined when there is none, or a damaged one. */
function taken(home: string, key: string, path: string): Pick<StoredBundle, 'content' | 'size' | 'sha256'> | undefined {
  const name = names(home).find((one) => one.startsWith(key));
  if (name === undefined) return undefined;
  const sha256 = NAME.exec(name)![2]!;
  try {
    linkSync(join(home, name), path);
    const content = fileSource(path);
    if (digestSource(content) === sha256) {
      utimesSync(join(home, name), new Date(), new Date());
      return { content, size: content.size, sha256 };
    }
    rmSync(path, { force: true });
    rmSync(join(home, name), { force: true });
  } catch {
    rmSync(path, { force: true }); // gone or unreadable meanwhile: it is made again
  }
  return undefined;
}

function keep(path: string, target: string): void {
  try {
    linkSync(path, target);
  } catch {
    // there already, or no links here: it is made again next time
  }
}

function names(home: string): readonly string[] {
  return readdirSync(home).filter((name) => NAME.test(name));
}

function evict(home: string): void {
  const held = names(home).flatMap((name) => {
    const stats = statSync(join(home, name), { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ path: join(home, name), size: stats.size, at: stats.mtimeMs }];
  });
  let total = held.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of held.sort((a, b) => a.at - b.at)) {
    if (total <= BUNDLES_LIMIT) return;
    rmSync(path, { force: true });
    total -= size;
  }
}
