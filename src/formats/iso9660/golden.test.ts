// Bytes as ECMA-119 and RRIP have them, and images that must not change unnoticed.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { asciiFrom, bytesSource, utf8 } from '../../bytes/index.ts';
import { directory, file, makeTree } from '../../tree/index.ts';
import { longDate, readLongDate, readShortDate, shortDate, uuidOf } from './dates.ts';
import { featureTree, imageOf } from './discs.fixture.ts';
import { distinctNames, jolietName, plainName, readPlainName } from './names.ts';

test('the front of a small image, byte by byte', () => {
  const bytes = imageOf(makeTree([directory(''), { ...file('a.txt', bytesSource(utf8('hello'))), mtime: 86_400 }]));
  const hex = (at: number, size: number): string => Buffer.from(bytes.subarray(at, at + size)).toString('hex');
  const pvd = 16 * 2048;
  assert.equal(hex(pvd, 8), '0143443030310100');
  assert.equal(asciiFrom(bytes.subarray(pvd + 8, pvd + 72)), `${'LINUX'.padEnd(32)}${'TEST'.padEnd(32)}`);
  const blocks = bytes.length / 2048;
  assert.equal(hex(pvd + 80, 8), Buffer.from([blocks, 0, 0, 0, 0, 0, 0, blocks]).toString('hex'));
  assert.equal(hex(pvd + 120, 12), '010000010100000100080800');
  assert.equal(hex(pvd + 132, 28), '0a0000000000000a1200000000000000000000130000000022001400');
  assert.equal(asciiFrom(bytes.subarray(pvd + 813, pvd + 829)), '2023111422132000');
  assert.equal(hex(17 * 2048, 7), 'ff434430303101');
  assert.equal(hex(18 * 2048, 10), '01001400000001000000');
  assert.equal(hex(19 * 2048, 10), '01000000001400010000');
  // the root: "." with SP, PX, TF and CE, "..", and the file with PX, TF and NM
  const root = 20 * 2048;
  assert.equal(hex(root, 34), '7e001400000000000014000800000000080046010100000000020000010000010100');
  assert.equal(hex(root + 34, 7), '53500701beef00');
  assert.equal(hex(root + 41, 12), '50582c01ed410000000041ed');
  const record = root + bytes[root]! + bytes[root + bytes[root]!]!;
  assert.equal(asciiFrom(bytes.subarray(record + 33, record + 40)), 'A.TXT;1');
  assert.equal(hex(record + 18, 7), '46010200000000');
  assert.equal(hex(record + 40 + 44, 22), '54460c0102460102000000004e4d0a0100612e747874');
  assert.equal(asciiFrom(bytes.subarray(22 * 2048, 22 * 2048 + 5)), 'hello');
});

test('images that must not change unnoticed', () => {
  const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const boot = { bootEntries: [{ platform: 'bios', path: 'first' }], catalogPath: 'boot.cat' } as const;
  assert.deepEqual(
    [{}, { joliet: true }, boot].map((options) => digest(imageOf(featureTree(), options))),
    ['eb6277af7cee06f4', '2ff298e7dd5e0af1', 'ab4e799c5981e3ce'],
  );
});

test('dates, in both forms and both ways', () => {
  assert.deepEqual([...shortDate(0)], [70, 1, 1, 0, 0, 0, 0]);
  assert.equal(readShortDate(Uint8Array.of(126, 11, 21, 14, 57, 56, 4)), Date.UTC(2026, 10, 21, 13, 57, 56) / 1000);
  assert.equal(readShortDate(Uint8Array.of(100, 1, 1, 0, 0, 0, 0xec)), Date.UTC(2000, 0, 1, 5) / 1000);
  assert.equal(readShortDate(new Uint8Array(7)), undefined);
  assert.equal(readShortDate(Uint8Array.of(100, 13, 1, 0, 0, 0, 0)), undefined);
  for (const time of [0, 1, -1, 951_782_400, 4_200_000_000, Date.UTC(1900, 0, 1) / 1000])
    assert.equal(readShortDate(shortDate(time)), time);
  assert.equal(asciiFrom(longDate(951_782_400)), '2000022900000000\0');
  assert.equal(readLongDate(longDate(951_782_400)), 951_782_400);
  assert.equal(asciiFrom(longDate(undefined)), '0000000000000000\0');
  assert.equal(readLongDate(longDate(undefined)), undefined);
  assert.equal(uuidOf(0), '1970-01-01-00-00-00-00');
});

test('names as a disc has them', () => {
  const plain = (name: string, isDirectory = false): string => plainName(name, isDirectory, 0);
  assert.equal(plain('vmlinuz'), 'VMLINUZ.');
  assert.equal(plain('initrd.img'), 'INITRD.IMG');
  assert.equal(plain('.hidden'), '_HIDDEN.');
  assert.equal(plain('a.b.c'), 'A_B.C');
  assert.equal(plain('lib.so.6-long-extension'), 'LIB_SO.6_LONG_E');
  assert.equal(plain('straße é'), 'STRASSE__.');
  assert.equal(plain('x86_64-linux-gnu.d', true), 'X86_64_LINUX_GNU_D');
  assert.equal(plain('n'.repeat(50)).length, 31);
  const some = ['A', 'a', 'a.', 'b', 'B'].map((name) => ({ name, isDirectory: false }));
  assert.deepEqual(distinctNames(some, plainName), ['A.', 'A_1.', 'A_2.', 'B.', 'B_1.']);
  assert.deepEqual(distinctNames([...some, { name: 'A', isDirectory: true }], plainName).at(-1), 'A_3');
  assert.equal(jolietName('a:b*c', false, 0), 'a_b_c');
  assert.equal(jolietName(`${'x'.repeat(100)}.txt`, false, 2), `${'x'.repeat(58)}_2.txt`);
  const read = (name: string, isDirectory = false): string => readPlainName(utf8(name), isDirectory);
  assert.deepEqual(
    ['README.;1', 'A.TXT;1', 'A.TXT;2', 'NOVERSION', 'DOT.'].map((name) => read(name)),
    ['readme', 'a.txt', 'a.txt.2', 'noversion', 'dot.'],
  );
  assert.equal(read('DIR.EXT;1', true), 'dir.ext;1');
});
