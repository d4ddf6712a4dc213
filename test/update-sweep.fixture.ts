// An update that is cut off, or fails, at every single operation on the disk in turn; and what has to be true after each.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ErrorCode, KindlingError } from '../src/errors.ts';
import { Killed, type Trouble, troubledDisk } from '../src/node/disk.fixture.ts';
import type { Disk } from '../src/node/disk.ts';
import { ARCHIVE, changeModule, clear, digest, files, idIn, judged, makeRoot, PREVIOUS, RECORDS, run } from './update.fixture.ts';

/** A root in a folder of its own that goes with the test. */
export function scratchRoot(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'kindling-update-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return makeRoot(join(home, 'root'));
}

const RECORD = ['', '/check', '/record', '/seen'].map((file) => `${RECORDS}/ID${file}`);

/** A situation: what is there before, and what the update that is cut off has to do. */
export interface Situation {
  prepare(base: string): Promise<void>;
  readonly force?: boolean;
  /** Archives that may be in place after the cut, by digest; undefined for none. */
  readonly before: string | undefined;
  readonly after: string;
  readonly previous: ReadonlySet<string | undefined>;
  readonly files: readonly string[];
}

/** Cuts an update off before each operation in turn, and looks what is there. Answers how many there are. */
export async function killSweep(
  base: string,
  situation: Situation,
  trouble: Omit<Trouble, 'at'>,
  disk: Partial<Disk> = {},
): Promise<number> {
  for (let at = 1; ; at += 1) {
    await situation.prepare(base);
    const troubled = troubledDisk({ at, ...trouble }, disk);
    const options = { disk: troubled, force: situation.force ?? false };
    const cut = await run(base, options).then(
      () => false,
      (error: unknown) => {
        assert.ok(error instanceof Killed, `operation ${at}: ${error instanceof Error ? error.stack : error}`);
        return true;
      },
    );
    if (!cut) {
      assert.equal(digest(base, ARCHIVE), situation.after);
      return at - 1;
    }
    const where = `killed before operation ${at}, ${troubled.operations.at(-1)}, of ${troubled.operations.join(' ')}`;
    const found = digest(base, ARCHIVE);
    assert.ok(found === situation.before || found === situation.after, where);
    assert.ok(situation.previous.has(digest(base, PREVIOUS)), where);
    if (found !== undefined) {
      const { state, record } = await judged(base);
      assert.equal(record?.id, idIn(base, ARCHIVE), `${where}: ${state}`);
      if (situation.before !== situation.after) assert.equal(state, found === situation.before ? 'stale' : 'in step', where);
    }
    await run(base, { disk: troubledDisk(undefined, disk), force: situation.force ?? false });
    assert.equal((await judged(base)).state, 'in step', where);
    assert.equal(digest(base, ARCHIVE), situation.after, where);
    assert.deepEqual(files(base), situation.files, where);
  }
}

/** The digests of archives for the modules "a", "b" and "c", and the three situations. */
export async function situations(base: string): Promise<Record<'first' | 'update' | 'refresh', Situation>> {
  const made: string[] = [];
  for (const word of ['a', 'b', 'c']) {
    clear(base);
    changeModule(base, word);
    await run(base);
    made.push(digest(base, ARCHIVE)!);
  }
  const [a, b, c] = made as [string, string, string];
  const upTo = async (...words: string[]): Promise<void> => {
    clear(base);
    for (const word of words) {
      changeModule(base, word);
      await run(base);
    }
  };
  const twice = [...RECORD, ...RECORD].sort();
  const one = [ARCHIVE, ...RECORD].sort();
  const two = [ARCHIVE, PREVIOUS, ...twice].sort();
  return {
    first: {
      async prepare() {
        clear(base);
        changeModule(base, 'a');
      },
      before: undefined,
      after: a,
      previous: new Set([undefined]),
      files: one,
    },
    update: {
      async prepare() {
        await upTo('a', 'b');
        changeModule(base, 'c');
      },
      before: b,
      after: c,
      previous: new Set([a, b]),
      files: two,
    },
    refresh: {
      // A file of configuration appears that says nothing: an input is new, and the archive would be the same.
      async prepare() {
        rmSync(join(base, 'etc/kindling.conf.d'), { recursive: true, force: true });
        await upTo('a');
        mkdirSync(join(base, 'etc/kindling.conf.d'));
        writeFileSync(join(base, 'etc/kindling.conf.d/50-nothing.conf'), '# nothing\n');
      },
      before: a,
      after: a,
      previous: new Set([undefined]),
      files: one,
    },
  };
}

const ALL = [ARCHIVE, PREVIOUS, ...RECORD, ...RECORD].sort();
const STRAY = /\.new$|lock/;

/** A root with the digests of its archives for two modules. */
export interface World {
  readonly base: string;
  readonly a: string;
  readonly b: string;
}

/** Makes one. */
export async function world(t: TestContext): Promise<World> {
  const base = scratchRoot(t);
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

/** Lets each operation fail in turn, or does something before it, and looks what is there. */
export async function faultSweep(held: World, trouble: Omit<Trouble, 'at'>, codes: readonly ErrorCode[], isClean: boolean): Promise<void> {
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
