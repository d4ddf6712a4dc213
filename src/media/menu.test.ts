import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grubMenu, menuEntries } from './menu.ts';

const OPTIONS = { title: 'System', append: 'last', timeout: 5, serial: false };

test('what is said about kept changes is said by the first entry alone', () => {
  const words = menuEntries({ ...OPTIONS, changes: 'perch=luks perchsize=64' }).map((entry) => entry.words);
  assert.equal(words[0], 'quiet perch=luks perchsize=64 last');
  assert.deepEqual(
    words.slice(1),
    menuEntries(OPTIONS)
      .slice(1)
      .map((entry) => entry.words),
  );
  assert.equal(menuEntries(OPTIONS)[0]?.words, 'quiet perch last');
  assert.match(grubMenu({ ...OPTIONS, changes: 'perch=luks' }), /linux \/boot\/vmlinuz quiet perch=luks last\n/);
});
