// A tree with everything squashfs has a form for, small enough for many runs: kinds, links, attributes, sizes around block edges, holes,
// equal files, long directories.
import { bytesSource, utf8 } from '../../bytes/index.ts';
import { device, directory, type Entry, file, makeTree, symlink, type Tree } from '../../tree/index.ts';

/** Bytes that do not compress, the same for the same seed. */
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

/** Bytes that compress. */
export function prose(size: number, seed: number): Uint8Array {
  const line = utf8(`${seed} the quick brown fox jumps over the lazy dog\n`);
  return new Uint8Array(size).map((_, at) => line[at % line.length]! ^ (at % 97 === 0 ? (at >> 8) & 7 : 0));
}

function holey(blockSize: number): Uint8Array {
  const bytes = new Uint8Array(blockSize * 5 + 100);
  bytes.set(prose(blockSize, 5), blockSize);
  bytes[blockSize * 3 + 7] = 1;
  return bytes;
}

const xattrs = (...pairs: readonly (readonly [string, Uint8Array])[]): { xattrs: Map<string, Uint8Array> } => ({ xattrs: new Map(pairs) });
const link = (path: string, to: string): Entry => ({ kind: 'hardlink', path, to, mode: 0, uid: 0, gid: 0, mtime: 0 });
const special = (kind: 'fifo' | 'socket', path: string): Entry => ({ kind, path, mode: 0o640, uid: 3, gid: 4, mtime: 5 });

function sizes(blockSize: number): Entry[] {
  const edge = [0, 1, 100, blockSize - 1, blockSize, blockSize + 1, 2 * blockSize, 3 * blockSize + 777];
  return edge.flatMap((size, index) => [
    file(`sizes/prose-${size}`, bytesSource(prose(size, index))),
    file(`sizes/noise-${size}`, bytesSource(noise(size, index))),
  ]);
}

function copies(blockSize: number): Entry[] {
  return [500, blockSize + 9, 2 * blockSize].flatMap((size) => [
    file(`copies/a-${size}`, bytesSource(noise(size, 70))),
    file(`copies/b-${size}`, bytesSource(noise(size, 70)), 0o600),
    file(`copies/other-${size}`, bytesSource(noise(size, 71))),
    file(`copies/late-${size}`, bytesSource(noise(size, 70).map((byte, at) => (at === size - 1 ? byte ^ 1 : byte)))),
  ]);
}

function attributed(): Entry[] {
  const label = utf8('system_u:object_r:etc_t:s0\0');
  const large = noise(3000, 9);
  return [
    { ...directory('attributes'), ...xattrs(['security.selinux', label]) },
    { ...file('attributes/one', bytesSource(prose(10, 1))), ...xattrs(['security.selinux', label]) },
    { ...file('attributes/same', bytesSource(prose(11, 1))), ...xattrs(['security.selinux', label]) },
    { ...file('attributes/two', bytesSource(prose(12, 1))), ...xattrs(['user.large', large], ['security.selinux', label]) },
    { ...file('attributes/again', bytesSource(prose(13, 1))), ...xattrs(['user.large', large], ['user.empty', new Uint8Array(0)]) },
    { ...file('attributes/trusted', bytesSource(prose(14, 1))), ...xattrs(['trusted.other', large], ['trusted.x', utf8('x')]) },
    { ...symlink('attributes/link', 'one'), ...xattrs(['trusted.l', utf8('on a link')]) },
    { ...special('fifo', 'attributes/fifo'), ...xattrs(['trusted.f', utf8('on a fifo')]) },
    { ...special('socket', 'attributes/socket'), ...xattrs(['trusted.f', utf8('on a fifo')]) },
    { ...device('block', 'attributes/disk', 259, 300), ...xattrs(['trusted.f', utf8('on a fifo')]) },
    { ...device('char', 'attributes/tty', 4, 64), ...xattrs(['trusted.f', utf8('on a fifo')]) },
  ];
}

/** The tree; `longCount` files are in its longest directory. */
export function featureTree(blockSize: number, longCount = 3000): Tree {
  const many = Array.from({ length: longCount }, (_, index) =>
    file(`long/${index % 7}-a-name-that-takes-some-room-${index}`, bytesSource(prose(index % 60, index))),
  );
  const some = Array.from({ length: 257 }, (_, index) => symlink(`some/${index}`, `../sizes/${index}`));
  return makeTree([
    { ...directory('', 0o1755), uid: 7, gid: 8, mtime: 99 },
    directory('sizes', 0o700),
    ...sizes(blockSize),
    directory('copies'),
    ...copies(blockSize),
    file('holes', bytesSource(holey(blockSize))),
    file('zeros', bytesSource(new Uint8Array(2 * blockSize))),
    file('zeros-small', bytesSource(new Uint8Array(50))),
    ...attributed(),
    directory('long'),
    ...many,
    directory('some'),
    ...some,
    directory('empty', 0o2777),
    directory('deep'),
    directory('deep/er'),
    directory('deep/er/est'),
    { ...file('deep/er/est/file', bytesSource(utf8('down\n')), 0o4755), uid: 4294967294, gid: 65534, mtime: 4294967295 },
    symlink('target-long', 'x'.repeat(4095)),
    { ...file('n'.repeat(255), bytesSource(utf8('long name\n'))), mtime: 1_700_000_000 },
    file('bytes-\udcff\udc80\n\\ é', bytesSource(utf8('odd name\n'))),
    special('fifo', 'fifo'),
    special('socket', 'socket'),
    device('char', 'console', 5, 1),
    device('block', 'disk', 4095, 1048575),
    link('a-link', 'deep/er/est/file'),
    link('deep/link', 'deep/er/est/file'),
    link('fifo-too', 'fifo'),
    link('console-too', 'console'),
    link('copies/z-link', 'target-long'),
    link('holes-too', 'holes'),
  ]);
}
