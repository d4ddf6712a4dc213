// What a disk can do to an update short of losing power, at every single operation: the run fails with the right code and nothing else; the
// old or the new archive stays, whole; the next run finishes the work. More of it: update-kill.long.ts.
import { test } from 'node:test';
import { faultSweep, world } from './update-sweep.fixture.ts';

test('the disk is full from any operation on, and makes room again', async (t) => {
  await faultSweep(await world(t), { errno: 'ENOSPC', lasts: true }, ['NO_SPACE'], true);
});

test('an I/O error at any operation, reading included', async (t) => {
  await faultSweep(await world(t), { errno: 'EIO', reads: true }, ['IO'], false);
});
