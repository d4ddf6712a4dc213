// The ISO 9660 images we write, mounted by Linux itself: every name, all its metadata, every byte, by Rock Ridge, by Joliet, and by plain names.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bytesSource, nameToBytes, readAll, utf8 } from '../../src/bytes/index.ts';
import { featureTree, imageOf } from '../../src/formats/iso9660/discs.fixture.ts';
import { decode } from '../../src/formats/iso9660/index.ts';
import { sha256 } from '../../src/node/digest.ts';
import { directory, type Entry, file, makeTree, type Tree } from '../../src/tree/index.ts';
import { needs } from '../tools.ts';
import { debianKernel } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import { tinyArchive } from './tiny.ts';

const MODULES = ['drivers/block/loop.ko', 'drivers/cdrom/cdrom.ko', 'fs/isofs/isofs.ko'];
const TYPES = { file: 0o100000, directory: 0o040000, symlink: 0o120000, char: 0o020000, block: 0o060000, fifo: 0o010000, socket: 0o140000 };

// What find, stat, readlink and sha256sum of busybox say of the mounted image, sorted.
const SCRIPT = `
list() {
  cd /mnt
  if [ $1 = rock-ridge ]; then busybox find . -exec busybox stat -c '%f %u %g %Y %h %t:%T %n' {} +; else busybox find .; fi
  busybox find . -type f -exec busybox sha256sum {} +
  busybox find . -type l -exec busybox readlink {} \\;
  cd /
}
phase early
${MODULES.map((path) => `busybox insmod /${path.split('/').pop()}`).join('\n')}
busybox mkdir /mnt
check() {
  busybox mount -t iso9660 -o ro,loop,$2 /image.iso /mnt || say fact $1 unmountable
  list $1 | busybox sort >/listing
  if busybox cmp /listing /expected/$1; then say fact $1 same; else busybox diff /expected/$1 /listing | busybox head -n 30; say fact $1 different; fi
  busybox umount /mnt
}
check rock-ridge nojoliet
check joliet norock,utf8
check plain norock,nojoliet
phase init
busybox sleep 99
`;

/** What `list` says of a tree; without metadata for sets of names that have none. */
function expected(tree: Tree, withMetadata: boolean): Uint8Array {
  const lines: Uint8Array[] = [];
  const names = new Map<string, number>();
  for (const entry of tree.entries) {
    const path = entry.kind === 'hardlink' ? entry.to : entry.path;
    names.set(path, (names.get(path) ?? 0) + 1);
  }
  const add = (...parts: (string | Uint8Array)[]) =>
    lines.push(Buffer.concat([...parts, '\n'].map((part) => (typeof part === 'string' ? utf8(part) : part))));
  for (const named of tree.entries) {
    const entry = named.kind === 'hardlink' ? tree.get(named.to)! : named;
    assert.ok(entry.kind !== 'hardlink');
    const name = nameToBytes(named.path === '' ? '.' : `./${named.path}`);
    const linkCount =
      entry.kind === 'directory' ? 2 + tree.children(entry.path).filter(({ kind }) => kind === 'directory').length : names.get(entry.path)!;
    const device = entry.kind === 'char' || entry.kind === 'block' ? `${entry.major.toString(16)}:${entry.minor.toString(16)}` : '0:0';
    const mode = (TYPES[entry.kind] | entry.mode).toString(16);
    if (withMetadata) add(`${mode} ${entry.uid} ${entry.gid} ${entry.mtime} ${linkCount} ${device} `, name);
    else add(name);
    if (entry.kind === 'symlink') add(nameToBytes(entry.target));
    if (entry.kind === 'file') add(`${sha256(readAll(entry.content))}  `, name);
  }
  return Buffer.concat(lines.sort(Buffer.compare));
}

test('Linux mounts what we wrote and finds everything in it, by each set of names', async (t) => {
  if (!needs(t, 'qemu-system-x86_64')) return;
  const { vmlinuz, root, version } = await debianKernel('amd64');
  const modules = MODULES.map((path) =>
    file(path.split('/').pop()!, bytesSource(readFileSync(join(root, 'usr/lib/modules', version, 'kernel', path)))),
  );
  // Linux 6.1 keeps the times of isofs in 32 bits
  const tree = makeTree(featureTree().entries.filter(({ mtime }) => mtime < 2 ** 31));
  const image = bytesSource(imageOf(tree, { joliet: true, padding: 4096 }));
  const listing = (names: 'rock-ridge' | 'joliet' | 'plain') =>
    file(`expected/${names}`, bytesSource(expected(decode(image, { names }).tree, names === 'rock-ridge')));
  const more: Entry[] = [
    ...modules,
    file('image.iso', image),
    directory('expected'),
    listing('rock-ridge'),
    listing('joliet'),
    listing('plain'),
  ];
  const proof = await bootArchive({ kernel: vmlinuz, archive: await tinyArchive(SCRIPT, more), memory: 512, until: 'init', timeout: 180 });
  assertReached(proof);
  for (const names of ['rock-ridge', 'joliet', 'plain']) assert.equal(proof.facts[names], 'same', `${names}\n${consoleOf(proof)}`);
  // by Rock Ridge it is also the tree that went in
  assert.deepEqual(Buffer.from(expected(decode(image).tree, true)), Buffer.from(expected(tree, true)));
});
