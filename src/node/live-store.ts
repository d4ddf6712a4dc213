// Bundles as files, each made once: kept under a digest of everything that decides their bytes (what the tree says, the stat of every file on
// disk, the compression) and taken again when that is unchanged. Else the last one gives the blocks of files that have not changed
// (live-blocks.ts). A kept one is digested again before it is used; a damaged one is made anew.
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ByteSource, nameFromBytes, nameToBytes, readInto } from '../bytes/index.ts';
import type { BundleFile } from '../media/index.ts';
import type { Entry, Tree } from '../tree/index.ts';
import { onInterrupt } from './cleanup.ts';
import { asPath } from './descriptors.ts';
import { runningSha256, sha256 } from './digest.ts';
import { diskPath } from './entries.ts';
import { system } from './errno.ts';
import { type KnownBlocks, knownBlocks } from './live-blocks.ts';
import { fileSource } from './source.ts';

/** Most bytes of bundles, and of what is known of them and of roots, that are kept. */
export const BUNDLES_LIMIT = 4 * 1024 ** 3;
const PIECE = 1 << 20;
// A file that changed so shortly ago can change again without another time.
const RACY_MS = 1000;
const NAME = /^([0-9a-f]{64})-([0-9a-f]{64})\.sb$/;
const NOTE_NAME = /^[0-9a-f]{64}\.(facts|archive|blocks)$/;
const NOTE_MOST = 256 << 20;

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

/** What is noted beside bundles: facts about a root's files, a root's last archive, the blocks of a bundle. */
export type NoteKind = 'facts' | 'archive' | 'blocks';

/** A place for the bundles of one run. */
export interface LiveStore {
  /** Takes a bundle that was made of the same before, or has it made: `make` writes the file at the path it is given. */
  bundle(request: BundleRequest, make: (path: string, known: KnownBlocks | undefined) => Promise<unknown>): Promise<StoredBundle>;
  /** What was noted under a subject (64 hex digits); not to be trusted: it says itself whether it is whole. */
  note(subject: string, kind: NoteKind): Uint8Array | undefined;
  /** Keeps a note for the next run, where that is possible. */
  keepNote(subject: string, kind: NoteKind, bytes: Uint8Array): void;
  /** A path of its own for a file that goes away at the end. */
  scratch(name: string): string;
  /** Removes what was only for this run. */
  close(): void;
}

