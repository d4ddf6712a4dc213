// Partition tables by themselves: what is written is read, what cannot be is refused, hostile ones end in an error, damage is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource } from '../../bytes/index.ts';
import { crc32 } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import {
  check,
  decode,
  detect,
  encode,
  GPT_BACKUP_SIZE,
  GPT_PRIMARY_SIZE,
  type GptOptions,
  guidFromDigest,
  type MbrOptions,
  PARTITION_TYPES,
} from './index.ts';

const MIB = 1 << 20;
const SIZE = 16 * MIB;
const GUIDS = [1, 2, 3].map((seed) => guidFromDigest(new Uint8Array(32).fill(seed)));
const GPT: GptOptions = {
  scheme: 'gpt',
  size: SIZE,
  diskGuid: GUIDS[0]!,
  partitions: [
    { firstByte: MIB, size: 4 * MIB, type: PARTITION_TYPES.efiSystem, guid: GUIDS[1]!, name: 'EFI system ☃' },
    { index: 7, firstByte: 6 * MIB, size: 8 * MIB, type: PARTITION_TYPES.linux, guid: GUIDS[2]!, name: '', bootable: true },
  ],
};
const MBR: MbrOptions = {
  scheme: 'mbr',
  size: SIZE,
  diskId: 0xcafe1234,
  partitions: [
    { firstByte: MIB, size: 4 * MIB, type: 0xef },
    { index: 4, firstByte: 6 * MIB, size: 8 * MIB, type: 0x0c, bootable: true },
  ],
  bootCode: new Uint8Array(440).fill(0x90),
};

function disk(options: GptOptions | MbrOptions): Uint8Array {
  const { primary, backup, backupAt } = encode(options);
  const bytes = new Uint8Array(options.size);
  bytes.set(primary);
  bytes.set(backup, backupAt);
  return bytes;
}

const codes = (bytes: Uint8Array) => check(bytesSource(bytes)).map(({ code, severity }) => `${severity} ${code}`);

test('a GPT comes back as it was written', () => {
  const source = bytesSource(disk(GPT));
  const { scheme, diskId, partitions } = decode(source);
  assert.deepEqual([scheme, diskId], ['gpt', GUIDS[0]]);
  assert.deepEqual(partitions, [
    { index: 1, firstByte: MIB, size: 4 * MIB, type: PARTITION_TYPES.efiSystem, guid: GUIDS[1], name: 'EFI system ☃', bootable: false },
    { index: 7, firstByte: 6 * MIB, size: 8 * MIB, type: PARTITION_TYPES.linux, guid: GUIDS[2], name: '', bootable: true },
  ]);
  assert.deepEqual(check(source), []);
  assert.ok(detect(source));
});

test('an MBR comes back as it was written', () => {
  const source = bytesSource(disk(MBR));
  const { scheme, diskId, partitions } = decode(source);
  assert.deepEqual([scheme, diskId], ['mbr', 'cafe1234']);
  assert.deepEqual(partitions, [
    { index: 1, firstByte: MIB, size: 4 * MIB, type: '0xef', guid: 'cafe1234-01', name: '', bootable: false },
    { index: 4, firstByte: 6 * MIB, size: 8 * MIB, type: '0x0c', guid: 'cafe1234-04', name: '', bootable: true },
  ]);
  assert.deepEqual(check(source), []);
});

test('a hybrid is read by its GPT; its MBR holds what was asked for', () => {
  const bytes = disk({ ...GPT, diskId: 5, hybrid: [{ firstByte: MIB, size: 4 * MIB, type: 0xef, bootable: true }] });
  assert.equal(decode(bytesSource(bytes)).scheme, 'gpt');
  assert.deepEqual(check(bytesSource(bytes)), []);
  const view = new DataView(bytes.buffer);
  assert.deepEqual([bytes[446 + 4], view.getUint32(446 + 8, true), view.getUint32(446 + 12, true)], [0xee, 1, 2047]);
  assert.deepEqual([bytes[462], bytes[462 + 4], view.getUint32(462 + 8, true), view.getUint32(462 + 12, true)], [0x80, 0xef, 2048, 8192]);
});

