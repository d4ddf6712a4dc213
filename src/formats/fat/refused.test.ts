// Hostile and damaged volumes: each lie ends in an error with its place, within bounds; the check tells of all of them and goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource } from '../../bytes/index.ts';
import { type ErrorCode, KindlingError } from '../../errors.ts';
import { directory, file, makeTree } from '../../tree/index.ts';
import { noise, sampleTree, TIME, volumeOf } from './fat.fixture.ts';
import { check, decode, encode } from './index.ts';
import { bootSector, bootSector32, infoSector, record } from './structs.ts';

const TREE = makeTree([
  directory(''),
  directory('d'),
  directory('d/e'),
  file('d/e/F', bytesSource(noise(3000, 1))),
  file('a long name here', bytesSource(noise(2000, 2))),
  file('Z', bytesSource(noise(10, 3))),
]);
const CLUSTER = 512;
const [IMAGE16, IMAGE32] = [volumeOf(TREE, 16), volumeOf(TREE, 32)];
const HEAD16 = bootSector.decode(IMAGE16);
const TABLE16 = HEAD16.reservedSectors * 512;
const ROOT16 = TABLE16 + 2 * HEAD16.tableSectors16 * 512;
const DATA16 = ROOT16 + HEAD16.rootEntryCount * 32;

/** The offset of the record with this alias, from `at` on. */
function recordAt(image: Uint8Array, alias: string, at: number): number {
  const name = Uint8Array.from(alias, (char) => char.charCodeAt(0));
  for (let place = at; place < image.length; place += 32) if (name.every((byte, index) => image[place + index] === byte)) return place;
  throw new Error(`no record ${alias}`);
}

const recordOf = (alias: string) => recordAt(IMAGE16, alias, ROOT16);
const clusterOf = (alias: string) => record.decode(IMAGE16, recordOf(alias)).clusterLow;

type Change = (view: DataView, bytes: Uint8Array) => void;

function changed(image: Uint8Array, change: Change): Uint8Array {
  const bytes = image.slice();
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}

