// The seed's complaint, "loading the ramdisk image with grub is incredible slow over USB", measured: GRUB reads the live archive from an emulated
// stick, and the same with all drivers of its root in it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { liveRead } from '../../bench/claims/live-read.ts';
import { needs } from '../tools.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-live-read-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('GRUB reads the live archive and the monolithic one from a USB stick: both sizes and both times are shown', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'grub-mkrescue', 'mmdebstrap')) return;
  const [size, read] = await liveRead(folder, 1);
  const figure = (text = ''): number => Number(/^([\d.]+) (MB|s)$/.exec(text)?.[1] ?? Number.NaN);
  assert.ok(figure(size?.ours) * 3 < figure(size?.theirs), JSON.stringify(size));
  // no claim about seconds: what is read in three times the bytes takes longer, on any machine
  assert.ok(figure(read?.ours) < figure(read?.theirs), JSON.stringify(read));
  for (const row of [size, read]) t.diagnostic(`${row?.what}: ${row?.ours}; ${row?.peer}: ${row?.theirs}`);
});
