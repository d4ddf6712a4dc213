// The squashfs images we write, mounted by Linux itself: every name, all its metadata and attributes, every byte, over a matrix of options and codecs.
import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { bytesSource, nameToBytes, readAll, utf8 } from '../../src/bytes/index.ts';
import { featureTree } from '../../src/formats/squashfs/features.fixture.ts';
import { ENCODE_DEFAULTS } from '../../src/formats/squashfs/index.ts';
import { type Choices, MATRIX, written } from '../../src/formats/squashfs/written.fixture.ts';
import { sha256 } from '../../src/node/digest.ts';
import { directory, type Entry, file, type Tree } from '../../src/tree/index.ts';
import { needs } from '../tools.ts';
import { debianKernel, fetchPackages, once } from '../world/index.ts';
import { unpackPackages } from '../world/unpack.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import { tinyArchive } from './tiny.ts';

const MODULES = ['drivers/block/loop.ko', 'fs/squashfs/squashfs.ko'];
const TYPES = { file: 0o100000, directory: 0o040000, symlink: 0o120000, char: 0o020000, block: 0o060000, fifo: 0o010000, socket: 0o140000 };

const TOOLS = {
  getfattr: /bin\/getfattr$/,
  'libattr.so.1': /libattr\.so\.1/,
  'libc.so.6': /\/libc\.so\.6$/,
  ld: /\/ld-linux-x86-64\.so\.2$/,
};

// What find, stat, readlink and sha256sum of busybox say of the mounted image, sorted.
const LIST = `list() {
  cd /mnt
  busybox find . -exec busybox stat -c '%f %u %g %Y %h %t:%T %n' {} +
  busybox find . -type f -exec busybox stat -c 'size %s %b %n' {} +
  busybox find . -type f -exec busybox sha256sum {} +
  busybox find . -type l -exec busybox readlink {} \\;
  cd /
}
`;

const SCRIPT = `${LIST}
phase early
${MODULES.map((path) => `busybox insmod /${path.split('/').pop()}`).join('\n')}
busybox mkdir /mnt
export LD_LIBRARY_PATH=/tools
for image in /images/*; do
  name=$(busybox basename $image)
  busybox mount -t squashfs -o ro,loop $image /mnt || say fact $name unmountable
  list | busybox sort >/listing
  (cd /mnt/attributes && /tools/ld /tools/getfattr -R -h -P -d -m - -e hex . 2>/dev/null) | busybox sort | busybox grep -v '^$' >>/listing
  if busybox cmp /listing /expected/$name; then say fact $name same; else busybox diff /expected/$name /listing | busybox head -n 20; say fact $name different; fi
  busybox umount /mnt
done
phase init
busybox sleep 99
`;

let kernel = '';
let modules: readonly Entry[] = [];
let tools: readonly Entry[] = [];

before(async () => {
  const { vmlinuz, root, version } = await debianKernel('amd64');
  kernel = vmlinuz;
  modules = MODULES.map((path) => {
    const bytes = readFileSync(join(root, 'usr/lib/modules', version, 'kernel', path));
    return file(path.split('/').pop()!, bytesSource(bytes));
  });
  const folder = await attributeTools();
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  tools = Object.entries(TOOLS).map(([name, pattern]) => {
    const path = found.find((one) => pattern.test(one) && lstatSync(join(folder, one)).isFile());
    assert.ok(path !== undefined, name);
    return file(`tools/${name}`, bytesSource(readFileSync(join(folder, path))), 0o755);
  });
});

/** Debian's getfattr with what it needs, unpacked once. */
async function attributeTools(): Promise<string> {
  const packages = await fetchPackages('amd64', 'attributes', ['attr'], /^(attr|libattr1|libc6)$/);
  return once('attributes-amd64', (scratch) => {
    unpackPackages(
      packages.map(({ path }) => path),
      scratch,
    );
  });
}

/** Bytes of a file that take up space, as far as the image says: all but its holes. */
function allocatedSize(content: Uint8Array, blockSize: number, { sparse = true, fragments = 'small' }: Choices): number {
  let size = content.length;
  if (!sparse) return size;
  for (let at = 0; at < content.length; at += blockSize) {
    const block = content.subarray(at, at + blockSize);
    const isFragment = block.length < blockSize && fragments !== 'none' && (fragments === 'always' || at === 0);
    if (!isFragment && block.every((byte) => byte === 0)) size -= block.length;
  }
  return size;
}

