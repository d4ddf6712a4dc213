// Squashed archives where pages are large: a kernel with 64 KiB pages wastes more on each file of a plain archive, and has far less to
// unpack of a squashed one. The claims are those of dracut's squash module; the bench has the numbers.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootLargePages, powerWorld } from '../../bench/powerpc.ts';
import { needs } from '../tools.ts';

const CLAIMED = 35e6 / 2 ** 20; // MiB

test('64 KiB pages: a squashed archive leaves over 35 MB more free, is unpacked sooner, and is gone after the switch', async (t) => {
  if (!needs(t, 'qemu-system-ppc64', 'mkfs.ext4')) return;
  const out = mkdtempSync(join(tmpdir(), 'kindling-pages-'));
  t.after(() => rmSync(out, { recursive: true, force: true }));
  const at = { out, log: join(out, 'log') };
  const world = await powerWorld(at);
  const [plain, squash] = [bootLargePages(at, world, world.plain), bootLargePages(at, world, world.squash)];
  const free = (booted: typeof plain, phase: string): number => booted.phases.get(phase)?.free ?? Number.NaN;
  const saved = free(squash, 'early') - free(plain, 'early');
  assert.ok(saved > CLAIMED, `${saved} MiB more`);
  // about a tenth: an order, not a time
  assert.ok(squash.unpacked < plain.unpacked, `${squash.unpacked} s, ${plain.unpacked} s`);
  const after = free(squash, 'released') - free(plain, 'released');
  assert.ok(after > -4, `${after} MiB after the switch: some tables of the modules, in pages of 64 KiB`);
});
