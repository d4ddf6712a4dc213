// The binary index of kmod (libkmod/libkmod-index.h, format version 2.1): a radix trie, all integers big-endian.
//
//   header:  magic u32 = 0xB007F457 | version u32 = 0x00020001 | root offset u32
//   offset:  high nibble = flags (0x8 prefix, 0x4 values, 0x2 children), low 28 bits = place in the file; 0 = no node
//   node:    [prefix, NUL-ended] [first u8, last u8, offset u32 for each of first..last] [count u32, then priority u32 + text NUL each]
import { nameFromBytes, struct, u32be, utf8 } from '../../bytes/index.ts';
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
    .filter(({ key }) => isKey(key))
    .sort((a, b) => (a.key === b.key ? a.priority - b.priority : a.key < b.key ? -1 : 1));
  const output = growing();
  output.bytes(new Uint8Array(HEADER.size));
  const root = sorted.length === 0 ? emptyNode() : build(sorted, 0, sorted.length, 0);
  const rootOffset = writeNode(root, output);
  const whole = output.whole();
  whole.set(HEADER.encode({ magic: MAGIC, version: VERSION, root: rootOffset }));
  return whole;
}

function isKey(key: string): boolean {
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at);
    if (code === 0 || code > 0x7f) return false;
  }
  return key !== '';
}

interface Growing {
  readonly size: () => number;
  byte(value: number): void;
  u32(value: number): void;
  /** The text and a NUL. */
  text(text: string): void;
  bytes(bytes: Uint8Array): void;
  whole(): Uint8Array;
}

/** Bytes that become more: an index has thousands of nodes of a few bytes. */
function growing(): Growing {
  let held = new Uint8Array(1 << 16);
  let size = 0;
  const need = (count: number): void => {
    if (size + count > PLACE)
      throw new KindlingError('LIMIT', 'a module index over 256 MiB cannot be written', { structure: 'kmod index' });
    if (size + count <= held.length) return;
    const larger = new Uint8Array(Math.max(held.length * 2, size + count));
    larger.set(held);
    held = larger;
  };
  const bytes = (more: Uint8Array): void => {
    need(more.length);
    held.set(more, size);
    size += more.length;
  };
  return {
    size: () => size,
    bytes,
    byte(value) {
      need(1);
      held[size++] = value;
    },
    u32(value) {
      need(4);
      held[size++] = value >>> 24;
      held[size++] = value >>> 16;
      held[size++] = value >>> 8;
      held[size++] = value;
    },
    text(text) {
      need(text.length + 1);
      const start = size;
      for (let at = 0; at < text.length; at++) {
        const code = text.charCodeAt(at);
        if (code > 0x7f) {
          size = start;
          bytes(utf8(`${text}\0`));
          return;
        }
        held[size++] = code;
      }
      held[size++] = 0;
    },
    whole: () => held.slice(0, size),
  };
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
function writeNode({ prefix, values, children }: Node, output: Growing): number {
  const offsets = children.map(([, child]) => writeNode(child, output));
  const at = output.size();
  if (prefix !== '') output.text(prefix);
  if (children.length > 0) {
    const [first, last] = [children[0]![0], children.at(-1)![0]];
    output.byte(first);
    output.byte(last);
    for (let char = first, next = 0; char <= last; char++) output.u32(children[next]![0] === char ? offsets[next++]! : 0);
  }
  if (values.length > 0) {
    output.u32(values.length);
    for (const { value, priority } of values) {
      output.u32(priority);
      output.text(value);
    }
  }
  return (prefix !== '' ? PREFIX : 0) + (children.length > 0 ? CHILDREN : 0) + (values.length > 0 ? VALUES : 0) + at;
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
