// FAT by itself: what goes in comes out, names and aliases, sizes, what is refused and what is left out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ByteSource, bytesSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { sha256 } from '../../node/digest.ts';
import { directory, file, makeTree, printManifest, symlink } from '../../tree/index.ts';
import { trees } from '../../tree/trees.fixture.ts';
import { asFat, fatTrees, noise, SERIAL, sampleTree, TIME, TYPES, volumeOf } from './fat.fixture.ts';
import { check, decode, detect, encode, type FatType, leastSize, losses } from './index.ts';
import { nameAll } from './names.ts';
import { fromFatTime, TIME_LEAST, TIME_MOST, toFatTime } from './times.ts';

const manifest = (tree: Parameters<typeof printManifest>[0]) => printManifest(tree, { sha256 });
const MIB = 1 << 20;

for (const type of TYPES) {
  test(`FAT${type}: what goes in comes out, and nothing is found wrong with it`, () => {
    const tree = sampleTree();
    const image = bytesSource(volumeOf(tree, type));
    const found = decode(image);
    assert.equal(manifest(found.tree), manifest(asFat(tree)));
    assert.deepEqual([found.label, found.serial, found.type], ['KINDLING', SERIAL, type]);
    assert.deepEqual(check(image), []);
    assert.ok(detect(image));
  });
}

test('any tree that FAT can hold comes back, and the check finds nothing', () => {
  fc.assert(
    fc.property(fatTrees, fc.constantFrom<FatType>(12, 16), (tree, type) => {
      const image = bytesSource(volumeOf(tree, type));
      assert.equal(manifest(decode(image).tree), manifest(asFat(tree)));
      assert.deepEqual(check(image), []);
    }),
    { seed: 20261121, numRuns: 60 },
  );
});

test('any tree at all is refused before a byte is written, or comes back but for what is told', () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const errors = losses(tree).filter(({ severity }) => severity === 'error');
      if (errors.length > 0) {
        assert.throws(() => volumeOf(tree, 12), { code: 'NOT_EXPRESSIBLE' });
        return;
      }
      assert.equal(manifest(decode(bytesSource(volumeOf(tree, 12))).tree), manifest(asFat(tree)));
    }),
    { seed: 20261121, numRuns: 150 },
  );
});

test('equal trees give equal bytes, in another order too', () => {
  const tree = sampleTree();
  const again = makeTree([...tree.entries].reverse());
  assert.deepEqual(volumeOf(again, 16), volumeOf(tree, 16));
});

test('aliases: kept where they are one, counted up in order, never twice', () => {
  const names = [
    'Long name.text',
    'long names.text',
    'LONGNA~2.TEX',
    'short.txt',
    'SHORT2.TXT',
    'a.b.c',
    '.profile',
    'trailing.x',
    'ÄÖ',
    '+',
  ];
  const aliases = nameAll(names).map(({ base, extension, long }) => `${base}.${extension} ${long === undefined ? 'alone' : 'long'}`);
  assert.deepEqual(aliases, [
    'LONGNA~1.TEX long',
    'LONGNA~3.TEX long',
    'LONGNA~2.TEX alone',
    'SHORT.TXT long',
    'SHORT2.TXT alone',
    'AB~1.C long',
    'PROFIL~1. long',
    'TRAILING.X long',
    '__~1. long',
    '_~1. long',
  ]);
  const many = nameAll(Array.from({ length: 1200 }, (_, index) => `the same beginning ${index}`));
  assert.equal(new Set(many.map(({ base }) => base)).size, 1200);
  assert.equal(many[999]!.base, 'THE~1000');
});

test('names that FAT has no form for are refused, each with its reason', () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['a:b', /holds ":"/],
    ['what?', /holds "\?"/],
    ['back\\slash', /holds "\\\\"/],
    ['tab\there', /holds "\\t"/],
    ['dot.', /ends in a dot/],
    ['space ', /ends in a dot or a space/],
    ['bytes-\udce9', /not UTF-8/],
  ];
  for (const [name, message] of refused) {
    const tree = makeTree([file(name, bytesSource(noise(3)))]);
    assert.throws(() => volumeOf(tree, 12), { code: 'NOT_EXPRESSIBLE', message }, name);
  }
  const twice = makeTree([file('Name', bytesSource(noise(1))), file('name', bytesSource(noise(1)))]);
  assert.throws(() => volumeOf(twice, 12), { code: 'NOT_EXPRESSIBLE', message: /does not tell case/ });
});

test('a file of 4 GiB is refused, one of a byte less is planned; neither is read', () => {
  const unread = (size: number): ByteSource => ({ size, read: () => assert.fail('it was read') });
  const options = { size: 5 * 1024 * MIB, label: '', serial: 1, time: TIME };
  assert.throws(() => encode(makeTree([file('big', unread(2 ** 32))]), options), { code: 'NOT_EXPRESSIBLE', message: /4294967295/ });
  const plan = encode(makeTree([file('big', unread(2 ** 32 - 1))]), options);
  assert.equal(plan.type, 32);
  assert.equal(plan.extentOf('big')?.size, 2 ** 32 - 1);
});

