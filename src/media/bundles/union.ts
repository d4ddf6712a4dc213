// What overlayfs shows of a stack of layers, computed: the first layer that has a name decides; directories are merged until a layer hides
// what is below it. Followed: fs/overlayfs/namei.c (lookup) and readdir.c.
import { nameFromBytes } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { baseName, type Entry, joinPath, makeTree, parentOf, type Tree } from '../../tree/index.ts';
import { isMetacopy, isOpaque, isWhiteout, type MarkSpace, redirectOf, unmarked } from './marks.ts';

/** One layer of a stack: a bundle with its tree, or the upper directory of an overlay. */
export interface Layer {
  readonly name: string;
  readonly tree: Tree;
}

/** An entry of a layer that is not seen, and the layer above that is the reason. */
export interface Shadow {
  readonly path: string;
  /** Index of the layer that hides. */
  readonly by: number;
  /** Index of the layer whose entry is hidden. */
  readonly of: number;
  /** `replaced` by something at the same path, `removed` by a whiteout or an opaque directory. */
  readonly how: 'replaced' | 'removed';
  /** Entries hidden with it: more than 1 for a directory. */
  readonly entryCount: number;
}

/** The layers as one. */
export interface Union {
  /** What is seen. */
  readonly tree: Tree;
  /** Index of the layer that an entry comes from (of a merged directory the highest); undefined for what is not seen. */
  originOf(path: string): number | undefined;
  /** What is not seen although a layer has it, in no particular order. A hidden directory stands for all it holds. */
  readonly shadows: readonly Shadow[];
  /** Whiteouts and opaque marks that hide nothing, by layer index. */
  readonly idle: readonly { readonly path: string; readonly layer: number }[];
}

/** How a stack is looked at. */
export interface UnionOptions {
  /** `trusted` unless told. */
  readonly marks?: MarkSpace;
}

/** Most layers of an overlay (OVL_MAX_STACK). */
export const LAYERS_MOST = 500;
/** Most bytes of a redirect, as the kernel. */
const REDIRECT_MOST = 256;

/** A directory of one layer that is part of a merged one. */
interface Part {
  readonly layer: number;
  readonly path: string;
}

interface Seen {
  readonly layer: number;
  readonly entry: Entry;
}

/**
 * Lays layers over each other, the lowest first. Throws LIMIT for more layers than overlayfs takes or redirects that multiply, UNSUPPORTED for files whose content is
 * in another layer (metacopy), BAD_VALUE for a redirect that leads nowhere a path can.
 */
export function unionOf(layers: readonly Layer[], options: UnionOptions = {}): Union {
  if (layers.length > LAYERS_MOST) throw new KindlingError('LIMIT', `${layers.length} layers, overlayfs takes ${LAYERS_MOST}`);
  const space = options.marks ?? 'trusted';
  const seen = new Map<string, Seen>();
  const shadows: Shadow[] = [];
  const idle: { path: string; layer: number }[] = [];
  const parts = layers.map((_, layer) => ({ layer, path: '' })).reverse();
  for (const { layer } of parts) {
    const top = layers[layer]!.tree.get('');
    if (top !== undefined && !seen.has('')) seen.set('', { layer, entry: top });
  }
  const sizes = layers.map(({ tree }) => subtreeSizes(tree));
  // Nothing is seen twice in a stack that overlayfs made; redirects that say so would multiply.
  const seenMost = layers.reduce((count, { tree }) => count + tree.entries.length, 1);
  const pending: { path: string; parts: readonly Part[] }[] = [{ path: '', parts }];
  while (pending.length > 0) {
    const directory = pending.pop()!;
    if (seen.size > seenMost) throw new KindlingError('LIMIT', `redirects show more than the ${seenMost} entries of all layers`);
    for (const name of namesIn(layers, directory.parts)) {
      const path = joinPath(directory.path, name);
      const merged = lookUp(layers, directory.parts, name, path);
      if (merged.length > 0) pending.push({ path, parts: merged });
    }
  }
  const linked = joinLinks(layers, seen);
  const tree = makeTree(linked.map((entry) => unmarked(entry, space)));
  return { tree, originOf: (path) => seen.get(path)?.layer, shadows, idle };

  /** Decides one name: notes what is seen and what is hidden, gives the parts of a directory that is seen. */
  function lookUp(all: readonly Layer[], inside: readonly Part[], name: string, path: string): Part[] {
    const merged: Part[] = [];
    let hider: { layer: number; how: Shadow['how'] } | undefined;
    let mark: number | undefined; // a layer whose mark has hidden nothing so far
    let candidates = inside.map((part) => ({ layer: part.layer, path: joinPath(part.path, name) }));
    for (let at = 0; at < candidates.length; at++) {
      const place = candidates[at]!;
      const { name: layerName, tree: layerTree } = all[place.layer]!;
      const entry = layerTree.get(place.path);
      if (entry === undefined) continue;
      if (hider !== undefined) {
        if (isWhiteout(entry, space)) continue;
        shadows.push({ path, by: hider.layer, of: place.layer, how: hider.how, entryCount: sizes[place.layer]!(place.path) });
        mark = undefined;
        continue;
      }
      if (isWhiteout(entry, space)) {
        hider = { layer: place.layer, how: 'removed' };
        mark = place.layer;
        continue;
      }
      if (merged.length > 0 && entry.kind !== 'directory') {
        hider = { layer: merged[0]!.layer, how: 'replaced' };
        shadows.push({ path, by: hider.layer, of: place.layer, how: 'replaced', entryCount: 1 });
        continue;
      }
      if (isMetacopy(entry, space)) {
        const message = 'a file has its metadata here and its content in another layer (metacopy), which is not put together';
        throw new KindlingError('UNSUPPORTED', message, { file: layerName, path });
      }
      if (merged.length === 0) seen.set(path, { layer: place.layer, entry: entry.path === path ? entry : { ...entry, path } });
      if (entry.kind !== 'directory') {
        hider = { layer: place.layer, how: 'replaced' };
        continue;
      }
      merged.push(place);
      if (isOpaque(entry, space)) {
        hider = { layer: place.layer, how: 'removed' };
        mark = place.layer;
      }
      const redirect = redirectText(entry, layerName, space);
      if (redirect !== undefined) candidates = [...candidates.slice(0, at + 1), ...redirected(redirect, place.layer, inside)];
    }
    if (mark !== undefined) idle.push({ path, layer: mark });
    return merged;
  }
}

