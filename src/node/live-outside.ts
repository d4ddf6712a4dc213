// The running live system as the verbs see it: its files, its mounts, and mount(8) itself (docs/live-changes.md).
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, statSync } from 'node:fs';
import type { Decoder } from '../codecs/index.ts';
import { decode } from '../formats/squashfs/index.ts';
import type { LiveOutside } from '../verbs/live-bundles.ts';
import { runningSha256 } from './digest.ts';
import { isErrno } from './disk.ts';
import { system } from './errno.ts';
import { fileSource } from './source.ts';
import { runTool } from './tools.ts';
import { writeAtomically } from './write.ts';

const PIECE_SIZE = 1 << 20;
const TIMEOUT = 300_000;

function* piecesOf(path: string): Generator<Uint8Array> {
  const source = fileSource(path);
  try {
    for (let at = 0; at < source.size; at += PIECE_SIZE) yield source.read(at, Math.min(PIECE_SIZE, source.size - at));
  } finally {
    source.release();
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return undefined;
    return system(
      () => {
        throw error;
      },
      { file: path },
    );
  }
}

/** This machine. */
export function liveOutside(decoders: readonly Decoder[]): LiveOutside {
  return {
    read: textOf,
    exists: (path) => existsSync(path),
    size: (path) => system(() => statSync(path), { file: path }).size,
    sha256: async (path) => {
      const digest = runningSha256();
      for (const piece of piecesOf(path)) digest.update(piece);
      return digest.finish();
    },
    realPath: (path) => system(() => realpathSync(path), { file: path }),
    write: async (path, text) => {
      await writeAtomically(path, [new TextEncoder().encode(text)], { mode: 0o644 });
    },
    copy: async (from, to) => {
      await writeAtomically(to, piecesOf(from), { mode: 0o644, expectedSize: system(() => statSync(from), { file: from }).size });
    },
    rename: async (from, to) => system(() => renameSync(from, to), { file: to }),
    makeDirectory: (path) => void system(() => mkdirSync(path, { recursive: true }), { file: path }),
    tree: async (file) => decode(fileSource(file), { decoders }).tree,
    run: async ([name = '', ...words]) => {
      const { code, stderr } = await runTool(name, words, { timeout: TIMEOUT });
      return { code, stderr };
    },
  };
}
