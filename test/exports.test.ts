// The exported names of every room, so that a change of the interface shows as a change of test/exports.txt (KINDLING_BLESS=1 writes it anew).
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exportsOf, HOME, roomIndexes } from './rooms.ts';

const SNAPSHOT = join(HOME, 'test/exports.txt');

test('the exported names are those of test/exports.txt', () => {
  const lines: string[] = [];
  for (const [room, names] of exportsOf(roomIndexes())) {
    for (const { name, kind } of names) lines.push(`${room.slice('src/'.length, -'/index.ts'.length)} ${kind} ${name}`);
  }
  const found = `${lines.join('\n')}\n`;
  if (process.env.KINDLING_BLESS === '1') writeFileSync(SNAPSHOT, found);
  const held = existsSync(SNAPSHOT) ? readFileSync(SNAPSHOT, 'utf8') : '';
  const [before, after] = [new Set(held.split('\n')), new Set(found.split('\n'))];
  const gone = [...before].filter((line) => !after.has(line)).map((line) => `- ${line}`);
  const come = [...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`);
  const what = `the interface changed; when that is meant, run this test with KINDLING_BLESS=1:\n${[...gone, ...come].join('\n')}`;
  assert.ok(gone.length + come.length === 0, what);
});
