import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backingDirectory, memoryCount } from './guest-memory.ts';

test('memory that fits nowhere has no backing', () => {
  assert.equal(backingDirectory(2 ** 40), undefined);
  assert.ok(backingDirectory(1) !== undefined);
});

test('a process without guest memory, or none at all, counts nothing', () => {
  assert.equal(memoryCount(process.pid).read(), undefined);
  assert.equal(memoryCount(2 ** 30).read(), undefined);
});
