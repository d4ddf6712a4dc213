// Never unbootable, the long way: the power goes at every operation, file systems without links, read-only, directories that vanish, and real
// processes that are really killed, at moments over the whole run.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ErrorCode } from '../src/errors.ts';
import type { Disk } from '../src/node/disk.ts';
import { ARCHIVE, changeModule, clear, digest, idIn, PREVIOUS, RECORDS } from './update.fixture.ts';
import { faultSweep, killSweep, scratchRoot, situations, world } from './update-sweep.fixture.ts';

test('the power goes at every operation: what was not synced is lost', async (t) => {
  const base = scratchRoot(t);
  const { first, update } = await situations(base);
  await killSweep(base, first, { power: true });
  await killSweep(base, update, { power: true });
});

test('killed before every operation on a file system without links', async (t) => {
  const base = scratchRoot(t);
  const { update } = await situations(base);
  const link: Disk['link'] = (from, to) => {
    if (!String(to).endsWith('/lock')) throw Object.assign(new Error('EPERM'), { code: 'EPERM', syscall: 'link' });
    linkSync(from, to);
  };
  await killSweep(base, update, {}, { link });
});

test('the file system becomes read-only at any operation', async (t) => {
  await faultSweep(await world(t), { errno: 'EROFS', lasts: true }, ['READ_ONLY'], false);
});

test('a directory vanishes before any operation', async (t) => {
  const held = await world(t);
  const codes: ErrorCode[] = ['NO_ENTRY', 'IO', 'NO_PERMISSION'];
  const vanish = (path: string) => () => rmSync(join(held.base, path), { recursive: true, force: true });
  await faultSweep(held, { act: vanish(RECORDS) }, codes, false);
  await faultSweep(
    held,
    {
      act: () => {
        vanish('boot')();
        mkdirSync(join(held.base, 'boot'));
      },
    },
    codes,
    false,
  );
});

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
const STEPS = 48;

/** `kindling update` as a process; how long it took, or how it ended when it was killed after so many milliseconds. */
async function updated(base: string, killedAfter?: number): Promise<{ readonly code: number | null; readonly time: number }> {
  const startedAt = performance.now();
  const child = spawn(KINDLING, ['update', '-R', base], { stdio: 'ignore' });
  const ended = once(child, 'close');
  if (killedAfter !== undefined) await Promise.race([sleep(killedAfter), ended]);
  if (killedAfter !== undefined) child.kill('SIGKILL');
  const [code] = await ended;
  return { code, time: performance.now() - startedAt };
}

test('real processes, really killed: the old or the new archive is there, and the next run repairs everything', async (t) => {
  const base = scratchRoot(t);
  const digests = new Map<string, string>();
  let longest = 0;
  for (const word of ['a', 'b']) {
    clear(base);
    changeModule(base, word);
    const { code, time } = await updated(base);
    assert.equal(code, 0);
    digests.set(word, digest(base, ARCHIVE)!);
    longest = Math.max(longest, time);
  }
  const allowed = new Set(digests.values());
  let killedCount = 0;
  for (let step = 0; step < STEPS; step += 1) {
    // Each turn from the archive that is there to the other: with the previous one, with a record that comes and one that goes.
    const word = step % 2 === 0 ? 'a' : 'b';
    changeModule(base, word);
    const after = (longest * 1.2 * (step + 1)) / STEPS;
    const { code } = await updated(base, after);
    const where = `killed after ${after.toFixed(0)} ms`;
    if (code === null) killedCount += 1;
    assert.ok(allowed.has(digest(base, ARCHIVE)!), where);
    idIn(base, ARCHIVE);
    const previous = digest(base, PREVIOUS);
    assert.ok(previous === undefined || allowed.has(previous), where);
    const repaired = spawnSync(KINDLING, ['update', '-R', base], { encoding: 'utf8' });
    assert.equal(repaired.status, 0, `${where}: ${repaired.stderr}`);
    assert.equal(digest(base, ARCHIVE), digests.get(word), where);
    const strays = ['boot', RECORDS].flatMap((home) => readdirSync(join(base, home))).filter((name) => /^\.|^lock/.test(name));
    assert.deepEqual(strays, [], where);
    assert.equal(spawnSync(KINDLING, ['update', '-n', '-R', base]).status, 0, where);
  }
  t.diagnostic(`${killedCount} of ${STEPS} runs were killed`);
  assert.ok(killedCount > STEPS / 2);
});
