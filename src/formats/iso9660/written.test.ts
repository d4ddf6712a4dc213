// What the writer promises besides the tree: where things are, what is stored once, what firmware finds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ByteSource, bytesSource, concat, readAll, utf8 } from '../../bytes/index.ts';
import { directory, file, makeTree, symlink } from '../../tree/index.ts';
import { edited, featureTree, imageOf, noise, SMALL, summary } from './discs.fixture.ts';
import { check, decode, detect, encode } from './index.ts';

const text = (content: string): ByteSource => bytesSource(utf8(content));
const read = (bytes: Uint8Array, names?: 'joliet' | 'plain' | 'rock-ridge') =>
  decode(bytesSource(bytes), names === undefined ? {} : { names });

test('a tree comes back with everything, in each set of names what that can hold', () => {
  const tree = featureTree();
  const bytes = imageOf(tree, { joliet: true });
  assert.ok(detect(bytesSource(bytes)));
  assert.deepEqual(check(bytesSource(bytes)), []);
  const image = read(bytes);
  assert.deepEqual([image.names, image.hasJoliet, image.volumeId, image.time], ['rock-ridge', true, 'TEST', SMALL.time]);
  assert.equal(image.size, bytes.length);
  assert.deepEqual(summary(image.tree), summary(featureTree()));
  const joliet = read(bytes, 'joliet').tree;
  assert.equal(joliet.entries.length, tree.entries.filter(({ path }) => !/^(links|devices)\//.test(path)).length);
  assert.ok(joliet.get('names/ünï cödé \u{1f525}.tar.gz') !== undefined);
  assert.deepEqual(
    joliet.children('names').map(({ path }) => path.slice(6, 20)),
    ['.hidden', 'UPPER', '__', 'a.b.c.d', 'nnnnnnnnnnnnnn', 'same', 'same_', 'upper_1', 'ünï cödé \u{1f525}.ta'],
  );
  const plain = read(bytes, 'plain').tree;
  assert.equal(plain.entries.length, tree.entries.length);
  assert.ok(plain.get('names/upper_1') !== undefined);
});

test('without Rock Ridge names are those of ISO 9660, unless there is Joliet', () => {
  const tree = makeTree([directory('Dir'), file('Dir/A file.text', text('x')), file('noext', text('y'))]);
  const paths = (bytes: Uint8Array) => [read(bytes).names, ...read(bytes).tree.entries.map(({ path }) => path)];
  assert.deepEqual(paths(imageOf(tree, { rockRidge: false })), ['plain', '', 'dir', 'dir/a_file.text', 'noext']);
  assert.deepEqual(paths(imageOf(tree, { rockRidge: false, joliet: true })), ['joliet', '', 'Dir', 'Dir/A file.text', 'noext']);
  assert.throws(() => encode(makeTree([symlink('l', 'x')]), { ...SMALL, rockRidge: false }), { code: 'NOT_EXPRESSIBLE' });
  const deep = featureTree(0).entries.filter(({ path }) => path.startsWith('level'));
  assert.throws(() => encode(makeTree(deep), { ...SMALL, rockRidge: false }), { code: 'NOT_EXPRESSIBLE', message: /8 levels/ });
});

test('equal files are stored once and stay files of their own; alignments and order hold', () => {
  const content = noise(9000, 3);
  const tree = makeTree([
    ...['a', 'b', 'c'].map((name) => file(name, bytesSource(content.slice()))),
    file('d', bytesSource(noise(9000, 4))),
    file('z.sb', bytesSource(noise(10, 5))),
  ]);
  const plan = encode(tree, { ...SMALL, alignments: new Map([['d', 65536]]), order: new Map([['z.sb', 5]]) });
  const at = (path: string): number => plan.extentOf(path).at;
  assert.equal(at('a'), at('b'));
  assert.equal(at('a'), at('c'));
  assert.equal(at('d') % 65536, 0);
  assert.ok(at('z.sb') < at('a'));
  const image = read(concat([...plan.chunks()]));
  assert.ok(image.tree.entries.every(({ kind }) => kind !== 'hardlink'));
  assert.deepEqual(summary(image.tree), summary(makeTree([directory(''), ...tree.entries])));
  const apart = encode(tree, { ...SMALL, duplicates: false });
  assert.notEqual(apart.extentOf('a').at, apart.extentOf('b').at);
  assert.throws(() => plan.extentOf('nowhere'), { code: 'NO_ENTRY' });
});

test('firmware finds its programs, and they themselves', () => {
  const core = noise(30_001, 1);
  const tree = makeTree([
    directory('boot'),
    file('boot/core.img', bytesSource(core)),
    file('boot/same.img', bytesSource(core.slice())),
    file('boot/efi.img', bytesSource(noise(70_000, 2))),
    file('boot/more.img', bytesSource(noise(3000, 3))),
  ]);
  const plan = encode(tree, {
    ...SMALL,
    catalogPath: 'boot/boot.cat',
    bootEntries: [
      { platform: 'bios', path: 'boot/core.img', bootInfoTable: true, grub2BootInfo: true },
      { platform: 'efi', path: 'boot/efi.img' },
      { platform: 'efi', path: 'boot/more.img', loadSectors: 3 },
      { platform: 'bios', path: 'boot/more.img' },
    ],
  });
  const bytes = concat([...plan.chunks()]);
  const { bootEntries, tree: back } = read(bytes);
  assert.deepEqual(
    bootEntries.map(({ platform, path, loadSectors, at, isBootable, media }) => [platform, path, loadSectors, at, isBootable, media]),
    [
      ['bios', 'boot/core.img', 4, plan.extentOf('boot/core.img').at, true, 0],
      ['efi', 'boot/efi.img', 137, plan.extentOf('boot/efi.img').at, true, 0],
      ['efi', 'boot/more.img', 3, plan.extentOf('boot/more.img').at, true, 0],
      ['bios', 'boot/more.img', 4, plan.extentOf('boot/more.img').at, true, 0],
    ],
  );
  // the changed image is no longer equal to the other one
  assert.notEqual(plan.extentOf('boot/core.img').at, plan.extentOf('boot/same.img').at);
  const stored = readAll(plan.contentOf('boot/core.img'));
  const view = new DataView(stored.buffer, stored.byteOffset);
  const { at } = plan.extentOf('boot/core.img');
  assert.deepEqual([view.getUint32(8, true), view.getUint32(12, true), view.getUint32(16, true)], [16, at / 2048, 30_001]);
  let sum = 0;
  for (let word = 64; word < 30_000; word += 4) sum = (sum + view.getUint32(word, true)) >>> 0;
  assert.equal(view.getUint32(20, true), (sum + stored[30_000]!) >>> 0);
  assert.equal(Number(view.getBigUint64(2548, true)), at / 512 + 5);
  assert.deepEqual(stored.subarray(2556), core.subarray(2556));
  assert.deepEqual(Buffer.from(bytes.subarray(at, at + stored.length)), Buffer.from(stored));
  const catalog = back.get('boot/boot.cat');
  assert.ok(catalog?.kind === 'file' && catalog.content.size === 2048);
  assert.equal(new DataView(bytes.buffer, bytes.byteOffset).getUint32(17 * 2048 + 0x47, true) * 2048, plan.extentOf('boot/boot.cat').at);
});

test('what is in front and at the end is asked for once all places are known', () => {
  const tree = makeTree([file('a', bytesSource(noise(5000, 1)))]);
  const plan = encode(tree, {
    ...SMALL,
    alignTo: 1 << 20,
    padding: 10_000,
    systemArea: ({ extentOf, size, trailerAt }) => utf8(`${extentOf('a').at} ${size} ${trailerAt}`),
    trailer: { size: 33 * 512, bytes: ({ size }) => utf8(`the end of ${size}`.padEnd(33 * 512, '.')) },
  });
  const bytes = concat([...plan.chunks()]);
  assert.equal(bytes.length, 1 << 20);
  assert.equal(plan.trailerAt, (1 << 20) - 9 * 2048);
  const front = new TextDecoder().decode(bytes.subarray(0, 30));
  assert.ok(front.startsWith(`${plan.extentOf('a').at} ${plan.size} ${plan.trailerAt}\0`), front);
  assert.ok(new TextDecoder().decode(bytes.subarray(-33 * 512)).startsWith('the end of 1048576...'));
  assert.equal(read(bytes).size, 1 << 20);
  assert.throws(() => [...encode(tree, { ...SMALL, systemArea: () => new Uint8Array(32769) }).chunks()], { code: 'BAD_VALUE' });
});

/** 5 GiB without memory: zeros, and a few bytes here and there. */
function vast(size: number, marks: ReadonlyMap<number, number>): ByteSource {
  return {
    size,
    read(at, count) {
      const bytes = new Uint8Array(count);
      for (const [place, value] of marks) if (place >= at && place < at + count) bytes[place - at] = value;
      return bytes;
    },
  };
}

test('a file of 5 GiB has two sections', () => {
  const size = 5 * 2 ** 30 + 7;
  const border = 0x1_0000_0000 - 2048;
  const marks = new Map([
    [0, 1],
    [border - 1, 2],
    [border, 3],
    [size - 1, 4],
  ]);
  const content = vast(size, marks);
  const plan = encode(makeTree([file('big', content), file('small', text('behind'))]), { ...SMALL, joliet: true });
  const { at } = plan.extentOf('big');
  const [front] = plan.chunks();
  assert.ok(front !== undefined && front.length >= at);
  // the rest is read in written.long.ts
  const image: ByteSource = {
    size: plan.size,
    read: (from, count) => (from < at ? front.subarray(from, from + count) : content.read(from - at, count)),
  };
  for (const names of ['rock-ridge', 'joliet'] as const) {
    const big = decode(image, { names }).tree.get('big');
    assert.ok(big?.kind === 'file');
    assert.equal(big.content.size, size);
    for (const [place, value] of marks) assert.equal(big.content.read(place, 1)[0], value);
    assert.deepEqual(Array.from(big.content.read(border - 2, 4)), [0, 2, 3, 0]);
    assert.throws(() => big.content.read(size, 1), { code: 'TRUNCATED' });
  }
});

test('options that make no sense are refused before anything else', () => {
  const tree = makeTree([directory('d'), file('d/f', text('f'))]);
  const refused = (options: Parameters<typeof imageOf>[1], code: string) =>
    assert.throws(() => encode(tree, { ...SMALL, ...options }), { code }, JSON.stringify(options));
  refused({ volumeId: '' }, 'BAD_VALUE');
  refused({ volumeId: 'ü' }, 'BAD_VALUE');
  refused({ volumeId: 'x'.repeat(33) }, 'BAD_VALUE');
  refused({ time: -1 }, 'BAD_VALUE');
  refused({ alignTo: 1000 }, 'BAD_VALUE');
  refused({ padding: 1.5 }, 'BAD_VALUE');
  refused({ catalogPath: 'c' }, 'BAD_VALUE');
  refused({ catalogPath: 'd/f', bootEntries: [{ platform: 'bios', path: 'd/f' }] }, 'CONFLICT');
  refused({ bootEntries: [{ platform: 'bios', path: 'd' }] }, 'NO_ENTRY');
  refused({ bootEntries: [{ platform: 'bios', path: 'd/f', grub2BootInfo: true }] }, 'BAD_VALUE');
  refused({ order: new Map([['x', 1]]) }, 'NO_ENTRY');
  refused({ alignments: new Map([['d', 4096]]) }, 'NO_ENTRY');
  refused({ alignments: new Map([['d/f', 3000]]) }, 'BAD_VALUE');
});

test('check finds what is stored twice and differs', () => {
  const tree = makeTree([directory('d'), file('d/f', text('f'))]);
  const codes = (bytes: Uint8Array) => check(bytesSource(bytes)).map(({ code, severity }) => `${severity} ${code}`);
  assert.deepEqual(codes(imageOf(tree)), []);
  const image = imageOf(tree);
  assert.deepEqual(codes(imageOf(tree, { padding: 4096 }).subarray(0, image.length)), ['error iso9660-short']);
  assert.deepEqual(codes(edited(tree, ({ view }) => view.setUint32(16 * 2048 + 84, 1))), ['error iso9660-byte-order']);
  const tableAt = 18 * 2048;
  assert.deepEqual(codes(edited(tree, ({ view }) => view.setUint32(tableAt + 12, 7, true))), [
    'warning iso9660-path-table',
    'warning iso9660-path-table',
  ]);
});