test('any partitions that lie apart come back, and nothing is found wrong', () => {
  const spans = fc.uniqueArray(fc.integer({ min: 34, max: 30_000 }), { minLength: 2, maxLength: 8 }).map((sectors) => {
    const sorted = sectors.sort((a, b) => a - b);
    return sorted.slice(1).map((end, index) => ({ firstByte: sorted[index]! * 512, size: (end - sorted[index]!) * 512 }));
  });
  fc.assert(
    fc.property(spans, fc.string({ maxLength: 36 }), (found, text) => {
      const name = text.replaceAll('\0', '');
      const partitions = found.map((span, index) => ({
        ...span,
        type: PARTITION_TYPES.linux,
        guid: guidFromDigest(new Uint8Array(16).fill(index)),
        name,
      }));
      const source = bytesSource(disk({ ...GPT, partitions }));
      assert.deepEqual(
        decode(source).partitions.map(({ firstByte, size }) => ({ firstByte, size })),
        found,
      );
      assert.ok(decode(source).partitions.every((one) => one.name === name.toWellFormed()));
      assert.deepEqual(check(source), []);
    }),
    { seed: 9, numRuns: 50 },
  );
});

test('what a table cannot hold is refused', () => {
  const [first, second] = GPT.partitions;
  const gpt = (change: Partial<GptOptions>) => () => encode({ ...GPT, ...change });
  assert.throws(gpt({ partitions: [first!, { ...second!, firstByte: 4 * MIB }] }), { code: 'CONFLICT', message: /begins inside/ });
  assert.throws(gpt({ partitions: [{ ...first!, firstByte: 512 }] }), { code: 'BAD_VALUE', message: /usable are 17408/ });
  assert.throws(gpt({ partitions: [{ ...first!, size: SIZE - MIB }] }), { code: 'BAD_VALUE', message: /usable/ });
  assert.throws(gpt({ partitions: [{ ...first!, firstByte: MIB + 1 }] }), { code: 'BAD_VALUE', message: /multiple of 512/ });
  assert.throws(gpt({ partitions: [{ ...first!, guid: 'none' }] }), { code: 'BAD_VALUE', message: /no GUID/ });
  assert.throws(gpt({ partitions: [{ ...first!, name: 'x'.repeat(37) }] }), { code: 'BAD_VALUE', message: /37 UTF-16 units/ });
  assert.throws(gpt({ partitions: [first!, { ...second!, index: 1 }] }), { code: 'BAD_VALUE', message: /different numbers/ });
  assert.throws(gpt({ size: GPT_PRIMARY_SIZE }), { code: 'BAD_VALUE', message: /too small/ });
  assert.throws(gpt({ bootCode: new Uint8Array(441) }), { code: 'BAD_VALUE', message: /441 bytes/ });
  assert.throws(gpt({ hybrid: MBR.partitions.concat(MBR.partitions) }), { code: 'BAD_VALUE', message: /4 entries/ });
  assert.throws(() => encode({ ...MBR, size: 8 * MIB }), { code: 'BAD_VALUE', message: /not within a disk/ });
  assert.throws(
    () => encode({ ...MBR, partitions: Array.from({ length: 5 }, (_, at) => ({ firstByte: (at + 1) * MIB, size: MIB, type: 1 })) }),
    { code: 'BAD_VALUE' },
  );
});

test('a damaged GPT is read by its other copy, and told', () => {
  const bytes = disk(GPT);
  const broken = (at: number) => {
    const other = bytes.slice();
    other[at]! ^= 1;
    return other;
  };
  const backupAt = SIZE - GPT_BACKUP_SIZE;
  for (const at of [512, 512 + 60, 1024 + 3]) {
    assert.deepEqual(codes(broken(at)), ['error gpt-primary'], String(at));
    assert.equal(decode(bytesSource(broken(at))).partitions.length, 2);
  }
  for (const at of [backupAt + 3, SIZE - 512, SIZE - 500]) assert.deepEqual(codes(broken(at)), ['error gpt-backup'], String(at));
  const both = broken(512 + 60);
  both[SIZE - 500]! ^= 1;
  assert.throws(() => decode(bytesSource(both)), { code: 'BAD_CHECKSUM' });
  assert.deepEqual(codes(both), ['error partitions-bad-checksum']);
  assert.deepEqual(codes(bytes.slice().fill(0, 446, 510)), ['error gpt-no-protective-mbr']);
  assert.equal(decode(bytesSource(bytes.slice().fill(0, 0, 512))).scheme, 'gpt');
});

test('an image on a larger disk has its backup in the middle, which is a warning; one that was cut off has none', () => {
  const larger = new Uint8Array(SIZE + MIB);
  larger.set(disk(GPT));
  assert.deepEqual(codes(larger), ['warning gpt-backup-place']);
  assert.deepEqual(codes(disk(GPT).slice(0, -MIB)), ['warning gpt-backup-place', 'error gpt-backup']);
});

