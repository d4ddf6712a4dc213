// Writing a bundle: a squashfs image as `kindling pack` makes it, with blocks that suit what is read from slow media.
import { existsSync, statSync } from 'node:fs';
import { type Finding, KindlingError } from '../errors.ts';
import { BUNDLE_SUFFIX, parseBundleName } from '../media/bundles/index.ts';
import { sha256 } from '../node/digest.ts';
import { writePlaced } from '../node/write.ts';
import type { Tree } from '../tree/index.ts';
import { adjusted, contentSize, losses, newestTime, packImage } from '../verbs/pack.ts';
import { BLOCK_OPTIONS, blockWords, withCompressor } from './block-words.ts';
import { printable } from './report.ts';
import { type OptionTable, type Parsed, usageError } from './verb.ts';
import type { World } from './world.ts';

/** Bytes in a block of a bundle unless told: docs/bundle.md says what was measured. */
export const BUNDLE_BLOCK = '256K';
/** Compression of a bundle unless told. */
export const BUNDLE_CODEC = 'zstd:9';

/** The options of everything that writes bundles. */
export const BUNDLE_WRITE_OPTIONS: OptionTable = {
  codec: { value: 'CODEC[:LEVEL]', default: BUNDLE_CODEC, summary: 'zstd, gzip, xz or lz4' },
  ...BLOCK_OPTIONS,
  block: { ...BLOCK_OPTIONS.block!, default: BUNDLE_BLOCK },
  'all-root': { summary: 'everything in the bundle belongs to root' },
};

/** A bundle that was written, or would be. */
export interface WrittenBundle {
  readonly file: string;
  readonly written: boolean;
  readonly entryCount: number;
  readonly contentSize: number;
  readonly codec: string;
  /** Bytes of the bundle; absent when nothing was written. */
  readonly size?: number;
  readonly losses: readonly Finding[];
}

/** Where to write: the name given, or `NAME.sb` in a directory that is given. Throws USAGE for a name that no boot takes for a bundle. */
export function bundlePath(verb: string, output: string | undefined, name: string | undefined): string {
  if (output === undefined) throw usageError(`${verb}: -o FILE is missing: where to write, NN-NAME${BUNDLE_SUFFIX}`);
  const isFolder = output.endsWith('/') || (existsSync(output) && statSync(output).isDirectory());
  if (isFolder && name === undefined) throw usageError(`${verb}: -o names a directory, expected a file NN-NAME${BUNDLE_SUFFIX}`);
  const path = isFolder ? `${output.replace(/\/+$/, '')}/${name}${BUNDLE_SUFFIX}` : output;
  if (parseBundleName(path) === undefined)
    throw usageError(`${verb}: the bundle is to be called "${path}", expected NN-NAME${BUNDLE_SUFFIX}`);
  return path;
}

/** Packs a tree. With -n nothing is written. Throws NOT_EXPRESSIBLE before the first byte. */
export async function writeBundle(tree: Tree, file: string, parsed: Parsed, world: World): Promise<WrittenBundle> {
  const withDefault: Parsed = { ...parsed, value: (name) => parsed.value(name) ?? (name === 'block' ? BUNDLE_BLOCK : undefined) };
  const words = blockWords(withDefault, parsed.value('codec') ?? BUNDLE_CODEC);
  const packed = adjusted(tree, { allRoot: parsed.flag('all-root'), xattrs: true, timeMost: world.sourceDateEpoch });
  const found = losses(packed, 'squashfs');
  const fatal = found.find(({ severity }) => severity === 'error');
  if (fatal !== undefined) throw new KindlingError('NOT_EXPRESSIBLE', `${fatal.message}; nothing was written`, fatal.where);
  const size = contentSize(packed);
  const facts = { file, entryCount: packed.entries.length, contentSize: size, codec: words.codec, losses: found };
  if (parsed.flag('dry-run')) return { ...facts, written: false };
  world.progress.step(`packing ${printable(file)}`, size);
  const written = await withCompressor(words, size, world, async (compressor) => {
    const pieces = packImage(packed, {
      compressor,
      blockSize: words.blockSize,
      time: world.sourceDateEpoch ?? newestTime(packed),
      fragments: 'always',
      duplicates: true,
      sha256,
      sparse: true,
      xattrs: true,
      exportTable: false,
      padding: 4096,
      onProgress: ({ contentSize: done }) => world.progress.advance(done),
    });
    return await writePlaced(file, interruptible(pieces, world.signal));
  });
  world.progress.clear();
  return { ...facts, written: true, size: written };
}

async function* interruptible<T>(pieces: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const piece of pieces) {
    if (signal.aborted) throw new KindlingError('INTERRUPTED', 'a signal came while the bundle was being written');
    yield piece;
  }
}

/** Bytes as a person reads them. */
export function mib(size: number): string {
  return size < 1024 * 1024 ? `${(size / 1024).toFixed(1)} KiB` : `${(size / 1024 / 1024).toFixed(1)} MiB`;
}

/** What was written, in a line. */
export function writtenLine({ file, written, entryCount, contentSize: content, size }: WrittenBundle): string {
  const what = `${entryCount} entries, ${mib(content)}`;
  return written ? `${printable(file)}: ${mib(size ?? 0)} of ${what}` : `would write ${printable(file)}: ${what}`;
}

/** Groups what was left out by reason, with a few examples. */
export function leftOutLines(leftOut: readonly { readonly path: string; readonly reason: string }[], most: number): string[] {
  const byReason = new Map<string, string[]>();
  for (const { path, reason } of leftOut) byReason.set(reason, [...(byReason.get(reason) ?? []), path]);
  return [...byReason].map(([reason, paths]) => {
    const more = paths.length > most ? ` and ${paths.length - most} more` : '';
    return `left out: ${paths.slice(0, most).map(printable).join(', ')}${more} (${reason})`;
  });
}