function refuses(bytes: Uint8Array, code: ErrorCode, message: RegExp): void {
  assert.throws(
    () => {
      for (const entry of decode(bytesSource(bytes), { limits: { entries: 5000 } }).tree.entries) {
        if (entry.kind === 'file') entry.content.read(0, entry.content.size);
      }
    },
    (error) => {
      assert.ok(error instanceof KindlingError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    },
  );
  const errors = check(bytesSource(bytes), { limits: { entries: 5000 } }).filter(({ severity }) => severity === 'error');
  assert.ok(errors.length > 0);
}

const setNext =
  (cluster: number, next: number): Change =>
  (view) => {
    view.setUint16(TABLE16 + cluster * 2, next, true);
    view.setUint16(TABLE16 + HEAD16.tableSectors16 * 512 + cluster * 2, next, true);
  };

test('the volumes themselves are whole', () => {
  for (const image of [IMAGE16, IMAGE32]) assert.deepEqual(check(bytesSource(image)), []);
});

const offset = (field: Parameters<typeof bootSector.offsetOf>[0]) => bootSector.offsetOf(field);
const BOOT: readonly (readonly [string, Change, ErrorCode, RegExp])[] = [
  ['no signature', (view) => view.setUint16(510, 0), 'BAD_MAGIC', /signature/],
  ['sectors of 5 bytes', (view) => view.setUint16(offset('sectorSize'), 5, true), 'BAD_MAGIC', /parameters/],
  ['no cluster size', (view) => view.setUint8(offset('sectorsPerCluster'), 0), 'BAD_MAGIC', /parameters/],
  ['three sectors a cluster', (view) => view.setUint8(offset('sectorsPerCluster'), 3), 'BAD_MAGIC', /parameters/],
  ['no tables', (view) => view.setUint8(offset('tableCount'), 0), 'BAD_MAGIC', /parameters/],
  ['tables over everything', (view) => view.setUint16(offset('tableSectors16'), 0xffff, true), 'BAD_VALUE', /in a volume of/],
  ['fewer sectors than tables', (view) => view.setUint16(offset('sectors16'), 3, true), 'BAD_VALUE', /in a volume of 1536/],
];
for (const [title, change, code, message] of BOOT) {
  test(`boot sector: ${title}`, () => refuses(changed(IMAGE16, change), code, message));
}

test('a volume that is cut off', () => {
  refuses(IMAGE16.slice(0, 300), 'TRUNCATED', /300 bytes/);
  refuses(IMAGE16.slice(0, DATA16 - 1), 'TRUNCATED', /the image ends at/);
  refuses(IMAGE16.slice(0, DATA16 + CLUSTER * 4), 'TRUNCATED', /behind the end of the image/);
  assert.ok(check(bytesSource(IMAGE16.slice(0, -CLUSTER))).some(({ code }) => code === 'fat-short'));
});

const CHAINS: readonly (readonly [string, Change, ErrorCode, RegExp])[] = [
  ['a file that runs in a circle', setNext(clusterOf('ALONGN~1   '), clusterOf('ALONGN~1   ')), 'LINK_LOOP', /"a long name here".*already/],
  ['a directory that runs in a circle', setNext(clusterOf('D          '), clusterOf('D          ')), 'LINK_LOOP', /directory "d"/],
  ['a file that runs into another', setNext(clusterOf('ALONGN~1   '), clusterOf('Z          ')), 'LINK_LOOP', /already/],
  ['a chain that is free', setNext(clusterOf('ALONGN~1   '), 0), 'BAD_VALUE', /a free one/],
  ['a chain that is bad', setNext(clusterOf('ALONGN~1   '), 0xfff7), 'BAD_VALUE', /a bad one/],
  ['a chain that is too short', setNext(clusterOf('ALONGN~1   '), 0xffff), 'BAD_VALUE', /ends after 1 clusters, its size takes 4/],
  ['a chain that leaves the volume', setNext(clusterOf('ALONGN~1   '), 0xfff0), 'BAD_VALUE', /cluster 65520, expected 2 to/],
  ['cluster 1', (view) => view.setUint16(recordOf('Z          ') + 26, 1, true), 'BAD_VALUE', /cluster 1, expected/],
  [
    'a file over the whole volume',
    (view) => view.setUint32(recordOf('Z          ') + 28, 0xffffffff, true),
    'BAD_VALUE',
    /its size takes 8388608/,
  ],
  [
    'a directory that is its own parent',
    (view) => view.setUint16(recordAt(IMAGE16, 'E          ', DATA16) + 26, clusterOf('D          '), true),
    'LINK_LOOP',
    /directory "d\/e"/,
  ],
];
for (const [title, change, code, message] of CHAINS) {
  test(`chains: ${title}`, () => refuses(changed(IMAGE16, change), code, message));
}

test('a directory over 2 MiB is the end', () => {
  const plan = encode(makeTree([directory('d')]), { size: 9 << 20, type: 16, label: '', serial: 0, time: TIME });
  const bytes = new Uint8Array(plan.size);
  let at = 0;
  for (const chunk of plan.chunks()) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  const head = bootSector.decode(bytes);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < 2; index++) {
    const tableAt = (head.reservedSectors + index * head.tableSectors16) * 512;
    for (let cluster = 2; cluster < 4000; cluster++) view.setUint16(tableAt + cluster * 2, cluster + 1, true);
  }
  refuses(bytes, 'LIMIT', /more than 2097152 bytes/);
});

test('names that are none', () => {
  refuses(
    changed(IMAGE16, (_, bytes) => bytes.set([0x2f], recordOf('Z          '))),
    'BAD_NAME',
    /"\/"/,
  );
  refuses(
    changed(IMAGE16, (_, bytes) => bytes.set([0x20], recordOf('Z          '))),
    'BAD_NAME',
    /""/,
  );
});

test('more entries than wanted', () => {
  assert.throws(() => decode(bytesSource(IMAGE16), { limits: { entries: 3 } }), { code: 'LIMIT' });
});