/** The table with values that `encode` would not write, its checksums right. */
function forged(change: (header: DataView, entries: DataView) => void): Uint8Array {
  const bytes = disk(GPT);
  const [header, entries] = [new DataView(bytes.buffer, 512, 92), new DataView(bytes.buffer, 1024, 128 * 128)];
  change(header, entries);
  const [count, size] = [header.getUint32(80, true), header.getUint32(84, true)];
  if (count * size <= 16384) header.setUint32(88, crc32(bytes.subarray(1024, 1024 + count * size)), true);
  header.setUint32(16, 0, true);
  header.setUint32(16, crc32(bytes.subarray(512, 512 + 92)), true);
  bytes.fill(0, SIZE - GPT_BACKUP_SIZE);
  return bytes;
}

test('forged headers and entries', () => {
  const refuses = (change: Parameters<typeof forged>[0], code: string) =>
    assert.throws(() => decode(bytesSource(forged(change))), { code });
  refuses((header) => header.setUint32(80, 0xffffffff, true), 'LIMIT');
  refuses((header) => header.setUint32(84, 64, true), 'BAD_VALUE');
  refuses((header) => header.setUint32(12, 5, true), 'BAD_VALUE');
  refuses((header) => header.setBigUint64(72, 1n << 60n, true), 'BAD_VALUE');
  refuses((header) => header.setBigUint64(72, 1n << 30n, true), 'TRUNCATED');
  refuses((_, entries) => entries.setBigUint64(32, 1n << 63n, true), 'BAD_VALUE');
  const overlapping = forged((_, entries) => entries.setBigUint64(40, 20_000n, true));
  assert.ok(codes(overlapping).includes('error partition-overlap'));
  const outside = forged((_, entries) => entries.setBigUint64(6 * 128 + 40, 1n << 40n, true));
  assert.ok(codes(outside).includes('error partition-outside'));
});

/** An MBR whose third partition is extended, with tables at these sectors of it, each leading to the next. */
function extended(places: readonly number[], last = 0): Uint8Array {
  const bytes = disk({ ...MBR, partitions: [{ index: 3, firstByte: MIB, size: 8 * MIB, type: 0x0f }] });
  const view = new DataView(bytes.buffer);
  for (const [index, place] of places.entries()) {
    const at = MIB + place * 512;
    bytes.set([0x55, 0xaa], at + 510);
    view.setUint8(at + 446 + 4, 0x83);
    view.setUint32(at + 446 + 8, 1, true);
    view.setUint32(at + 446 + 12, 8, true);
    const next = places[index + 1] ?? last;
    if (next === 0) continue;
    view.setUint8(at + 462 + 4, 0x05);
    view.setUint32(at + 462 + 8, next, true);
    view.setUint32(at + 462 + 12, 9, true);
  }
  return bytes;
}

test('logical partitions of an MBR, in a chain that ends or does not', () => {
  const found = decode(bytesSource(extended([0, 100, 50]))).partitions;
  assert.deepEqual(
    found.map(({ index, firstByte, size }) => [index, firstByte, size]),
    [
      [3, MIB, 8 * MIB],
      [5, MIB + 512, 4096],
      [6, MIB + 101 * 512, 4096],
      [7, MIB + 51 * 512, 4096],
    ],
  );
  assert.deepEqual(codes(extended([0, 100, 50])), []);
  assert.deepEqual(codes(extended([0, 100, 50], 100)), ['error mbr-extended']);
  assert.deepEqual(codes(extended([0, 100], 7)), ['error mbr-extended']);
  assert.deepEqual(codes(extended(Array.from({ length: 300 }, (_, index) => index * 10))), ['error mbr-extended']);
});

test('what is no table is none', () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array(511), new Uint8Array(MIB), new Uint8Array(MIB).fill(0xff)]) {
    assert.ok(!detect(bytesSource(bytes)));
    assert.throws(() => decode(bytesSource(bytes)), { code: 'BAD_MAGIC' });
  }
});

test('any bytes are a table or refused', () => {
  const images = [disk(GPT), disk(MBR), extended([0, 100, 50])];
  const places = fc.oneof(fc.nat(2047), fc.integer({ min: SIZE - 1024, max: SIZE - 1 }), fc.integer({ min: MIB, max: MIB + 512 }));
  fc.assert(
    fc.property(fc.constantFrom(...images), fc.array(fc.tuple(places, fc.nat(255)), { minLength: 1, maxLength: 8 }), (image, changes) => {
      const before = changes.map(([at]) => [at, image[at]!] as const);
      for (const [at, value] of changes) image[at] = value;
      try {
        decode(bytesSource(image));
      } catch (error) {
        assert.ok(error instanceof KindlingError, String(error));
      } finally {
        check(bytesSource(image));
        for (const [at, value] of before.reverse()) image[at] = value;
      }
    }),
    { seed: 20261121, numRuns: 400 },
  );
});
