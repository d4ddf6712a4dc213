// Small plans for tests of the archive: no root, no kernel, just a tree.
import { createHash } from 'node:crypto';
import type { Sha256 } from '../bytes/index.ts';
import type { Encoder } from '../codecs/index.ts';
import type { Plan, SegmentName } from '../plan/index.ts';
import { makeTree, manifestEntries, type Tree, withParents } from '../tree/index.ts';
import { type EncodeOptions, encode } from './encode.ts';

export const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Writes its input as it is. */
export const none: Encoder = { name: 'none', levels: { least: 0, most: 0, default: 0 }, encode: async (input) => input };

/** A plan over a tree; entries below `usr/lib/modules` and `usr/lib/firmware` go to their segments. */
export function planOf(tree: Tree, microcode?: Tree): Plan {
  const segments = new Map<string, SegmentName>();
  for (const { path } of tree.entries) {
    const segment = path.startsWith('usr/lib/modules/') ? 'modules' : path.startsWith('usr/lib/firmware/') ? 'firmware' : 'base';
    segments.set(path, segment);
  }
  return {
    scope: 'generic',
    kernel: { version: '6.1.0', moduleTree: undefined, config: undefined, machine: undefined },
    tree,
    reasons: new Map(tree.entries.map(({ path }) => [path, [{ part: 'test', text: `reason of "${path}"` }]])),
    segmentOf: segments,
    microcode,
    deferred: [],
    findings: [],
    parts: [],
    packed: [],
  };
}

/** A tree from manifest lines, parents added. */
export function treeOf(...lines: string[]): Tree {
  return makeTree(withParents(manifestEntries(lines.join('\n'))));
}

/** The bytes of an encoded plan. */
export async function bytesOf(plan: Plan, options: Partial<EncodeOptions> = {}): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of encode(plan, { codec: { encoder: none, level: 0 }, sha256, ...options })) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}
