// Contents: which files share one, in what order they are stored, and where.
import { alignUp, type ByteSource, readInto } from '../../bytes/index.ts';
import type { FileEntry, Node, Nodes, Tree } from '../../tree/index.ts';
import { refuse } from './faults.ts';
import type { EncodeOptions } from './options.ts';
import type { Reserver } from './regions.ts';
import { SECTOR_SIZE } from './structs.ts';

const PIECE_SIZE = 1 << 20;
const HEAD_SIZE = 4096;

/** One content of the image. `content` and `block` are what is stored once the layout is made. */
export interface Stored {
  content: ByteSource;
  block: number;
  alignment: number;
}

/** All contents in the order they are stored, and which one a file has. */
export interface Contents {
  readonly all: readonly Stored[];
  of(node: Node): Stored;
}

/** A number of 32 bits for some bytes, the same for equal ones. Only to be quick: what it makes equal is compared. */
function mixed(bytes: Uint8Array, start: number): number {
  let hash = start ^ bytes.length;
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash >>> 0;
}

function mixedWhole(content: ByteSource): number {
  const piece = new Uint8Array(Math.min(PIECE_SIZE, content.size));
  let hash = 0x811c9dc5;
  for (let at = 0; at < content.size; at += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, content.size - at));
    readInto(content, at, part);
    hash = mixed(part, hash);
  }
  return hash;
}

function isEqual(a: ByteSource, b: ByteSource): boolean {
  if (a === b) return true;
  const [pieceA, pieceB] = [new Uint8Array(Math.min(PIECE_SIZE, a.size)), new Uint8Array(Math.min(PIECE_SIZE, a.size))];
  for (let at = 0; at < a.size; at += pieceA.length) {
    const count = Math.min(pieceA.length, a.size - at);
    readInto(a, at, pieceA.subarray(0, count));
    readInto(b, at, pieceB.subarray(0, count));
    for (let index = 0; index < count; index++) if (pieceA[index] !== pieceB[index]) return false;
  }
  return true;
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => number): T[][] {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** From each file that is equal to an earlier one, that one. What is read of a file is as little as keeps it apart from the others. */
function earlierEqual(files: readonly FileEntry[]): Map<FileEntry, FileEntry> {
  const found = new Map<FileEntry, FileEntry>();
  const buffer = new Uint8Array(HEAD_SIZE);
  const headOf = ({ content }: FileEntry): number => {
    const head = buffer.subarray(0, Math.min(HEAD_SIZE, content.size));
    readInto(content, 0, head);
    return mixed(head, 0x811c9dc5);
  };
  const sameSize = grouped(
    files.filter(({ content }) => content.size > 0),
    ({ content }) => content.size,
  );
  for (const sizes of sameSize) {
    for (const heads of grouped(sizes, headOf)) {
      const isShort = heads[0]!.content.size <= HEAD_SIZE;
      const groups = isShort || heads.length === 2 ? [heads] : grouped(heads, ({ content }) => mixedWhole(content));
      for (const group of groups) {
        const firsts: FileEntry[] = [];
        for (const file of group) {
          const first = firsts.find(({ content }) => isEqual(content, file.content));
          if (first === undefined) firsts.push(file);
          else found.set(file, first);
        }
      }
    }
  }
  return found;
}

/** Files by the highest priority of their names, then as in the tree. */
function inOrder(tree: Tree, nodes: Nodes, order: EncodeOptions['order']): Node[] {
  const files = nodes.all.filter(({ entry }) => entry.kind === 'file');
  if (order === undefined || order.size === 0) return files;
  const priorities = new Map<Node, number>();
  for (const [path, priority] of order) {
    const entry = tree.get(path);
    if (entry === undefined) throw refuse(`there is no "${path}", which the order names`, path, 'NO_ENTRY');
    const node = nodes.of(entry);
    priorities.set(node, Math.max(priority, priorities.get(node) ?? priority));
  }
  return files.sort((a, b) => (priorities.get(b) ?? 0) - (priorities.get(a) ?? 0));
}

/** The contents of a tree. `own` are files whose bytes are changed on the way: they share theirs with no other. */
export function contentsOf(tree: Tree, nodes: Nodes, options: EncodeOptions, own: ReadonlySet<Node>): Contents {
  const files = inOrder(tree, nodes, options.order);
  const shared = files.flatMap((node) => (node.entry.kind === 'file' && !own.has(node) ? [node.entry] : []));
  const firstOf = options.duplicates === false ? new Map<FileEntry, FileEntry>() : earlierEqual(shared);
  const stored = new Map<FileEntry, Stored>();
  for (const { entry } of files) {
    if (entry.kind !== 'file') continue;
    const first = firstOf.get(entry);
    const there = first === undefined ? undefined : stored.get(first);
    stored.set(entry, there ?? { content: entry.content, block: 0, alignment: SECTOR_SIZE });
  }
  const of = (node: Node): Stored => stored.get(node.entry as FileEntry)!;
  for (const [path, alignment] of options.alignments ?? []) {
    const entry = tree.get(path);
    const node = entry === undefined ? undefined : nodes.of(entry);
    if (node?.entry.kind !== 'file') throw refuse(`there is no file "${path}", which an alignment is for`, path, 'NO_ENTRY');
    if (alignment < SECTOR_SIZE || !Number.isInteger(Math.log2(alignment)))
      throw refuse(`the alignment of "${path}" is ${alignment}, expected a power of two from ${SECTOR_SIZE} on`, path);
    of(node).alignment = Math.max(alignment, of(node).alignment);
  }
  return { all: [...new Set(stored.values())], of };
}

/** Places contents one behind the other. */
export function placeContents({ all }: Contents, places: Reserver): void {
  for (const stored of all) {
    const { size } = stored.content;
    if (size === 0) continue;
    places.skipTo(alignUp(places.next * SECTOR_SIZE, stored.alignment) / SECTOR_SIZE);
    stored.block = places.reserve(size, () => [stored.content]);
  }
}
