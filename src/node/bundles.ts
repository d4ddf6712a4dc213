// Bundles on disk: in a directory, on a medium (a directory or an image of one), or a file each; opened as layers, lowest first.
import { readdirSync, statSync } from 'node:fs';
import { type ByteSource, nameFromBytes } from '../bytes/index.ts';
import type { Decoder } from '../codecs/index.ts';
import { KindlingError, located } from '../errors.ts';
import { decode, detect } from '../formats/squashfs/index.ts';
import { compareBundleNames, LAYERS_MOST, type Layer, parseBundleName } from '../media/bundles/index.ts';
import { baseName, type Tree } from '../tree/index.ts';
import { asPath } from './descriptors.ts';
import { diskPath } from './entries.ts';
import { system } from './errno.ts';
import { fileSource } from './source.ts';

/** A bundle that is open. */
export interface OpenedBundle extends Layer {
  /** Where it is: a path on disk, for one in an image the image's path with the inner one behind ":". */
  readonly file: string;
  /** Bytes of the bundle itself. */
  readonly size: number;
  readonly codec: string;
  readonly blockSize: number;
}

/** A bundle that was found and not looked into. */
export interface FoundBundle {
  readonly file: string;
  readonly open: () => ByteSource;
}

/** Most entries of all bundles together: what fits in memory. */
const ENTRIES_MOST = 1 << 22;
const BUNDLE_ENTRIES_MOST = 1 << 20;

/** Where on a medium bundles are, below its top. */
export function bundlePlaces(data: string): readonly string[] {
  return ['', 'modules', data, `${data}/modules`];
}

/** The bundles in a directory of bundles or on a medium; empty when there are none. `data` is the medium's data directory. */
export function bundlesIn(directory: string, data: string): FoundBundle[] {
  const found: FoundBundle[] = [];
  for (const place of bundlePlaces(data)) {
    const base = place === '' ? directory : `${directory}/${place}`;
    if (!isDirectory(base)) continue;
    for (const raw of system(() => readdirSync(base, 'buffer'), { file: base })) {
      const name = nameFromBytes(raw);
      if (parseBundleName(name) === undefined) continue;
      const file = `${base}/${name}`;
      const path = asPath(diskPath(base, name));
      if (system(() => statSync(path, { throwIfNoEntry: false }))?.isFile() === true) found.push({ file, open: () => fileSource(file) });
    }
  }
  return found;
}

/** The same for a medium that is an image. */
export function bundlesOf(image: Tree, path: string, data: string): FoundBundle[] {
  const found: FoundBundle[] = [];
  for (const place of bundlePlaces(data)) {
    for (const entry of image.children(place)) {
      if (entry.kind !== 'file' || parseBundleName(entry.path) === undefined) continue;
      found.push({ file: `${path}:${entry.path}`, open: () => entry.content });
    }
  }
  return found;
}

function isDirectory(path: string): boolean {
  return system(() => statSync(path, { throwIfNoEntry: false }))?.isDirectory() === true;
}

/** In the order a boot stacks them. */
export function inOrder<T extends { readonly file: string }>(found: readonly T[]): T[] {
  return found.toSorted((a, b) => compareBundleNames(a.file, b.file) || (a.file < b.file ? -1 : 1));
}

/** Opens bundles. Throws what squashfs's reader throws, with the bundle's file; LIMIT for more than overlayfs or memory takes. */
export function openBundles(found: readonly FoundBundle[], decoders: readonly Decoder[]): OpenedBundle[] {
  if (found.length > LAYERS_MOST) throw new KindlingError('LIMIT', `${found.length} bundles, overlayfs takes ${LAYERS_MOST}`);
  let left = ENTRIES_MOST;
  return found.map(({ file, open }) => {
    try {
      const source = open();
      if (!detect(source.read(0, Math.min(4, source.size)))) {
        throw new KindlingError('BAD_MAGIC', 'the file is no squashfs image, which a bundle is', { structure: 'bundle' });
      }
      const { facts, tree } = decode(source, { decoders, limits: { entries: Math.min(left, BUNDLE_ENTRIES_MOST) } });
      left -= tree.entries.length;
      return { name: baseName(file), file, size: source.size, codec: facts.compressor, blockSize: facts.blockSize, tree };
    } catch (error) {
      throw located(error, { file });
    }
  });
}