/** A bundle that is wanted. */
export interface BundleRequest {
  readonly name: string;
  readonly tree: Tree;
  readonly origin: TreeOrigin;
  /** Everything besides tree and files that decides the bytes, as text. */
  readonly form: string;
  /** Where it belongs, as text: the root, and all that its blocks depend on. The last one of the same series gives blocks to the next. */
  readonly series: string;
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

/** What stands for the content of each file, by path; files that cannot be trusted are left out. */
function identitiesOf(tree: Tree, origin: TreeOrigin): ReadonlyMap<string, string> {
  const identities = new Map<string, string>();
  for (const entry of tree.entries) {
    const identity = entry.kind === 'file' ? origin.of(entry) : undefined;
    if (identity !== undefined) identities.set(entry.path, identity);
  }
  return identities;
}

/** What decides the bytes of an entry, in few words: this is done for every file of a root. */
function detailOf(entry: Entry, identities: ReadonlyMap<string, string>): unknown {
  switch (entry.kind) {
    case 'file':
      return [entry.content.size, identities.get(entry.path)];
    case 'symlink':
      return entry.target;
    case 'hardlink':
      return entry.to;
    case 'char':
    case 'block':
      return [entry.major, entry.minor];
    default:
      return 0;
  }
}

/** A digest of everything that decides the bytes; undefined when one of the files cannot be trusted. */
function keyOf(tree: Tree, identities: ReadonlyMap<string, string>, form: string): string | undefined {
  if (tree.entries.some(({ kind, path }) => kind === 'file' && !identities.has(path))) return undefined;
  const lines = tree.entries.map((entry) => {
    const { kind, path, mode, uid, gid, mtime, xattrs } = entry;
    const held = xattrs === undefined ? 0 : [...xattrs].map(([name, value]) => [name, nameFromBytes(value)]);
    return JSON.stringify([kind, path, mode, uid, gid, mtime, detailOf(entry, identities), held]);
  });
  return sha256(new TextEncoder().encode([form, ...lines, ''].join('\n')));
}

function areEqual(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): boolean {
  return before.size === after.size && [...before].every(([path, identity]) => after.get(path) === identity);
}

/** Opens the place. With `keeps` false, or where the folder cannot be used, nothing outlives the run. */
export function liveStore(keeps: boolean, directory: string = bundlesDirectory()): LiveStore {
  const home = keeps ? usable(directory) : undefined;
  const work = system(() => mkdtempSync(home === undefined ? join(tmpdir(), 'kindling-live-') : join(home, 'work-')));
  const remove = (): void => rmSync(work, { recursive: true, force: true });
  const withdraw = onInterrupt(remove);
  // for the next run: done when this one waits for something anyway
  const waiting: (() => void)[] = [];
  const settleOne = (): void => {
    try {
      waiting.shift()?.();
    } catch {
      // a root that goes away, a full disk: the next run makes it anew
    }
  };
  const later = (work: () => void): void => {
    waiting.push(work);
    setImmediate(settleOne);
  };
  let count = 0;
  const scratch = (name: string): string => {
    count += 1;
    const folder = join(work, String(count));
    system(() => mkdirSync(folder));
    return join(folder, name);
  };
  return {
    scratch,
    async bundle({ name, tree, origin, form, series }, make) {
      const path = scratch(name);
      if (home === undefined) {
        await make(path, undefined);
        return { ...finishedAt(path), name, path, isKept: false };
      }
      const identities = identitiesOf(tree, origin);
      const key = keyOf(tree, identities, form);
      const kept = key === undefined ? undefined : keptUnder(home, key, path);
      if (kept !== undefined) return { ...kept, name, path, isKept: true };
      const subject = sha256(nameToBytes(JSON.stringify([name, series])));
      const notePath = join(home, `${subject}.blocks`);
      const base = (file: string): ByteSource | undefined => (NAME.test(file) ? taken(home, file, scratch(name))?.content : undefined);
      const known = knownBlocks(noteAt(notePath), identities, base);
      await make(path, known);
      const made = finishedAt(path);
      later(() => {
        // what changed while it was read is another file now: it is neither kept under the old key nor known by its old identity
        const after = identitiesOf(tree, origin);
        const isSame = key !== undefined && areEqual(identities, after);
        const file = `${isSame ? key : sha256(nameToBytes(`${subject} ${made.sha256}`))}-${made.sha256}.sb`;
        keep(path, join(home, file));
        replaceNote(notePath, join(work, 'note'), known.print(file, after));
      });
      return { ...made, name, path, isKept: false };
    },
    note: (subject, kind) => (home === undefined ? undefined : noteAt(join(home, `${subject}.${kind}`))),
    keepNote(subject, kind, bytes) {
      if (home !== undefined) replaceNote(join(home, `${subject}.${kind}`), join(work, kind), bytes);
    },
    close() {
      while (waiting.length > 0) settleOne();
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

function finishedAt(path: string): Pick<StoredBundle, 'content' | 'size' | 'sha256'> {
  const content = fileSource(path);
  return { content, size: content.size, sha256: digestSource(content) };
}

function keptUnder(home: string, key: string, path: string): ReturnType<typeof taken> {
  const file = names(home).find((one) => one.startsWith(key));
  return file === undefined ? undefined : taken(home, file, path);
}

/** A kept bundle under a name of this run, so that nobody's tidying takes it away; undefined when there is none, or a damaged one. */
function taken(home: string, file: string, path: string): Pick<StoredBundle, 'content' | 'size' | 'sha256'> | undefined {
  const sha256 = NAME.exec(file)![2]!;
  try {
    linkSync(join(home, file), path);
    const content = fileSource(path);
    if (digestSource(content) === sha256) {
      utimesSync(join(home, file), new Date(), new Date());
      return { content, size: content.size, sha256 };
    }
    rmSync(path, { force: true });
    rmSync(join(home, file), { force: true });
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

function noteAt(path: string): Uint8Array | undefined {
  try {
    if (statSync(path).size > NOTE_MOST) return undefined;
    const bytes = readFileSync(path);
    utimesSync(path, new Date(), new Date());
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  } catch {
    return undefined; // none, or gone meanwhile: everything is found out again
  }
}

function replaceNote(path: string, scratch: string, bytes: Uint8Array): void {
  try {
    writeFileSync(scratch, bytes, { mode: 0o600 });
    renameSync(scratch, path);
  } catch {
    rmSync(scratch, { force: true }); // no room: the next run finds everything out again
  }
}

function names(home: string): readonly string[] {
  return readdirSync(home).filter((name) => NAME.test(name));
}

function evict(home: string): void {
  const held = readdirSync(home).flatMap((name) => {
    if (!NAME.test(name) && !NOTE_NAME.test(name)) return [];
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
