// Guarantee "never unbootable", with the power: an update runs in a machine whose disk keeps a log of every write and flush. Then the disk is
// made as it can be after a power cut at each flush, with any part of the writes that were under way, and read as a boot loader reads it
// (without the journal) and as a kernel does; many of them are booted. And a machine is killed again and again while it updates.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findTool, isCi, tool } from '../tools.ts';
import { CLONE, mustRun, run } from '../world/index.ts';
import { copyDisk } from './debian-vm.ts';
import { apply, boundaries, chances, type LoggedWrite, readLog } from './power-log.ts';
import { INPUT, type PowerMachine, powerMachine, powerOff, powerOn, rawFile, typed } from './power-world.ts';

const lacking = ['qemu-system-x86_64', 'mkfs.ext4', 'e2fsck', 'debugfs', 'mmdebstrap'].filter((name) => findTool(name) === undefined);
const skip = lacking.length > 0 && !isCi() ? `needs ${lacking.join(', ')}, not installed here` : false;

const SECONDS = 240; // for an update in an emulated machine on a busy computer
const SUBSETS = 2; // of the writes under way, at each flush
const BOOTS = 12;
const KILLS = 6;
const UPDATES = 4;

const folder = mkdtempSync(join(tmpdir(), 'kindling-power-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

let machine: PowerMachine;
let archive = '';
/** The disk before the update, its log, and the two archives. */
let logged: readonly LoggedWrite[] = [];
let flushes: readonly number[] = [];
let updateMs = 0;
const OLD = at('old.img');
const NEW = at('new.img');

async function extract(image: string, to: string): Promise<string> {
  assert.ok(await rawFile(image, archive, to), `${image} has no ${archive}`);
  return digest(to);
}

before(
  async () => {
    if (skip !== false) return;
    machine = await powerMachine(folder);
    archive = `boot/kindling-${machine.version}.img`;
    // the first archive is made where everything is at hand; the machine then makes its own
    await copyDisk(machine.disk, at('before.img'));
    const first = at('first.img');
    await mustRun(join(CLONE, 'bin/kindling'), ['build', '--root', machine.root, '--kernel', machine.version, '-o', first]);
    const shell = await powerOn(machine, first, { file: at('before.img') });
    assert.equal((await typed(shell, 'kindling update', SECONDS)).code, 0);
    assert.equal((await typed(shell, `echo "options loop max_loop=9" >/${INPUT}`, 30)).code, 0);
    await powerOff(shell);
    await extract(at('before.img'), OLD);

    await copyDisk(at('before.img'), at('after.img'));
    writeFileSync(at('writes'), '');
    const again = await powerOn(machine, OLD, { file: at('after.img'), log: at('writes') });
    const began = performance.now();
    const { text, code } = await typed(again, 'kindling update -v', SECONDS);
    assert.equal(code, 0, text);
    updateMs = performance.now() - began;
    await powerOff(again);
    assert.notEqual(await extract(at('after.img'), NEW), digest(OLD));
    logged = readLog(at('writes'));
    flushes = boundaries(logged);
  },
  { timeout: 15 * 60_000 },
);

/** The disk after a power cut behind a flush, with the chosen ones of the writes that came after it and before the next. */
async function diskAfter(flush: number, seed: number | undefined, to: string): Promise<void> {
  await copyDisk(at('before.img'), to);
  const index = flushes[flush]!;
  apply(at('writes'), to, logged.slice(0, index));
  if (seed === undefined) return;
  const chance = chances(seed);
  const under = logged.slice(index, flushes[flush + 1] ?? logged.length);
  apply(
    at('writes'),
    to,
    under.filter(() => chance() < 0.5),
  );
}

/** Which archive a disk holds, as a boot loader reads it; fails when it is neither. */
async function archiveOn(image: string, what: string): Promise<'old' | 'new'> {
  const found = await extract(image, at('found.img'));
  if (found === digest(OLD)) return 'old';
  assert.equal(found, digest(NEW), `${what}: ${archive} is neither the old archive nor the new one`);
  return 'new';
}

test('at every flush, with any part of the writes under way, the archive is the old one or the new one', { skip }, async (t) => {
  const image = at('cut.img');
  const seen: string[] = [];
  for (let flush = 0; flush < flushes.length; flush++) {
    for (let seed = 0; seed <= SUBSETS; seed++) {
      const what = `flush ${flush} of ${flushes.length}, seed ${seed}`;
      await diskAfter(flush, seed === 0 ? undefined : flush * SUBSETS + seed, image);
      const raw = await archiveOn(image, `${what}, without the journal`);
      if (await rawFile(image, `${archive}.previous`, at('previous.img'))) {
        assert.ok(digest(at('previous.img')) === digest(OLD), `${what}: the previous archive is not the old one`);
      }
      const check = await run(tool('e2fsck'), ['-fp', image]);
      assert.ok(check.code <= 1, `${what}: e2fsck says ${check.code}\n${check.stdout}`);
      const whole = await archiveOn(image, `${what}, with the journal`);
      seen.push(`${raw}/${whole}`);
    }
  }
  assert.ok(flushes.length >= 5, `only ${flushes.length} flushes`);
  assert.ok(seen.includes('old/old') && seen.includes('new/new'), seen.join(' '));
  t.diagnostic(`${logged.length} writes, ${flushes.length} flushes, ${seen.length} disks: ${[...new Set(seen)].join(', ')}`);
});

test('the machine boots from such disks, and the next update finishes', { skip, timeout: 30 * 60_000 }, async (t) => {
  const image = at('boot.img');
  for (let boot = 0; boot < BOOTS; boot++) {
    const flush = Math.floor((boot * flushes.length) / BOOTS);
    await diskAfter(flush, 1000 + boot, image);
    const shown = await archiveOn(image, `boot ${boot}`);
    copyFileSync(at('found.img'), at('boot.archive'));
    const shell = await powerOn(machine, at('boot.archive'), { file: image });
    try {
      if (boot % Math.floor(BOOTS / UPDATES) === 0) {
        const { text, code } = await typed(shell, 'kindling update -v', SECONDS);
        assert.equal(code, 0, text);
        const look = await typed(shell, 'kindling update -n', SECONDS);
        assert.equal(look.code, 0, look.text);
        await powerOff(shell);
        assert.equal(await archiveOn(image, `boot ${boot}`), 'new');
      }
    } catch (error) {
      throw new Error(`boot ${boot}, behind flush ${flush}, from the ${shown} archive: ${(error as Error).message}`);
    } finally {
      await shell.cut();
    }
  }
  t.diagnostic(`${BOOTS} boots`);
});

test('a machine killed again and again while it updates always boots, and gets there in the end', {
  skip,
  timeout: 30 * 60_000,
}, async (t) => {
  const image = at('killed.img');
  await copyDisk(at('before.img'), image);
  const ends: string[] = [];
  for (let kill = 0; kill <= KILLS; kill++) {
    await archiveOn(image, `kill ${kill}`);
    const shell = await powerOn(machine, at('found.img'), { file: image });
    try {
      shell.say(`kindling update -v; echo "code=$?"`);
      if (kill < KILLS) await new Promise((resolve) => setTimeout(resolve, (updateMs * (kill + 1)) / KILLS));
      else assert.match(await shell.expect(/^code=\d+$/m, SECONDS), /^code=0$/m);
      ends.push(/^code=/m.test(shell.transcript()) ? 'done' : 'killed');
    } finally {
      if (kill < KILLS) await shell.cut();
      else await powerOff(shell);
    }
  }
  assert.equal(await archiveOn(image, 'the end'), 'new');
  assert.ok(existsSync(image));
  t.diagnostic(ends.join(' '));
});
