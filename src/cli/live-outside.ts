// The outside world of `kindling live`: the root opened both ways (to plan in, and as one tree), and bundles made or taken from where they are kept.
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { nameToBytes } from '../bytes/index.ts';
import type { CodecChoice } from '../codecs/index.ts';
import { type Finding, KindlingError } from '../errors.ts';
import { type NewBundle, parseBundleName } from '../media/bundles/index.ts';
import type { BundleFile } from '../media/index.ts';
import { nodeDecoders } from '../node/codecs.ts';
import { sha256 } from '../node/digest.ts';
import { directoryRoot } from '../node/directory.ts';
import { UNSYNCED_DISK } from '../node/disk.ts';
import { earlyTree } from '../node/early-tree.ts';
import { system } from '../node/errno.ts';
import { hostFacts } from '../node/host-facts.ts';
import type { KnownBlocks } from '../node/live-blocks.ts';
import { digestSource, directoryOrigin, imageOrigin, type LiveStore } from '../node/live-store.ts';
import { signBytes } from '../node/signature.ts';
import { fileSource } from '../node/source.ts';
import { writePlaced } from '../node/write.ts';
import { type Root, treeRoot } from '../plan/index.ts';
import type { Tree } from '../tree/index.ts';
import type { LiveOutside } from '../verbs/live.ts';
import { type LiveReuse, liveReuse } from '../verbs/live-reuse.ts';
import { adjusted, contentSize, newestTime, packImage } from '../verbs/pack.ts';
import { type BlockWords, withCompressor } from './block-words.ts';
import { existing } from './plan-words.ts';
import { sourceTree } from './verbs/pack.ts';
import { packageVersion } from './version.ts';
import type { World } from './world.ts';

/** How the outside is opened. */
export interface LiveOutsideOptions {
  /** A directory or an image. */
  readonly root: string;
  readonly allRoot: boolean;
  readonly bundles: readonly string[];
  readonly blocks: BlockWords;
  /** Everything that decides how blocks are compressed, as text. */
  readonly form: string;
  readonly codec: CodecChoice;
  readonly store: LiveStore;
  /** The private key file that bundles are sealed with. */
  readonly sign?: string | undefined;
}

/** The outside, what was noticed on the way, and which bundles were taken as they were kept. */
export interface OpenedLive {
  readonly outside: LiveOutside;
  readonly notes: readonly Finding[];
  /** Seconds since 1970 of the newest file, or SOURCE_DATE_EPOCH. */
  readonly time: number;
  readonly kept: ReadonlySet<string>;
}

function finished(path: string): BundleFile {
  const name = basename(path);
  if (parseBundleName(name) === undefined) {
    throw new KindlingError('USAGE', `--bundle ${path}: a bundle's name is NN-name.sb`, { file: path });
  }
  const content = fileSource(path);
  return { name, content, size: content.size, sha256: digestSource(content) };
}

/** Opens the root. Throws what reading it throws. */
export async function openLive(options: LiveOutsideOptions, world: World): Promise<OpenedLive> {
  const { root: path, blocks, store, form, codec } = options;
  const decoders = nodeDecoders();
  const began = Date.now();
  const isDirectory = system(() => statSync(path), { file: path }).isDirectory();
  // the first time everything is compressed: the threads come up while the root is read
  if (store.note(subjectOf(path), 'facts') === undefined) blocks.compressor(Number.POSITIVE_INFINITY);
  const { tree: read, notes } = await sourceTree(path, true);
  const time = world.sourceDateEpoch ?? newestTime(read);
  const tree = adjusted(read, { allRoot: options.allRoot, xattrs: true, timeMost: world.sourceDateEpoch });
  const origin = isDirectory ? directoryOrigin(path) : imageOrigin([path]);
  const kept = new Set<string>();
  const bundle = async ({ name, tree: content }: NewBundle): Promise<BundleFile> => {
    const file = `${name}.sb`;
    const size = contentSize(content);
    world.progress.step(`bundle ${name}`, size);
    // its own newest file's: what changes elsewhere leaves it as it is
    const own = world.sourceDateEpoch ?? newestTime(content);
    const recipe = JSON.stringify([packageVersion(), form, own]);
    const series = JSON.stringify([resolve(path), packageVersion(), form]);
    const request = { name: file, tree: content, origin, form: recipe, series };
    const stored = await store.bundle(request, (to, known) => written({ tree: content, time: own, known }, to, blocks, world));
    if (stored.isKept) kept.add(file);
    return stored;
  };
  const { sign } = options;
  const { reuse, onArchive } = archiveReuse(isDirectory ? directoryRoot(path) : treeRoot(read, path), began, store);
  const outside: LiveOutside = {
    ...(sign === undefined ? {} : { sign: (bytes: Uint8Array) => signBytes(bytes, sign) }),
    root: reuse.root,
    reuse,
    onArchive,
    tree,
    decoders,
    file: existing,
    hostFacts,
    earlyTree,
    sha256,
    digest: digestSource,
    codec,
    extra: options.bundles.map(finished),
    bundle,
    onStep: (title) => world.progress.step(title),
  };
  return { outside, notes, time, kept };
}

const subjectOf = (root: string): string => sha256(nameToBytes(resolve(root)));

/** What the last archive of this root leaves, and where this one's goes. */
function archiveReuse(root: Root, began: number, store: LiveStore): { reuse: LiveReuse; onArchive: (bytes: Uint8Array) => void } {
  const subject = subjectOf(root.label);
  const kept = { facts: store.note(subject, 'facts'), archive: store.note(subject, 'archive') };
  const reuse = liveReuse({ root, kept, version: packageVersion(), began, sha256 });
  return {
    reuse,
    onArchive(bytes) {
      const made = { facts: reuse.facts(), archive: reuse.archive(bytes) };
      for (const kind of ['facts', 'archive'] as const) if (made[kind] !== undefined) store.keepNote(subject, kind, made[kind]);
    },
  };
}

interface WantedImage {
  readonly tree: Tree;
  readonly time: number;
  /** The last image of the same files, more or less. */
  readonly known: KnownBlocks | undefined;
}

async function written({ tree, time, known }: WantedImage, path: string, blocks: BlockWords, world: World): Promise<void> {
  // what is only taken over needs no threads
  await withCompressor(blocks, known?.unknownSize(tree) ?? contentSize(tree), world, async (compressor) => {
    const pieces = packImage(tree, {
      compressor,
      blockSize: blocks.blockSize,
      time,
      sha256,
      fragments: 'small',
      duplicates: true,
      sparse: true,
      xattrs: true,
      exportTable: false,
      padding: 4096,
      ...(known === undefined ? {} : { known: known.image }),
      onProgress: ({ contentSize: done }) => world.progress.advance(done),
    });
    // in a cache: its digest, not the disk, says that it is whole
    await writePlaced(path, interruptible(pieces, world.signal), { disk: UNSYNCED_DISK });
  });
}

/** Pieces as they come, until a signal ends it: throws INTERRUPTED. */
export async function* interruptible<T>(pieces: AsyncIterable<T> | Iterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const piece of pieces) {
    if (signal.aborted) throw new KindlingError('INTERRUPTED', 'a signal came while the medium was being written');
    yield piece;
  }
}
