// Pieces at their places: the file appears whole or not at all, holes are zeros, devices and pipes are told apart.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KindlingError } from '../errors.ts';
import { type PlacedBytes, runCleanups, writePlaced } from './index.ts';

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kindling-placed-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function* from(pieces: readonly PlacedBytes[], failure?: Error): AsyncGenerator<PlacedBytes> {
  yield* pieces;
  if (failure !== undefined) throw failure;
}

test('pieces in any order, memory used again, nothing where nothing was written', async (t) => {
  const path = join(scratch(t), 'file');
  async function* reusing(): AsyncGenerator<PlacedBytes> {
    const memory = new Uint8Array(4);
    for (const [at, byte] of [
      [12, 1],
      [20, 2],
      [0, 3],
    ] as const) {
      memory.fill(byte);
      yield { at, bytes: memory };
    }
  }
  assert.equal(await writePlaced(path, reusing()), 24);
  assert.deepEqual([...readFileSync(path)], [...'333300000000111100002222'].map(Number));
  // More than is synced at once on the way.
  const large = new Uint8Array(24 * 1024 * 1024).fill(7);
  assert.equal(await writePlaced(path, from([0, 1, 2].map((n) => ({ at: n * large.length, bytes: large })))), large.length * 3);
  assert.ok(readFileSync(path).every((byte) => byte === 7));
});

test('a failure or an interruption leaves what was there, and nothing else', async (t) => {
  const folder = scratch(t);
  const path = join(folder, 'file');
  writeFileSync(path, 'old');
  const failure = new KindlingError('BAD_VALUE', 'the source is damaged');
  await assert.rejects(writePlaced(path, from([{ at: 5, bytes: new Uint8Array(3) }], failure)), failure);
  async function* interrupted(): AsyncGenerator<PlacedBytes> {
    yield { at: 0, bytes: new Uint8Array(10) };
    assert.equal(readdirSync(folder).length, 2);
    runCleanups();
    throw failure;
  }
  await assert.rejects(writePlaced(path, interrupted()), failure);
  assert.equal(readFileSync(path, 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder), ['file']);
  await assert.rejects(writePlaced(join(folder, 'no/file'), from([])), { code: 'NO_ENTRY' });
  await assert.rejects(writePlaced(folder, from([])), { code: 'IO' });
});

test('what has no positions is refused', async () => {
  if (!existsSync('/dev/null')) return;
  await assert.rejects(writePlaced('/dev/null', from([{ at: 0, bytes: new Uint8Array(1) }])), { code: 'IO', message: /neither a file/ });
});
