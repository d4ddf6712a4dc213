// The binary index of kmod (libkmod/libkmod-index.h, format version 2.1): a radix trie, all integers big-endian.
//
//   header:  magic u32 = 0xB007F457 | version u32 = 0x00020001 | root offset u32
//   offset:  high nibble = flags (0x8 prefix, 0x4 values, 0x2 children), low 28 bits = place in the file; 0 = no node
//   node:    [prefix, NUL-ended] [first u8, last u8, offset u32 for each of first..last] [count u32, then priority u32 + text NUL each]
import { concat, nameFromBytes, struct, u32be, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';

/** One value of a key; lower priority comes first. */
export interface IndexValue {
  readonly key: string;
  readonly value: string;
  readonly priority: number;
}

const HEADER = struct('kmod index header', 12, { magic: u32be, version: u32be, root: u32be });
const MAGIC = 0xb007f457;
const VERSION = 0x00020001;
const PREFIX = 0x80000000;
const VALUES = 0x40000000;
const CHILDREN = 0x20000000;
const PLACE = 0x0fffffff;
const VALUES_MOST = 1 << 22;
const KEY_MOST = 4096;

interface Node {
  readonly prefix: string;
  readonly values: readonly IndexValue[];
  readonly children: readonly (readonly [number, Node])[];
}

/** Encodes an index. Keys must be ASCII (kmod's limit); others are left out. Values of one key are ordered by priority, then as given. */
export function encodeIndex(values: readonly IndexValue[]): Uint8Array {
  const sorted = values
    .filter(({ key }) => /^[\x01-\x7f]+$/.test(key))
    .sort((a, b) => (a.key === b.key ? a.priority - b.priority : a.key < b.key ? -1 : 1));
  const chunks: Uint8Array[] = [new Uint8Array(HEADER.size)];
  let size = HEADER.size;
  const root = sorted.length === 0 ? emptyNode() : build(sorted, 0, sorted.length, 0);
  const rootOffset = writeNode(root, (bytes) => {
    chunks.push(bytes);
    size += bytes.length;
    if (size > PLACE) throw new KindlingError('LIMIT', 'a module index over 256 MiB cannot be written', { structure: 'kmod index' });
    return size - bytes.length;
  });
  chunks[0] = HEADER.encode({ magic: MAGIC, version: VERSION, root: rootOffset });
  return concat(chunks);
}

function emptyNode(): Node {
  return { prefix: '', values: [], children: [] };
}

/** The node for sorted[from..to), whose keys agree in their first `depth` characters. */
function build(sorted: readonly IndexValue[], from: number, to: number, depth: number): Node {
  const first = sorted[from]!.key;
  const last = sorted[to - 1]!.key;
  let end = depth;
  while (end < first.length && first.charCodeAt(end) === last.charCodeAt(end)) end++;
  let at = from;
  while (at < to && sorted[at]!.key.length === end) at++;
  const values = sorted.slice(from, at);
  const children: [number, Node][] = [];
  while (at < to) {
    const char = sorted[at]!.key.charCodeAt(end);
    let next = at + 1;
    while (next < to && sorted[next]!.key.charCodeAt(end) === char) next++;
    children.push([char, build(sorted, at, next, end + 1)]);
    at = next;
  }
  return { prefix: first.slice(depth, end), values, children };
}

/** Writes children first, so that their offsets are known; gives the node's flagged offset. */
function writeNode(node: Node, write: (bytes: Uint8Array) => number): number {
  const offsets = node.children.map(([char, child]) => [char, writeNode(child, write)] as const);
  const prefix = node.prefix === '' ? new Uint8Array(0) : utf8(`${node.prefix}\0`);
  const first = offsets[0]?.[0] ?? 0;
  const last = offsets.at(-1)?.[0] ?? 0;
  const childrenSize = offsets.length === 0 ? 0 : 2 + 4 * (last - first + 1);
  const texts = node.values.map(({ value }) => utf8(`${value}\0`));
  const valuesSize = texts.length === 0 ? 0 : texts.reduce((sum, text) => sum + 4 + text.length, 4);
  const bytes = new Uint8Array(prefix.length + childrenSize + valuesSize);
  const view = new DataView(bytes.buffer);
  bytes.set(prefix);
  let at = prefix.length;
  if (childrenSize > 0) {
    bytes[at] = first;
    bytes[at + 1] = last;
    for (const [char, offset] of offsets) view.setUint32(at + 2 + 4 * (char - first), offset);
    at += childrenSize;
  }
  if (valuesSize > 0) {
    view.setUint32(at, texts.length);
    at += 4;
    for (const [index, text] of texts.entries()) {
      view.setUint32(at, node.values[index]!.priority);
      bytes.set(text, at + 4);
      at += 4 + text.length;
    }
  }
  const flags = (prefix.length > 0 ? PREFIX : 0) + (childrenSize > 0 ? CHILDREN : 0) + (valuesSize > 0 ? VALUES : 0);
  return flags + write(bytes);
}

/** Decodes an index, in key order. Throws BAD_MAGIC, UNSUPPORTED, TRUNCATED, BAD_VALUE or LIMIT. */
export function decodeIndex(bytes: Uint8Array): IndexValue[] {
  const header = HEADER.decode(bytes);
  const structure = 'kmod index';
  if (header.magic !== MAGIC)
    throw new KindlingError('BAD_MAGIC', `the magic is 0x${header.magic.toString(16)}, not 0xb007f457`, { structure, offset: 0 });
  if (header.version >>> 16 !== VERSION >>> 16) {
    throw new KindlingError('UNSUPPORTED', `index version ${header.version >>> 16}, only 2 is read`, { structure, offset: 4 });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: IndexValue[] = [];
  const path = new Set<number>();
  let nodesLeft = bytes.length; // every node of a tree takes at least a byte
  const textAt = (at: number) => {
    const end = bytes.indexOf(0, at);
    if (at >= bytes.length || end < 0) throw new KindlingError('TRUNCATED', 'a string does not end', { structure, offset: at });
    return { text: nameFromBytes(bytes.subarray(at, end)), next: end + 1 };
  };
  const need = (at: number, size: number) => {
    if (at + size > bytes.length)
      throw new KindlingError('TRUNCATED', `a node needs ${size} bytes, ${Math.max(0, bytes.length - at)} are left`, {
        structure,
        offset: at,
      });
  };
  const walk = (offset: number, key: string) => {
    let at = offset & PLACE;
    if (at === 0) return;
    if (path.has(at)) throw new KindlingError('BAD_VALUE', 'the nodes lead round in a circle', { structure, offset: at });
    if (nodesLeft-- <= 0 || key.length > KEY_MOST)
      throw new KindlingError('LIMIT', 'more nodes than bytes, or an endless key', { structure, offset: at });
    const start = at;
    path.add(start);
    let own = key;
    if (offset & PREFIX) {
      const { text, next } = textAt(at);
      own += text;
      at = next;
    }
    const children: [number, number][] = [];
    if (offset & CHILDREN) {
      need(at, 2);
      const [first, last] = [bytes[at]!, bytes[at + 1]!];
      if (last < first) throw new KindlingError('BAD_VALUE', `children from ${first} to ${last}`, { structure, offset: at });
      need(at + 2, 4 * (last - first + 1));
      for (let char = first; char <= last; char++) children.push([char, view.getUint32(at + 2 + 4 * (char - first))]);
      at += 2 + 4 * (last - first + 1);
    }
    if (offset & VALUES) {
      need(at, 4);
      const count = view.getUint32(at);
      at += 4;
      for (let index = 0; index < count; index++) {
        need(at, 5);
        if (found.length >= VALUES_MOST) throw new KindlingError('LIMIT', `more than ${VALUES_MOST} values`, { structure, offset: at });
        const { text, next } = textAt(at + 4);
        found.push({ key: own, value: text, priority: view.getUint32(at) });
        at = next;
      }
    }
    for (const [char, child] of children) walk(child, own + String.fromCharCode(char));
    path.delete(start);
  };
  walk(header.root, '');
  return found;
}
