// Never unbootable: an update is killed before every single operation on the disk. After each, the old or the new archive is there, whole and
// known; the next update does the rest and leaves nothing lying about. Power cuts and odd file systems: update-kill.long.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killSweep, scratchRoot, situations } from './update-sweep.fixture.ts';

test('killed before every operation of a first build, of an update and of a renewal', async (t) => {
  const base = scratchRoot(t);
  const { first, update, refresh } = await situations(base);
  const counts = [await killSweep(base, first, {}), await killSweep(base, update, {}), await killSweep(base, refresh, {})];
  t.diagnostic(`operations: ${counts.join(', ')}`);
  assert.ok(counts.every((count) => count > 20));
});
