import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Proof, search } from './index.ts';

function proof(memory: number, reached: boolean): Proof {
  const reason = reached ? null : { code: 'memory' as const, text: 'deadlocked' };
  return {
    reached,
    until: 'released',
    reason,
    ending: 'quit',
    seconds: 1,
    phases: [],
    memory: { total: memory * 1024, least: null, afterSwitch: null },
    facts: {},
    commandLine: '',
    qemu: [],
    console: '',
  };
}

test('the search finds the least size on the grid from any start, in few boots', async () => {
  for (const least of [24, 96, 104, 168, 256, 512]) {
    for (const from of [1, 96, 104, 160, 170, 300, 9999]) {
      const tried: number[] = [];
      const found = await search({ from, floor: 24, ceiling: 512 }, (memory) => {
        tried.push(memory);
        return Promise.resolve(proof(memory, memory >= least));
      });
      assert.equal(found?.least, least, `least ${least} from ${from}: ${tried}`);
      assert.equal(found?.proof.memory.total, least * 1024);
      assert.equal(new Set(tried).size, tried.length, `no size twice: ${tried}`);
      assert.ok(tried.length <= 12 && tried.every((memory) => memory % 8 === 0 && memory >= 24 && memory <= 512), String(tried));
      if (Math.abs(from - least) <= 16) assert.ok(tried.length <= 4, String(tried));
    }
  }
});

test('when nothing boots the answer is nothing', async () => {
  assert.equal(await search({ from: 100, floor: 24, ceiling: 128 }, (memory) => Promise.resolve(proof(memory, false))), undefined);
});
