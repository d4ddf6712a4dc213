// ext4 volumes, made by `mke2fs -d` and `debugfs` (docs/dependencies.md): no root, no mount. Equal input makes equal bytes: identifiers and
// times are given, none are drawn or read from a clock.
import { closeSync, ftruncateSync, linkSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KindlingError } from '../errors.ts';
import type { Tree } from '../tree/index.ts';
import { system } from './errno.ts';
import { runTool } from './tools.ts';

/** An ext4 volume to be made. */
export interface Ext4Request {
  /** The file to make. */
  readonly path: string;
  /** Bytes; a whole number of MiB. */
  readonly size: number;
  readonly label: string;
  readonly uuid: string;
  /** Seconds since 1970 of everything in it. */
  readonly time: number;
  /** What it holds; nothing when left out. */
  readonly content?: {
    readonly tree: Tree;
    readonly staging: string /** Files that are on disk already, by path. */;
    readonly files: ReadonlyMap<string, string>;
  };
}

const PACKAGE = 'Debian package e2fsprogs';
const PIECE = 1 << 20;
const ZEROS = Buffer.alloc(PIECE);
const TIMEOUT_MS = 600_000;

/** Makes the volume. Throws NO_TOOL, NO_SPACE, IO with the program's own words. */
export async function makeExt4(request: Ext4Request): Promise<void> {
  const { path, size, label, uuid, time, content } = request;
  if (content !== undefined) stage(content.tree, content.staging, content.files);
  const mib = Math.floor(size / PIECE);
  const options = ['-q', '-F', '-t', 'ext4', '-b', '4096', '-m', '0', '-L', label, '-U', uuid, '-O', '^metadata_csum_seed'];
  const extended = `root_owner=0:0,hash_seed=${uuid},lazy_itable_init=0,lazy_journal_init=0`;
  const from = content === undefined ? [] : ['-d', content.staging];
  await run('mke2fs', [...options, '-E', extended, ...from, path, `${mib}M`], time);
  const paths = ['/', '/lost+found', ...(content?.tree.entries ?? []).flatMap((entry) => (entry.path === '' ? [] : [`/${entry.path}`]))];
  const lines = paths.flatMap((one) => [
    ...['uid', 'gid'].map((field) => `sif "${one}" ${field} 0`),
    ...['atime', 'mtime', 'ctime', 'crtime'].flatMap((field) => [`sif "${one}" ${field} @${time}`, `sif "${one}" ${field}_extra 0`]),
  ]);
  const { stderr, code } = await runTool('debugfs', ['-w', '-f', '-', path], {
    input: new TextEncoder().encode(`${lines.join('\n')}\n`),
    timeout: TIMEOUT_MS,
    env: environment(time),
  });
  // it exits 0 whatever happens; its complaints stand behind the line with its version
  const complaint = stderr.split('\n').find((line) => line !== '' && !line.startsWith('debugfs '));
  if (code !== 0 || complaint !== undefined)
    throw new KindlingError('IO', `debugfs: ${complaint ?? `it ended with ${code}`}`, { file: path });
}

function environment(time: number): Record<string, string | undefined> {
  return {
    ...process.env,
    LC_ALL: 'C',
    TZ: 'UTC',
    E2FSPROGS_FAKE_TIME: String(Math.max(1, time)),
    SOURCE_DATE_EPOCH: String(time),
    MKE2FS_SYNC: '0',
  };
}

async function run(program: string, words: readonly string[], time: number): Promise<void> {
  let result: Awaited<ReturnType<typeof runTool>>;
  try {
    result = await runTool(program, words, { timeout: TIMEOUT_MS, env: environment(time) });
  } catch (error) {
    if (error instanceof KindlingError && error.code === 'NO_TOOL') throw new KindlingError('NO_TOOL', `${error.message} (${PACKAGE})`);
    throw error;
  }
  if (result.code !== 0) throw new KindlingError('IO', `${program} ended with ${result.code}: ${result.stderr.trim()}`);
}

/** The tree as files on disk; those that are there already are linked. */
function stage(tree: Tree, folder: string, files: ReadonlyMap<string, string>): void {
  for (const entry of tree.entries) {
    const target = entry.path === '' ? folder : join(folder, entry.path);
    if (entry.kind === 'directory') system(() => mkdirSync(target, { recursive: true }), { file: target });
    if (entry.kind !== 'file') continue;
    const there = files.get(entry.path);
    if (there !== undefined && linked(there, target)) continue;
    writeFile(target, entry.content);
  }
}

function linked(from: string, to: string): boolean {
  try {
    mkdirSync(dirname(to), { recursive: true });
    linkSync(from, to);
    return true;
  } catch {
    return false; // another file system, or one without links: it is copied
  }
}

/** Copies a content into a new file; stretches of zeros become holes. */
export function writeFile(path: string, content: { readonly size: number; read(at: number, size: number): Uint8Array }): void {
  const fd = system(() => openSync(path, 'w', 0o644), { file: path });
  try {
    for (let at = 0; at < content.size; ) {
      const bytes = content.read(at, Math.min(PIECE, content.size - at));
      const isZero = ZEROS.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
      for (let done = isZero ? bytes.length : 0; done < bytes.length; )
        done += system(() => writeSync(fd, bytes, done, bytes.length - done, at + done), { file: path });
      at += bytes.length;
    }
    system(() => ftruncateSync(fd, content.size), { file: path });
  } finally {
    closeSync(fd);
  }
}