test('what is dropped is told: links, devices, owners, modes; hard links become files', () => {
  const tree = makeTree([
    { ...file('a', bytesSource(noise(3)), 0o755), uid: 5 },
    { kind: 'hardlink', path: 'b', to: 'a', mode: 0o755, uid: 5, gid: 0, mtime: 0 },
    symlink('l', 'a'),
  ]);
  const found = losses(tree).map(({ severity, where, message }) => `${severity} ${where.path ?? '-'} ${message}`);
  assert.deepEqual(found, [
    'note b fat: the hard link to "a" becomes a file of its own',
    'warning l fat: has no form for a symlink, which is left out',
    'warning - fat: drops the owners of 2 entries',
    'warning - fat: drops the modes of 1 entries',
  ]);
  assert.deepEqual(
    decode(bytesSource(volumeOf(tree, 12))).tree.entries.map(({ path, kind }) => `${kind} ${path}`),
    ['directory ', 'file a', 'file b'],
  );
});

test('the least size holds the tree, and a sector less does not', () => {
  const tree = sampleTree();
  for (const type of TYPES) {
    const size = leastSize(tree, { type });
    assert.equal(encode(tree, { size, type, label: '', serial: 0, time: 0 }).type, type);
    if (type === 12) assert.throws(() => encode(tree, { size: size - 512, type, label: '', serial: 0, time: 0 }), { code: 'LIMIT' });
  }
  const big = makeTree([file('x', { size: 3 * 1024 * MIB, read: () => assert.fail('it was read') })]);
  const size = leastSize(big, { unit: MIB });
  assert.equal(size % MIB, 0);
  assert.equal(encode(big, { size, label: 'X', serial: 0, time: 0 }).type, 32);
  assert.ok(size < 3 * 1024 * MIB * 1.01);
});

test('the variant follows the size, and a size that has none is refused', () => {
  const empty = makeTree([]);
  const typeOf = (size: number) => encode(empty, { size, label: '', serial: 0, time: 0 }).type;
  assert.deepEqual(
    [1.44 * MIB, 4 * MIB, 9 * MIB, 64 * MIB, 511 * MIB, 512 * MIB, 100 * 1024 * MIB].map(Math.floor).map(typeOf),
    [12, 12, 16, 16, 16, 32, 32],
  );
  for (const [type, size] of [
    [32, 16 * MIB],
    [16, MIB],
    [12, 1024 * MIB],
    [12, 1024],
  ] as const) {
    assert.throws(() => encode(empty, { size, type, label: '', serial: 0, time: 0 }), { code: 'LIMIT' }, `FAT${type} of ${size}`);
  }
});

test('labels and serial numbers that cannot be stored are refused', () => {
  const options = { size: MIB, serial: 0, time: 0 };
  for (const label of ['twelve chars', 'a/b', 'é', ' x']) {
    assert.throws(() => encode(makeTree([]), { ...options, label }), { code: 'BAD_VALUE' }, label);
  }
  assert.throws(() => encode(makeTree([]), { ...options, label: '', serial: -1 }), { code: 'BAD_VALUE' });
});

test('many files in the root and in a directory: the root of FAT12 grows, 65536 records are the end', () => {
  const files = (count: number, folder: string) =>
    Array.from({ length: count }, (_, index) => file(`${folder}A${String(index).padStart(5, '0')}`, bytesSource(new Uint8Array(0))));
  const tree = makeTree(files(2000, ''));
  assert.equal(decode(bytesSource(volumeOf(tree, 12))).tree.entries.length, 2001);
  // a name of 255 units takes 21 records
  const long = (count: number) =>
    Array.from({ length: count }, (_, index) => file(`d/${String(index).padStart(255, 'x')}`, bytesSource(new Uint8Array(0))));
  const most = makeTree([directory('d'), ...long(3120)]);
  assert.equal(decode(bytesSource(volumeOf(most, 16))).tree.entries.length, 3122);
  const over = makeTree([directory('d'), ...long(3121)]);
  assert.throws(() => volumeOf(over, 16), { code: 'NOT_EXPRESSIBLE', message: /65543 records/ });
});

test('the plan says where files are, and how far there is anything but zeros', () => {
  const tree = sampleTree();
  const plan = encode(tree, { size: 9 * MIB, type: 16, label: 'X', serial: 1, time: TIME, hiddenSectors: 2048 });
  const bytes = new Uint8Array(plan.size);
  let at = 0;
  for (const chunk of plan.chunks()) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  assert.equal(at, plan.size);
  assert.ok(bytes.subarray(plan.usedSize).every((byte) => byte === 0));
  const extent = plan.extentOf('boot/grub/grub.cfg')!;
  assert.deepEqual(bytes.subarray(extent.at, extent.at + extent.size), noise(777, 2));
  assert.equal(new DataView(bytes.buffer).getUint32(28, true), 2048);
});

test('times: even seconds from 1980 to 2107; dates that are none count as the first', () => {
  fc.assert(
    fc.property(fc.integer({ min: TIME_LEAST, max: TIME_MOST }), (seconds) => {
      assert.equal(fromFatTime(toFatTime(seconds)), seconds - (seconds % 2));
    }),
    { seed: 3 },
  );
  assert.equal(fromFatTime({ date: 0, time: 0 }), TIME_LEAST);
  assert.equal(fromFatTime(toFatTime(-5)), TIME_LEAST);
});

test('any bytes are a volume or refused, in bounded time', () => {
  const image = volumeOf(sampleTree(), 12);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(image.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      (changes, isHead) => {
        const bytes = image.slice();
        for (const [at, value] of changes) bytes[isHead ? at % 12000 : at] = value;
        try {
          for (const entry of decode(bytesSource(bytes)).tree.entries) if (entry.kind === 'file') entry.content.read(0, entry.content.size);
        } catch (error) {
          assert.ok(error instanceof KindlingError, String(error));
        }
        check(bytesSource(bytes));
      },
    ),
    { seed: 20261121, numRuns: 300 },
  );
});
