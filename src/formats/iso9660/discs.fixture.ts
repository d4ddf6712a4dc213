// A tree with everything ISO 9660 has a form for, images of trees, and images with a lie in them.
import { bytesSource, concat, readAll, utf8 } from '../../bytes/index.ts';
import { device, directory, type Entry, file, makeTree, manifestLine, symlink, type Tree } from '../../tree/index.ts';
import { normal } from '../../tree/trees.fixture.ts';
import { type EncodeOptions, encode } from './index.ts';
import { directoryRecord } from './structs.ts';

/** Bytes that differ for each seed. */
export function noise(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = (seed * 2654435761 + 12345) >>> 0 || 1;
  for (let at = 0; at < size; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

const link = (path: string, to: string): Entry => ({ kind: 'hardlink', path, to, mode: 0, uid: 0, gid: 0, mtime: 0 });
const special = (kind: 'fifo' | 'socket', path: string): Entry => ({ kind, path, mode: 0o640, uid: 3, gid: 4, mtime: 5 });

function deep(levels: number): Entry[] {
  const names = Array.from({ length: levels }, (_, level) => `level-${level}`);
  const folders = names.map((_, level) => directory(names.slice(0, level + 1).join('/')));
  return [...folders, file(`${names.join('/')}/bottom`, bytesSource(utf8('deep\n')))];
}

/** Kinds, long names and targets, times, owners, links, equal files, a directory of many sectors, one that is twelve deep. */
export function featureTree(manyCount = 300): Tree {
  const many = Array.from({ length: manyCount }, (_, index) =>
    file(`many/a rather long name of a file, number ${index}.text`, bytesSource(noise(index % 7, index))),
  );
  return makeTree([
    { ...directory('', 0o750), uid: 1, gid: 2, mtime: 1_500_000_000 },
    directory('many'),
    ...many,
    ...deep(12),
    directory('sizes'),
    ...[0, 1, 2047, 2048, 2049, 6000].map((size) => file(`sizes/noise-${size}`, bytesSource(noise(size, size)))),
    directory('copies', 0o1777),
    ...['a', 'b', 'c'].map((name) => file(`copies/${name}`, bytesSource(noise(5000, 1)), 0o4755)),
    file('copies/other', bytesSource(noise(5000, 1).map((byte, at) => (at === 4999 ? byte ^ 1 : byte)))),
    { ...file('first', bytesSource(utf8('one of three\n')), 0o600), uid: 1000, gid: 100, mtime: 1_700_000_001 },
    link('second', 'first'),
    link('sizes/third', 'first'),
    directory('names'),
    file(`names/${'n'.repeat(253)}`, bytesSource(utf8('long'))),
    file('names/UPPER', bytesSource(utf8('U'))),
    file('names/upper', bytesSource(utf8('u'))),
    file('names/ünï cödé \u{1f525}.tar.gz', bytesSource(utf8('unicode'))),
    file('names/\udcff\udc80', bytesSource(utf8('no text'))),
    file('names/a.b.c.d', bytesSource(utf8('dots'))),
    file('names/.hidden', bytesSource(utf8('hidden'))),
    directory('names/same'),
    file('names/same.', bytesSource(utf8('a dot at the end'))),
    directory('links'),
    symlink('links/relative', '../names/./UPPER'),
    symlink('links/root', '/'),
    symlink('links/slashes', '/a//b/'),
    symlink('links/absolute', '/etc/os-release'),
    symlink('links/long', Array.from({ length: 16 }, (_, index) => String.fromCharCode(97 + index).repeat(50)).join('/')),
    link('links/again', 'links/relative'),
    directory('devices'),
    device('char', 'devices/null', 1, 3, 0o666),
    device('block', 'devices/nvme', 259, 70000),
    device('block', 'devices/sda1', 8, 1),
    special('fifo', 'devices/fifo'),
    special('socket', 'devices/socket'),
    { ...file('old', bytesSource(utf8('old'))), mtime: 1 },
    { ...file('late', bytesSource(utf8('late'))), mtime: 4_200_000_000 },
  ]);
}

/** Options of an image that is small. */
export const SMALL: EncodeOptions = { volumeId: 'TEST', time: 1_700_000_000, padding: 0 };

/** The whole image of a tree. */
export function imageOf(tree: Tree, options: Partial<EncodeOptions> = {}): Uint8Array {
  return concat([...encode(tree, { ...SMALL, ...options }).chunks()]);
}

/** An image that can be lied in. */
export interface Editable {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Offset of the record with this plain identifier. */
  recordAt(id: string): number;
  /** Offset of the first entry with this signature from an offset on. */
  entryAt(signature: string, from: number): number;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  for (let at = from; at + wanted.length <= bytes.length; at++) if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  throw new Error(`the image does not hold ${JSON.stringify(String.fromCharCode(...wanted))}`);
}

/** The image of a tree after an edit. */
export function edited(tree: Tree, edit: (image: Editable) => void, options: Partial<EncodeOptions> = {}): Uint8Array {
  const bytes = imageOf(tree, options).slice();
  edit({
    bytes,
    view: new DataView(bytes.buffer),
    // behind its own length, which path tables do not have there
    recordAt: (id) => indexOf(bytes, Uint8Array.of(id.length, ...utf8(id)), 17 * 2048) + 1 - directoryRecord.size,
    entryAt: (signature, from) => indexOf(bytes, utf8(signature), from),
  });
  return bytes;
}

/** What two trees that are the same have in common: their manifests, and all contents in few letters. */
export function summary(tree: Tree): string[] {
  return normal(tree).entries.map((entry) => {
    const line = manifestLine(entry, {});
    return entry.kind === 'file' ? `${line} ${readAll(entry.content).reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, 7)}` : line;
  });
}