/** What `list` says of a tree. */
function expected(tree: Tree, blockSize: number, choices: Choices): Uint8Array {
  const lines: Buffer[] = [];
  const names = new Map<string, number>();
  for (const entry of tree.entries) {
    const path = entry.kind === 'hardlink' ? entry.to : entry.path;
    names.set(path, (names.get(path) ?? 0) + 1);
  }
  const add = (...parts: (string | Uint8Array)[]) =>
    lines.push(Buffer.concat(parts.map((part) => (typeof part === 'string' ? utf8(part) : part))));
  for (const named of tree.entries) {
    const entry = named.kind === 'hardlink' ? tree.get(named.to)! : named;
    assert.ok(entry.kind !== 'hardlink');
    const name = nameToBytes(named.path === '' ? '.' : `./${named.path}`);
    const linkCount =
      entry.kind === 'directory'
        ? 2 + tree.children(entry.path).filter((child) => child.kind === 'directory').length
        : names.get(entry.path)!;
    const device = entry.kind === 'char' || entry.kind === 'block' ? `${entry.major.toString(16)}:${entry.minor.toString(16)}` : '0:0';
    const mode = (TYPES[entry.kind] | entry.mode).toString(16);
    add(`${mode} ${entry.uid} ${entry.gid} ${entry.mtime} ${linkCount} ${device} `, name);
    if (entry.kind === 'symlink') add(nameToBytes(entry.target));
    if (entry.kind !== 'file') continue;
    const content = readAll(entry.content);
    const attributesSize = [...(choices.xattrs === false ? [] : (entry.xattrs ?? []))].reduce(
      (size, [key, value]) => size + key.length + 1 + value.length,
      0,
    );
    const blocks = Math.ceil(allocatedSize(content, blockSize, choices) / 512) + Math.ceil(attributesSize / 512);
    add(`size ${content.length} ${blocks} `, name);
    add(`${sha256(content)}  `, name);
  }
  // a name may hold a newline, and sort knows only lines
  const text = Buffer.concat(lines.map((line) => Buffer.concat([line, utf8('\n')])));
  const split: Buffer[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf(10, at) + 1;
    split.push(text.subarray(at, end));
    at = end;
  }
  return Buffer.concat([...split.sort(Buffer.compare), ...(choices.xattrs === false ? [] : attributeLines(tree))]);
}

/** What getfattr says below `attributes`, sorted, without empty lines. */
function attributeLines(tree: Tree): Buffer[] {
  const lines = tree.entries.flatMap(({ path, xattrs = new Map<string, Uint8Array>() }) => {
    const named = path.split('/');
    if (named[0] !== 'attributes' || xattrs.size === 0) return [];
    const values = [...xattrs].map(([name, value]) => `${name}=0x${Buffer.from(value).toString('hex')}`);
    return [`# file: ${named[1] ?? '.'}`, ...values];
  });
  return lines.sort().map((line) => Buffer.from(`${line}\n`));
}

test('Linux mounts what we wrote and finds everything in it', async (t) => {
  if (!needs(t, 'qemu-system-x86_64')) return;
  const more: Entry[] = [...modules, directory('tools'), ...tools, directory('images'), directory('expected')];
  for (const [index, [, listed]] of MATRIX.entries()) {
    const choices = { ...listed, padding: 4096 }; // loop devices have whole sectors only
    const blockSize = choices.blockSize ?? ENCODE_DEFAULTS.blockSize;
    const tree = featureTree(blockSize, blockSize === 4096 ? 1000 : 60);
    const listing = expected(tree, blockSize, choices);
    more.push(
      file(`images/image${index}`, bytesSource(await written(tree, choices))),
      file(`expected/image${index}`, bytesSource(listing)),
    );
  }
  const proof = await bootArchive({ kernel, archive: await tinyArchive(SCRIPT, more), memory: 512, until: 'init', timeout: 180 });
  assertReached(proof);
  for (const [index, [title]] of MATRIX.entries()) assert.equal(proof.facts[`image${index}`], 'same', `${title}\n${consoleOf(proof)}`);
});
