// Every verb that reads sees through the image inside an archive, and reads images by themselves: names, contents, reasons, checks, roots.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decode } from '../src/archive/index.ts';
import { bytesSource, concat, utf8 } from '../src/bytes/index.ts';
import { encodeWhole } from '../src/formats/newc/index.ts';
import { superblock } from '../src/formats/squashfs/structs.ts';
import { written } from '../src/formats/squashfs/written.fixture.ts';
import { nodeDecoders } from '../src/node/codecs.ts';
import { fileSource } from '../src/node/source.ts';
import { busybox, sample } from '../src/plan/sample.fixture.ts';
import { directory, type Entry, file, makeTree, symlink, withParents } from '../src/tree/index.ts';
import { writeRoot } from './on-disk.ts';
import { needs, tool } from './tools.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
const APPLETS =
  '[ [[ ash blkid cat chroot dd echo ls mkdir mkfifo modprobe mount od pivot_root readlink rm sh sleep switch_root umount vi'.split(' ');
const MODULES = { 'kernel/drivers/block/loop.ko': {}, 'kernel/fs/squashfs/squashfs.ko': {}, 'kernel/fs/overlayfs/overlay.ko': {} };
const TREE = 'usr/lib/modules/6.1.0-sample';
const folder = mkdtempSync(join(tmpdir(), 'kindling-through-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function kindling(...argv: string[]) {
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') };
  const { status, stdout, stderr } = spawnSync(KINDLING, argv, { encoding: 'utf8', cwd: folder, env, timeout: 60_000, maxBuffer: 1 << 28 });
  return { code: status, out: stdout, err: stderr, lines: stdout.split('\n').filter((line) => line !== '') };
}

before(() => {
  const root = writeRoot(sample({ 'usr/bin/busybox': busybox(APPLETS) }, MODULES), join(folder, 'root'));
  for (const layout of ['plain', 'squash', 'squash-usr']) {
    const made = kindling('build', '--root', root, '-o', `${layout}.img`, '--layout', layout);
    assert.equal(made.code, 0, made.err);
  }
});

test('list: one tree, the image included; --outer stops at the loader', () => {
  const plain = kindling('list', 'plain.img').lines;
  for (const [name, image] of [
    ['squash.img', 'squash-root.img'],
    ['squash-usr.img', 'squash/root.img'],
  ] as const) {
    const whole = kindling('list', name).lines;
    assert.deepEqual(
      plain.filter((path) => !whole.includes(path)),
      [],
    );
    assert.ok(whole.includes(image));
    const outer = kindling('list', '--outer', name).lines;
    assert.ok(outer.includes(image) && outer.includes(`${TREE}/kernel/fs/squashfs/squashfs.ko`));
    assert.ok(!outer.includes(`${TREE}/kernel/fs/ext4/ext4.ko`) && whole.includes(`${TREE}/kernel/fs/ext4/ext4.ko`));
  }
});

test('list --json: the image with its format and compressor, and the layer of each path', () => {
  const { image, entries } = JSON.parse(kindling('list', '--json', 'squash.img').out);
  assert.equal(image.path, 'squash-root.img');
  assert.deepEqual([image.format, image.compressor], ['squashfs', 'zstd']);
  const layers = (path: string) => entries.find((entry: { path: string }) => entry.path === path).layers;
  assert.deepEqual(layers('init'), ['outer', 'inner']);
  assert.deepEqual(layers('usr/lib/kindling/reasons'), ['outer']);
  assert.deepEqual(layers(`${TREE}/kernel/fs/ext4/ext4.ko`), ['inner']);
  assert.equal(JSON.parse(kindling('list', '--json', 'plain.img').out).image, undefined);
});

test('cat: what runs, or with --outer what starts first; several files', () => {
  const stock = kindling('cat', 'plain.img', 'init').out;
  assert.equal(kindling('cat', 'squash.img', 'init').out, stock);
  const loader = kindling('cat', '--outer', 'squash.img', 'init').out;
  assert.notEqual(loader, stock);
  assert.match(loader, /^#!/);
  assert.equal(kindling('cat', 'squash.img', 'init', 'init').out, stock + stock);
  assert.equal(kindling('cat', 'squash.img', 'init', 'nowhere').code, 3);
  assert.equal(kindling('cat', 'squash.img', 'init', 'nowhere').out, '');
});

test('diff: a plain and a squashed archive differ by the loader only', () => {
  const { code, lines } = kindling('diff', 'plain.img', 'squash.img');
  assert.equal(code, 1);
  assert.deepEqual(
    lines.filter((line) => line.startsWith('-')),
    [],
  );
  assert.deepEqual(
    lines.filter((line) => line.startsWith('~')).map((line) => line.split(' ')[1]),
    ['usr/lib/kindling/id', 'usr/lib/kindling/reasons'],
  );
  assert.ok(lines.some((line) => line.startsWith('+ squash-root.img file')));
});

test('extract: one tree on disk, or with --outer the archive as it is packed', () => {
  assert.equal(kindling('extract', 'squash.img', '-C', 'whole').code, 0);
  assert.equal(readFileSync(join(folder, 'whole/init'), 'utf8'), kindling('cat', 'plain.img', 'init').out);
  assert.ok(existsSync(join(folder, 'whole', TREE, 'kernel/fs/ext4/ext4.ko')));
  assert.equal(kindling('extract', '--outer', 'squash.img', '-C', 'outer').code, 0);
  assert.ok(!existsSync(join(folder, 'outer', TREE, 'kernel/fs/ext4/ext4.ko')));
  const image = fileSource(join(folder, 'outer/squash-root.img'));
  assert.equal(superblock.decode(image.read(0, 96)).magic, 0x73717368);
  // the image by itself
  assert.equal(kindling('extract', 'outer/squash-root.img', '-C', 'bare', 'init').code, 0);
  assert.deepEqual(readdirSync(join(folder, 'bare')), ['init']);
});

test('why: reasons of what is in the image and of what is outside', () => {
  assert.match(kindling('why', 'squash.img', `${TREE}/kernel/fs/ext4/ext4.ko`).out, /ext4/);
  assert.match(kindling('why', 'squash.img', 'squash-root.img').out, /image/);
  assert.match(kindling('why', 'squash.img', `${TREE}/kernel/drivers/block/loop.ko`).out, /\[/);
});

test('verify: a good squashed archive is fine, against its root too', () => {
  for (const name of ['squash.img', 'squash-usr.img']) {
    const { code, out } = kindling('verify', name, '--root', 'root');
    assert.equal(code, 0, out);
  }
});

/** The archive with some bytes of its image changed. */
function damaged(name: string, change: (image: Uint8Array) => void): string {
  const bytes = new Uint8Array(readFileSync(join(folder, 'squash.img')));
  const { outer } = decode(bytesSource(bytes), { decoders: nodeDecoders() });
  const entry = outer.get('squash-root.img');
  assert.ok(entry?.kind === 'file');
  // stored as it is, so what is read is a view of the archive's own bytes
  change(entry.content.read(0, entry.content.size));
  writeFileSync(join(folder, name), bytes);
  return name;
}

test('a damaged image: said with structure, offset and path; the loader is still listed on request', () => {
  const name = damaged('table.img', (image) => {
    const { inodeTableAt } = superblock.decode(image);
    image[Number(inodeTableAt) + 1] = 0xff;
  });
  for (const verb of [
    ['list', name],
    ['cat', name, 'init'],
    ['extract', name, '-C', 'never'],
    ['diff', name, 'plain.img'],
  ]) {
    const { code, err } = kindling(...verb);
    assert.equal(code, 3, verb.join(' '));
    assert.match(err, /squashfs inode/);
    assert.match(err, /squash-root\.img/);
  }
  assert.ok(!existsSync(join(folder, 'never')));
  const { code, out } = kindling('verify', name);
  assert.equal(code, 1);
  assert.match(out, /squashfs inode/);
});

test('verify reads the data of the image, and the id covers it', () => {
  const name = damaged('data.img', (image) => {
    image[120] = image[120]! ^ 0xff;
    image[130] = image[130]! ^ 0xff;
  });
  assert.equal(kindling('list', name).code, 0, 'names do not need the data');
  const { code, out } = kindling('verify', name);
  assert.equal(code, 1);
  assert.match(out, /squashfs-|id-mismatch/);
});

test('verify: what the loader lacks is an error', () => {
  const bare = (drop: string): string => {
    const { outer } = decode(fileSource(join(folder, 'squash.img')), { decoders: nodeDecoders() });
    const kept = outer.entries.filter(({ path }) => path !== '' && !path.includes(drop) && path !== 'usr/lib/kindling/id');
    writeFileSync(join(folder, 'lacks.img'), encodeWhole(kept));
    return kindling('verify', 'lacks.img', '--root', 'root').out;
  };
  assert.match(bare('loop.ko'), /loop/);
  assert.match(bare('overlay.ko'), /overlay/);
});

test('hostile: an image cannot lead what is outside through its links', async () => {
  const inner = makeTree([directory(''), symlink('d', join(folder, 'victim')), file('d2', bytesSource(utf8('x')))]);
  const image = await written(inner, { codec: 'gzip:1' });
  mkdirSync(join(folder, 'victim'));
  const outside: Entry[] = withParents([file('d/secret', bytesSource(utf8('evil'))), file('squash-root.img', bytesSource(image))]);
  const order = [...outside].sort((a, b) => (a.path < b.path ? -1 : 1));
  writeFileSync(join(folder, 'hostile.img'), encodeWhole(order));
  assert.equal(kindling('extract', 'hostile.img', '-C', 'target').code, 0);
  assert.deepEqual(readdirSync(join(folder, 'victim')), []);
  assert.deepEqual(kindling('list', 'hostile.img').lines, ['d', 'd2', 'squash-root.img']);
});

test('an image is a root: planning from squashfs gives the same archive as from the directory', (t) => {
  if (!needs(t, 'mksquashfs', 'mkfs.erofs')) return;
  const plain = readFileSync(join(folder, 'plain.img'));
  for (const [tools, words] of [
    ['mksquashfs', ['root', 'root.sq', '-noappend', '-no-progress', '-quiet', '-all-root']],
    ['mkfs.erofs', ['--all-root', '-zlz4', 'root.erofs', 'root']],
  ] as const) {
    const made = spawnSync(tool(tools), words, { cwd: folder, encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    const image = tools === 'mksquashfs' ? 'root.sq' : 'root.erofs';
    assert.equal(kindling('build', '--root', image, '-o', 'from-image.img').code, 0);
    assert.ok(readFileSync(join(folder, 'from-image.img')).equals(plain), image);
    assert.equal(kindling('diff', '--ignore-owner', 'root', image).code, 0);
  }
});

test('an image cut or damaged at any table: exit 3 with a place', async () => {
  const image = await written(makeTree([directory(''), file('a', bytesSource(new Uint8Array(5000).fill(1)))]), { codec: 'gzip:1' });
  const head = superblock.decode(image);
  for (const at of [3, 90, 97, Number(head.inodeTableAt) + 1, Number(head.directoryTableAt) + 1, Number(head.idTableAt)]) {
    writeFileSync(join(folder, 'cut'), image.subarray(0, at));
    const { code, err } = kindling('list', 'cut');
    assert.equal(code, 3, `${at}: ${err}`);
  }
  for (const field of ['inodeTableAt', 'directoryTableAt', 'idTableAt', 'root'] as const) {
    const bytes = concat([image]);
    bytes.fill(0x77, superblock.offsetOf(field), superblock.offsetOf(field) + 8);
    writeFileSync(join(folder, 'bad'), bytes);
    const { code, err } = kindling('list', 'bad');
    assert.equal(code, 3, `${field}: ${err}`);
    assert.match(err, /squashfs/);
  }
});
