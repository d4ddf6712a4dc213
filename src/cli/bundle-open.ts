// What a person names for `kindling bundle`: bundles, directories and media that hold them, and trees of any other kind.
import { statSync } from 'node:fs';
import type { Finding } from '../errors.ts';
import { KindlingError } from '../errors.ts';
import type { Layer } from '../media/bundles/index.ts';
import { bundlesIn, bundlesOf, type FoundBundle, inOrder, type OpenedBundle, openBundles } from '../node/bundles.ts';
import { nodeDecoders } from '../node/codecs.ts';
import { system } from '../node/errno.ts';
import { imageTree } from '../node/open-root.ts';
import { fileSource } from '../node/source.ts';
import { baseName } from '../tree/index.ts';
import { sourceTree } from './verbs/pack.ts';

function isDirectory(path: string): boolean {
  // what is not there may be a partition of an image (IMAGE@N): opening it says so otherwise
  return system(() => statSync(path, { throwIfNoEntry: false }), { file: path })?.isDirectory() === true;
}

/** The bundles at paths, in the order a boot stacks them. Throws NO_ENTRY for a place without any. `except` is passed by. */
export async function bundlesAt(paths: readonly string[], data: string, except?: string): Promise<OpenedBundle[]> {
  const found: FoundBundle[] = [];
  for (const path of paths) found.push(...(await bundlesAtPlace(path, data)));
  const wanted = found.filter(({ file }) => except === undefined || !isSameFile(file, except));
  return openBundles(inOrder(wanted), nodeDecoders());
}

async function bundlesAtPlace(path: string, data: string): Promise<FoundBundle[]> {
  if (path.endsWith('.sb') && !isDirectory(path)) return [{ file: path, open: () => fileSource(path) }];
  const found = isDirectory(path) ? bundlesIn(path, data) : bundlesOf(await imageTree(path, nodeDecoders()), path, data);
  if (found.length > 0) return found;
  throw new KindlingError('NO_ENTRY', `there are no bundles (NAME.sb) here, in modules/ or in ${data}/`, { file: path });
}

function isSameFile(a: string, b: string): boolean {
  const [x, y] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  return x !== undefined && y !== undefined && x.dev === y.dev && x.ino === y.ino;
}

/** Layers to lie below, in the order given: a place with bundles gives all of them, anything else is one layer. */
export async function layersAt(paths: readonly string[], data: string): Promise<{ layers: Layer[]; notes: Finding[] }> {
  const layers: Layer[] = [];
  const notes: Finding[] = [];
  for (const path of paths) {
    const bundles = isDirectory(path) ? bundlesIn(path, data) : [];
    if (bundles.length > 0) layers.push(...openBundles(inOrder(bundles), nodeDecoders()));
    else {
      const read = await sourceTree(path, true);
      const inside = isDirectory(path) ? [] : bundlesOf(read.tree, path, data);
      if (inside.length > 0) layers.push(...openBundles(inOrder(inside), nodeDecoders()));
      else layers.push({ name: baseName(path.replace(/\/+$/, '')), tree: read.tree });
      notes.push(...read.notes);
    }
  }
  return { layers, notes };
}