test('a long name that does not belong to its alias gives way to it, and the check tells', () => {
  const at = recordOf('ALONGN~1   ');
  const breaks: readonly Change[] = [
    (_, bytes) => bytes.set([bytes[at - 32 + 13]! ^ 1], at - 32 + 13), // checksum
    (_, bytes) => bytes.set([2], at - 32), // order
    (_, bytes) => bytes.set([0x7f], at - 64), // twenty pieces and more
    (view) => view.setUint16(at - 32 + 1, 0x2f, true), // a slash
    (view) => view.setUint16(at - 32 + 1, 0xd800, true), // half a character
    (_, bytes) => bytes.set([0xe5], at - 32), // a piece that was deleted
  ];
  for (const [index, change] of breaks.entries()) {
    const source = bytesSource(changed(IMAGE16, change));
    const paths = decode(source).tree.entries.map(({ path }) => path);
    assert.ok(paths.includes('ALONGN~1') && !paths.includes('a long name here'), `${index}: ${paths}`);
    const found = check(source).map(({ code, severity }) => `${severity} ${code}`);
    assert.deepEqual(found, index === 5 ? [] : ['warning fat-bad-checksum'], String(index));
  }
});

test('lower case by flags, as Linux and Windows write it, and letters of code page 437', () => {
  const bytes = changed(IMAGE16, (_, all) => {
    const at = recordOf('Z          ');
    all.set([0x05, 0x99, 0x41], at);
    all.set([0x54, 0x58, 0x54], at + 8);
    all[at + 12] = 0x08 | 0x10;
  });
  // the deleted mark's stand-in is sigma, and sigma, ö, a are the base
  assert.ok(decode(bytesSource(bytes)).tree.get('σöa.txt'));
});

test('what does no harm is told, and no more', () => {
  const codes = (image: Uint8Array, change: Change) => check(bytesSource(changed(image, change))).map(({ code }) => code);
  const info = 512 + infoSector.offsetOf('freeCount');
  const backupAt = 6 * 512 + 3;
  assert.deepEqual(
    codes(IMAGE32, (view) => view.setUint32(info, 5, true)),
    ['fat-free-count'],
  );
  assert.deepEqual(
    codes(IMAGE32, (view) => view.setUint32(512, 5, true)),
    ['fat-info'],
  );
  assert.deepEqual(
    codes(IMAGE32, (view) => view.setUint8(backupAt, 0)),
    ['fat-backup'],
  );
  assert.deepEqual(
    codes(IMAGE32, (view) => view.setUint8(bootSector.size + bootSector32.size + 1, 1)),
    ['fat-dirty', 'fat-backup'],
  );
  assert.deepEqual(codes(IMAGE16, setNext(3000, 0xffff)), ['fat-lost']);
  assert.deepEqual(codes(IMAGE16, setNext(clusterOf('Z          '), 3000)), ['fat-long-chain']);
  assert.deepEqual(
    codes(IMAGE16, (view) => view.setUint16(TABLE16 + 3000 * 2, 0xffff, true)),
    ['fat-tables', 'fat-lost'],
  );
  assert.deepEqual(
    codes(IMAGE16, (view) => view.setUint16(recordAt(IMAGE16, '..         ', DATA16) + 26, 9, true)),
    ['fat-dots'],
  );
  assert.deepEqual(
    codes(IMAGE16, (view) => view.setUint32(recordOf('Z          ') + 28, 0, true)),
    ['fat-empty', 'fat-lost'],
  );
});

test('a check of a volume with several faults tells of each', () => {
  const bytes = changed(IMAGE16, (view, all) => {
    setNext(clusterOf('ALONGN~1   '), 0)(view, all);
    view.setUint16(recordOf('Z          ') + 26, 1, true);
  });
  const found = check(bytesSource(bytes));
  assert.deepEqual(
    found.filter(({ severity }) => severity === 'error').map(({ where }) => where.path),
    ['Z', 'a long name here'],
  );
});

test('a volume of 128 GiB in its own words costs nothing', () => {
  const image = volumeOf(sampleTree(), 32).slice(0, 4 << 20);
  const view = new DataView(image.buffer);
  view.setUint32(offset('sectors32'), 0x0fffffff, true);
  assert.equal(decode(bytesSource(image)).tree.entries.length, sampleTree().entries.length);
  assert.ok(check(bytesSource(image)).some(({ code }) => code === 'fat-short'));
});
