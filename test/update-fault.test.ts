// What a disk can do to an update short of losing power: no space, read-only, I/O errors, no permission, directories that vanish, at every single
// operation. The run fails with the right code and nothing else; the old or the new archive stays, whole; the next run finishes the work.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ErrorCode, KindlingError } from '../src/errors.ts';
import { type Trouble, troubledDisk } from '../src/node/disk.fixture.ts';
import { ARCHIVE, changeModule, clear, digest, files, judged, makeRoot, PREVIOUS, RECORDS, run } from './update.fixture.ts';

const RECORD = ['', '/check', '/record', '/seen'].map((file) => `${RECORDS}/ID${file}`);
const ALL = [ARCHIVE, PREVIOUS, ...RECORD, ...RECORD].sort();
const STRAY = /\.new$|lock/;

interface World {
  readonly base: string;
  readonly a: string;
  readonly b: string;
}

async function world(t: TestContext): Promise<World> {
  const home = mkdtempSync(join(tmpdir(), 'kindling-update-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const base = makeRoot(join(home, 'root'));
  const made: string[] = [];
  for (const word of ['a', 'b']) {
    changeModule(base, word);
    await run(base);
    made.push(digest(base, ARCHIVE)!);
  }
  return { base, a: made[0]!, b: made[1]! };
}

/** The archive for "a" is there, the root says "b". */
async function prepare({ base, a }: World): Promise<void> {
  clear(base);
  changeModule(base, 'a');
  await run(base);
  assert.equal(digest(base, ARCHIVE), a);
  changeModule(base, 'b');
}

async function outcome(base: string, disk: ReturnType<typeof troubledDisk>): Promise<ErrorCode | 'done'> {
  try {
    const [result] = await run(base, { disk });
    return result!.error?.code ?? 'done';
  } catch (error) {
    assert.ok(error instanceof KindlingError, error instanceof Error ? error.stack : String(error));
    return error.code;
  }
}

async function sweep(held: World, trouble: Omit<Trouble, 'at'>, codes: readonly ErrorCode[], isClean: boolean): Promise<void> {
  const { base, a, b } = held;
  let failures = 0;
  for (let at = 1; ; at += 1) {
    await prepare(held);
    const disk = troubledDisk({ at, ...trouble });
    const found = await outcome(base, disk);
    if (disk.operations.length < at) break;
    const where = `${trouble.errno ?? 'vanished'} at operation ${at}, ${disk.operations[at - 1]}: ${found}`;
    assert.ok(found === 'done' || codes.includes(found), where);
    if (found !== 'done') failures += 1;
    if (isClean && found !== 'done')
      assert.deepEqual(
        files(base).filter((path) => STRAY.test(path)),
        [],
        where,
      );
    const there = digest(base, ARCHIVE);
    if (trouble.act === undefined) assert.ok(there === a || there === b, where);
    await run(base);
    assert.equal((await judged(base)).state, 'in step', where);
    assert.equal(digest(base, ARCHIVE), b, where);
    if (trouble.act === undefined) assert.deepEqual(files(base), ALL, where);
    else
      assert.deepEqual(
        files(base).filter((path) => STRAY.test(path)),
        [],
        where,
      );
  }
  assert.ok(failures > 20, `${failures} failures`);
}

test('the disk is full from any operation on, and makes room again', async (t) => {
  await sweep(await world(t), { errno: 'ENOSPC', lasts: true }, ['NO_SPACE'], true);
});

test('an I/O error at any operation, reading included', async (t) => {
  await sweep(await world(t), { errno: 'EIO', reads: true }, ['IO'], false);
});

test('the file system becomes read-only at any operation', async (t) => {
  await sweep(await world(t), { errno: 'EROFS', lasts: true }, ['READ_ONLY'], false);
});

test('a directory vanishes before any operation', async (t) => {
  const held = await world(t);
  const codes: ErrorCode[] = ['NO_ENTRY', 'IO', 'NO_PERMISSION'];
  const vanish = (path: string) => () => rmSync(join(held.base, path), { recursive: true, force: true });
  await sweepVanishing(held, vanish(RECORDS), codes);
  await sweepVanishing(
    held,
    () => {
      vanish('boot')();
      mkdirSync(join(held.base, 'boot'));
    },
    codes,
  );
});

async function sweepVanishing(held: World, act: () => void, codes: readonly ErrorCode[]): Promise<void> {
  await sweep(held, { act }, codes, false);
}
