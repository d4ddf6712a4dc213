// The image inside a squashed archive: where one is looked for, and the one tree that a person sees of loader and image.
// Reading images is handed in (`DecodeOptions.images`): an archive without one is listed without loading their readers.
import type { ByteSource } from '../bytes/index.ts';
import type { Decoder } from '../codecs/index.ts';
import { type Finding, KindlingError, located } from '../errors.ts';
import { type Entry, makeTree, parentOf, type Tree, withParents } from '../tree/index.ts';

/** Names of image formats. */
export type ImageFormatName = 'squashfs' | 'erofs' | 'iso9660' | 'fat' | 'disk';

/** What an image says of itself. */
export interface ImageFacts {
  readonly compressor: string;
  /** Bytes in a block. */
  readonly blockSize: number;
}

/** A reader of images. */
export interface ImageFormat {
  readonly name: ImageFormatName;
  detect(source: ByteSource): boolean;
  /** Throws what the format's reader throws. */
  decode(
    source: ByteSource,
    options: { readonly decoders: readonly Decoder[]; readonly entriesMost: number },
  ): ImageFacts & { readonly tree: Tree };
  /** Reads everything; what is wrong with it. */
  check(source: ByteSource, options: { readonly decoders: readonly Decoder[] }): Finding[];
}

/** An image that was read. */
export interface InnerImage extends ImageFacts {
  /** Where it is in the archive; "" when the file itself is the image. */
  readonly path: string;
  readonly format: ImageFormatName;
  readonly content: ByteSource;
  readonly tree: Tree;
}

/** Where squashed archives have their image: kindling's and dracut's, dracut's since 2024, and the first layout (only /usr and /etc). */
export const IMAGE_PATHS = ['squash-root.img', 'squashfs-root.img', 'erofs-root.img', 'squash/root.img'] as const;
/** That of the first layout, whose image is laid over what is outside instead of taking its place. */
export const USR_IMAGE_PATH = 'squash/root.img';

/** The file of a squashed archive that holds the rest, or undefined. */
export function imageEntry(tree: Tree): (Entry & { readonly kind: 'file' }) | undefined {
  for (const path of IMAGE_PATHS) {
    const entry = tree.get(path);
    if (entry?.kind === 'file') return entry;
  }
  return undefined;
}

/** Reads the image of an archive, if it has one in a known format. Throws with the image's path. */
export function readInner(
  outer: Tree,
  images: readonly ImageFormat[],
  options: { readonly decoders: readonly Decoder[]; readonly entriesMost: number },
): InnerImage | undefined {
  const entry = imageEntry(outer);
  const format = entry === undefined ? undefined : images.find((one) => one.detect(entry.content));
  if (entry === undefined || format === undefined) return undefined;
  try {
    return { path: entry.path, format: format.name, content: entry.content, ...format.decode(entry.content, options) };
  } catch (error) {
    throw inImage(error, entry.path);
  }
}

/** An error about an image, with the image's path where the error has none of its own. */
export function inImage(error: unknown, path: string): unknown {
  if (!(error instanceof KindlingError)) return error;
  const { structure = 'image', ...rest } = error.where;
  return located(new KindlingError(error.code, error.message, { ...rest, structure: `${structure} in ${path}` }, error.cause), { path });
}

/**
 * The image's entries over those outside. The image wins: it is what runs. What is outside below something that the image has as no
 * directory is not seen any more and left out.
 */
export function laidOver(outer: Tree, inner: Tree): Tree {
  const entries = new Map<string, Entry>();
  for (const entry of outer.entries) entries.set(entry.path, entry);
  const replaced = new Set<string>();
  for (const entry of inner.entries) {
    if (entry.path === '') continue;
    const before = entries.get(entry.path);
    if (before !== undefined && (before.kind !== 'directory' || entry.kind !== 'directory')) replaced.add(entry.path);
    entries.set(entry.path, entry);
  }
  if (replaced.size === 0) return makeTree(withParents(entries.values()));
  const gone = (entry: Entry): boolean => {
    if (inner.get(entry.path) !== undefined) return false;
    for (let path = parentOf(entry.path); path !== ''; path = parentOf(path)) {
      if (replaced.has(path) && entries.get(path)!.kind !== 'directory') return true;
    }
    return false;
  };
  const seen = [...entries.values()].filter((entry) => !gone(entry));
  return makeTree(withParents(seen.map((entry) => ownFile(entry, outer, inner))));
}

/** A hard link outside to a name that the image has too is a file by itself. */
function ownFile(entry: Entry, outer: Tree, inner: Tree): Entry {
  if (entry.kind !== 'hardlink' || inner.get(entry.path) !== undefined || inner.get(entry.to) === undefined) return entry;
  return { ...outer.get(entry.to)!, path: entry.path };
}
