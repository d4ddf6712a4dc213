import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { apply, boundaries, chances, readLog } from './power-log.ts';

const SECTOR = 512;

function entry(sector: number, flags: number, content = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(SECTOR);
  head.writeBigUInt64LE(BigInt(sector), 0);
  head.writeBigUInt64LE(BigInt(content.length / SECTOR), 8);
  head.writeBigUInt64LE(BigInt(flags), 16);
  return Buffer.concat([head, content]);
}

function logOf(t: TestContext, entries: readonly Buffer[]): { readonly log: string; readonly disk: string } {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const head = Buffer.alloc(SECTOR);
  head.writeBigUInt64LE(0x6a736677736872n, 0);
  head.writeBigUInt64LE(1n, 8);
  head.writeBigUInt64LE(BigInt(entries.length), 16);
  head.writeUInt32LE(SECTOR, 24);
  const log = join(folder, 'log');
  const disk = join(folder, 'disk');
  writeFileSync(log, Buffer.concat([head, ...entries]));
  writeFileSync(disk, Buffer.alloc(4 * SECTOR));
  return { log, disk };
}

test('writes up to a flush are laid over a disk, and no more', (t) => {
  const { log, disk } = logOf(t, [
    entry(0, 1), // a flush of nothing
    entry(1, 0, Buffer.alloc(SECTOR, 'a')),
    entry(2, 0, Buffer.alloc(2 * SECTOR, 'b')),
    entry(0, 1),
    entry(1, 0, Buffer.alloc(SECTOR, 'c')),
    entry(0, 1),
  ]);
  const writes = readLog(log);
  assert.deepEqual(
    writes.map(({ at, size, flush }) => [at, size, flush]),
    [
      [0, 0, true],
      [SECTOR, SECTOR, false],
      [2 * SECTOR, 2 * SECTOR, false],
      [0, 0, true],
      [SECTOR, SECTOR, false],
      [0, 0, true],
    ],
  );
  assert.deepEqual(boundaries(writes), [3, 5]);
  apply(log, disk, writes.slice(0, 3));
  assert.equal(readFileSync(disk, 'latin1'), `${'\0'.repeat(SECTOR)}${'a'.repeat(SECTOR)}${'b'.repeat(2 * SECTOR)}`);
  apply(log, disk, writes.slice(3));
  assert.equal(readFileSync(disk, 'latin1').slice(SECTOR, 2 * SECTOR), 'c'.repeat(SECTOR));
});

test('a file that is no log, or ends too soon, is refused', (t) => {
  const { log, disk } = logOf(t, [entry(1, 0, Buffer.alloc(SECTOR, 'a'))]);
  assert.throws(() => readLog(disk), /is no log of writes/);
  writeFileSync(log, readFileSync(log).subarray(0, 2 * SECTOR));
  assert.throws(() => readLog(log), /ends in the content of entry 0/);
});

test('the same seed gives the same chances', () => {
  const [one, two, other] = [chances(7), chances(7), chances(8)];
  const [a, b, c] = [one, two, other].map((chance) => Array.from({ length: 20 }, chance));
  assert.deepEqual(a, b);
  assert.notDeepEqual(a, c);
  assert.ok(a?.every((number) => number >= 0 && number < 1));
});
