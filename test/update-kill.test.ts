// Never unbootable: an update is killed before every single operation on the disk, and the power goes at every one. After each, the old or
// the new archive is there, whole and known; the next update does the rest and leaves nothing lying about.
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Killed, type Trouble, troubledDisk } from '../src/node/disk.fixture.ts';
import type { Disk } from '../src/node/disk.ts';
import { ARCHIVE, changeModule, clear, digest, files, idIn, judged, makeRoot, PREVIOUS, RECORDS, run } from './update.fixture.ts';

function scratchRoot(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'kindling-update-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return makeRoot(join(home, 'root'));
}

const RECORD = ['', '/check', '/record', '/seen'].map((file) => `${RECORDS}/ID${file}`);

/** A situation: what is there before, and what the update that is cut off has to do. */
interface Situation {
  prepare(base: string): Promise<void>;
  readonly force?: boolean;
  /** Archives that may be in place after the cut, by digest; undefined for none. */
  readonly before: string | undefined;
  readonly after: string;
  readonly previous: ReadonlySet<string | undefined>;
  readonly files: readonly string[];
}

async function sweep(base: string, situation: Situation, trouble: Omit<Trouble, 'at'>, disk: Partial<Disk> = {}): Promise<number> {
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
async function situations(base: string): Promise<Record<'first' | 'update' | 'refresh', Situation>> {
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

test('killed before every operation of a first build, of an update and of a renewal', async (t) => {
  const base = scratchRoot(t);
  const { first, update, refresh } = await situations(base);
  const counts = [await sweep(base, first, {}), await sweep(base, update, {}), await sweep(base, refresh, {})];
  t.diagnostic(`operations: ${counts.join(', ')}`);
  assert.ok(counts.every((count) => count > 20));
});

test('the power goes at every operation: what was not synced is lost', async (t) => {
  const base = scratchRoot(t);
  const { first, update } = await situations(base);
  await sweep(base, first, { power: true });
  await sweep(base, update, { power: true });
});

test('the same on a file system without links', async (t) => {
  const base = scratchRoot(t);
  const { update } = await situations(base);
  const link: Disk['link'] = (from, to) => {
    if (!String(to).endsWith('/lock')) throw Object.assign(new Error('EPERM'), { code: 'EPERM', syscall: 'link' });
    linkSync(from, to);
  };
  await sweep(base, update, {}, { link });
});
