// The lock of a root: who waits, for whom; whose lock is dead; and that no two processes ever hold it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCleanups } from './cleanup.ts';
import { type Confined, openConfined } from './confined.ts';
import { DISK } from './disk.ts';
import { type Holder, machineProcesses, type Processes, takeLock } from './lock.ts';

function place(t: TestContext): { readonly base: string; readonly directory: Confined; read(): string } {
  const base = mkdtempSync(join(tmpdir(), 'kindling-lock-'));
  mkdirSync(join(base, 'place'));
  const directory = openConfined(DISK, base, 'place', false)!;
  t.after(() => {
    directory.close();
    rmSync(base, { recursive: true, force: true });
  });
  return { base, directory, read: () => readFileSync(join(base, 'place/lock'), 'utf8') };
}

function someone(pid: number, alive: ReadonlySet<number> = new Set([pid])): Processes {
  return { self: { pid, start: '7', boot: 'b', space: 's' }, isAlive: (holder) => alive.has(holder.pid) };
}

test('a second run waits, says for whom, and goes on when the first is done', async (t) => {
  const { base, directory, read } = place(t);
  const alive = new Set([11, 12]);
  const first = await takeLock(DISK, directory, { processes: someone(11, alive) });
  assert.match(read(), /^11 7 b s\n$/);
  const waits: Holder[] = [];
  let taken = false;
  const second = takeLock(DISK, directory, { processes: someone(12, alive), onWait: (holder) => waits.push(holder), pollTime: 1 }).then(
    (lock) => {
      taken = true;
      return lock;
    },
  );
  await sleep(40);
  assert.equal(taken, false);
  assert.deepEqual(
    waits.map(({ pid }) => pid),
    [11],
    'told once',
  );
  first.release();
  (await second).release();
  assert.deepEqual(readdirSync(join(base, 'place')), []);
});

test('a signal gives the lock back, and ends the waiting', async (t) => {
  const { base, directory } = place(t);
  const alive = new Set([11, 12]);
  await takeLock(DISK, directory, { processes: someone(11, alive) });
  const ended = new AbortController();
  const waiting = takeLock(DISK, directory, { processes: someone(12, alive), signal: ended.signal, pollTime: 1 });
  ended.abort();
  await assert.rejects(waiting, { code: 'INTERRUPTED' });
  runCleanups();
  assert.deepEqual(readdirSync(join(base, 'place')), []);
});

test('a lock whose holder is no more is taken', async (t) => {
  const { base, directory, read } = place(t);
  const { self } = machineProcesses();
  const dead = {
    'its process is gone': `4999999 ${self.start} ${self.boot} ${self.space}\n`,
    'its number is used by another process': `${self.pid} 1 ${self.boot} ${self.space}\n`,
    'another boot': `${self.pid} ${self.start} 00000000-0000-0000-0000-000000000000 ${self.space}\n`,
    'nothing that was ever written as one': '',
    'half of one': '12',
  };
  for (const [what, content] of Object.entries(dead)) {
    writeFileSync(join(base, 'place/lock'), content);
    const lock = await takeLock(DISK, directory, {
      onWait: () => assert.fail(what),
    });
    assert.match(read(), new RegExp(`^${process.pid} `), what);
    lock.release();
    assert.deepEqual(readdirSync(join(base, 'place')), [], what);
  }
});

test('a living holder is recognised by number and start; one of another process space is believed', () => {
  const { self, isAlive } = machineProcesses();
  assert.equal(isAlive(self), true);
  assert.equal(isAlive({ ...self, start: '-' }), true);
  assert.equal(isAlive({ ...self, pid: 4999999, space: '1' }), true);
  assert.equal(isAlive({ ...self, pid: 4999999 }), false);
});

test('what a killed run left of its lock is swept, what a living one is making is not', async (t) => {
  const { base, directory } = place(t);
  for (const name of ['.lock.4999999.new', `.lock.${process.ppid}.new`]) writeFileSync(join(base, 'place', name), '');
  (await takeLock(DISK, directory)).release();
  assert.deepEqual(readdirSync(join(base, 'place')), [`.lock.${process.ppid}.new`]);
});

test('no two processes hold it, whatever dead locks lie about', async (t) => {
  const { base } = place(t);
  const program = join(import.meta.dirname, 'lock.fixture.ts');
  const ends = Array.from({ length: 6 }, async () => {
    const child = spawn(process.execPath, [program, base, '40'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let messages = '';
    child.stderr.on('data', (bytes: Uint8Array) => {
      messages += new TextDecoder().decode(bytes);
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 0, messages);
  });
  await Promise.all(ends);
  assert.deepEqual(
    readdirSync(join(base, 'place')).filter((name) => name !== 'lock'),
    [],
  );
});