/** Where the lower parts of a renamed directory are: beside it in the directories merged here, or at one path in all lower layers. */
function redirected(redirect: string, below: number, inside: readonly Part[]): Part[] {
  if (!redirect.startsWith('/')) {
    return inside.filter(({ layer }) => layer < below).map(({ layer, path }) => ({ layer, path: joinPath(path, redirect) }));
  }
  return Array.from({ length: below }, (_, index) => ({ layer: below - 1 - index, path: redirect.slice(1) }));
}

function redirectText(entry: Entry, layer: string, space: MarkSpace): string | undefined {
  const bytes = redirectOf(entry, space);
  if (bytes === undefined) return undefined;
  const text = nameFromBytes(bytes);
  const names = text.split('/').slice(text.startsWith('/') ? 1 : 0);
  const isPath = names.every((name) => name !== '' && name !== '.' && name !== '..') && !text.includes('\0');
  if (bytes.length <= REDIRECT_MOST && isPath && (text.startsWith('/') || names.length === 1)) return text;
  throw new KindlingError('BAD_VALUE', `the redirect is ${JSON.stringify(text.slice(0, 80))}, expected a name or an absolute path`, {
    file: layer,
    path: entry.path,
  });
}

function namesIn(layers: readonly Layer[], parts: readonly Part[]): Set<string> {
  const names = new Set<string>();
  for (const { layer, path } of parts) for (const child of layers[layer]!.tree.children(path)) names.add(baseName(child.path));
  return names;
}

/** Answers how many entries there are at and below a path; counted once, when it is first asked. */
function subtreeSizes(tree: Tree): (path: string) => number {
  let sizes: Map<string, number> | undefined;
  return (path) => {
    if (sizes === undefined) {
      sizes = new Map();
      for (const { path: at } of tree.entries.toReversed()) {
        const size = (sizes.get(at) ?? 0) + 1;
        sizes.set(at, size);
        if (at !== '') sizes.set(parentOf(at), (sizes.get(parentOf(at)) ?? 0) + size);
      }
    }
    return sizes.get(path) ?? 0;
  };
}

/** Names of one file may have lost the name that the others point to: then the first that is left becomes the file. */
function joinLinks(layers: readonly Layer[], seen: ReadonlyMap<string, Seen>): Entry[] {
  const entries: Entry[] = [];
  const firstOf = new Map<string, string>();
  const links: { path: string; layer: number; to: string; entry: Entry }[] = [];
  for (const [path, { layer, entry }] of seen) {
    if (entry.kind === 'hardlink') links.push({ path, layer, to: entry.to, entry });
    else {
      entries.push(entry);
      // a directory is no link's target, and one that was moved is not at its own path
      if (entry.kind !== 'directory' && layers[layer]!.tree.get(path)?.kind === entry.kind) firstOf.set(`${layer} ${path}`, path);
    }
  }
  links.sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const { path, layer, to, entry } of links) {
    const first = firstOf.get(`${layer} ${to}`);
    if (first !== undefined) {
      entries.push({ ...entry, kind: 'hardlink', path, to: first });
      continue;
    }
    const named = layers[layer]!.tree.get(to)!;
    entries.push({ ...named, path });
    firstOf.set(`${layer} ${to}`, path);
  }
  return entries;
}
