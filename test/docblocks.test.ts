// Every name that a room exports says what it is. A docblock that only repeats the name says nothing.
import { test } from 'node:test';
import { assertNone, exportsOf, roomIndexes } from './rooms.ts';

const WORDS_LEAST = 3;

test('every exported name of every room has a meaningful docblock', () => {
  const faults: string[] = [];
  for (const [room, names] of exportsOf(roomIndexes())) {
    for (const { name, docblock, at } of names) {
      const words = docblock.split(/\s+/).filter((word) => /\w/.test(word) && word.toLowerCase() !== name.toLowerCase());
      if (words.length < WORDS_LEAST) faults.push(`${room}: ${name} (${at})${docblock === '' ? '' : `: "${docblock}"`}`);
    }
  }
  assertNone(faults);
});
