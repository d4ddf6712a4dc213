// docs/mission.md is the scoreboard: every promise has its row, and every test a row names exists.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const COUNTS: Record<string, number> = { A: 10, B: 44, C: 15, D: 15, E: 9 };
const repo = new URL('../', import.meta.url);

interface Row {
  readonly id: string;
  readonly command: string;
  readonly shownBy: string;
}

function rows(): Row[] {
  const text = readFileSync(new URL('docs/mission.md', repo), 'utf8');
  return text
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter((cells) => /^[A-E]\d+$/.test(cells[1] ?? ''))
    .map((cells) => ({ id: cells[1]!, command: cells[3]!, shownBy: cells[4]! }));
}

test('the scoreboard has one row per promise, in order', () => {
  const expected = Object.entries(COUNTS).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
  );
  assert.deepEqual(
    rows().map((row) => row.id),
    expected,
  );
});

test('every test that the scoreboard names exists', () => {
  for (const { id, command, shownBy } of rows()) {
    if (shownBy === 'not yet') {
      assert.equal(command, 'not yet', `${id} names a command without a test that shows it`);
      continue;
    }
    const named = [...shownBy.matchAll(/`([^`:]+): "([^"]+)"`/g)];
    assert.ok(named.length > 0, `${id}: "${shownBy}" names no test as \`file: "title"\``);
    for (const [, file, title] of named) {
      const at = new URL(file!, repo);
      assert.ok(existsSync(at), `${id} names ${file}, which is not there`);
      assert.ok(readFileSync(at, 'utf8').includes(title!), `${id}: ${file} has no test "${title}"`);
    }
  }
});
