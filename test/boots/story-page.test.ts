// docs/story.md is what story-page.ts makes of the texts and of a run's transcripts, and nothing else.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLONE } from '../world/index.ts';
import { parsePage, printPage, shortened } from './story-page.ts';
import { CHAPTERS } from './story-text.ts';

test('the page fits its texts, and every chapter has its transcript', () => {
  const page = readFileSync(join(CLONE, 'docs/story.md'), 'utf8');
  const transcripts = parsePage(page);
  assert.equal(printPage(transcripts), page, 'run KINDLING_BLESS=1 npm run test:all -- story');
  for (const { name, title } of CHAPTERS) {
    const said = transcripts.get(name) ?? '';
    assert.match(said, /kindling|uname/, title);
    assert.doesNotMatch(said, /[\x00-\x08\x0b-\x1f\x7f]/, `${title}: terminal codes`);
  }
});

test('noise is left out, and the middle of what is too long', () => {
  assert.equal(shortened('\n\nGet:1 file:/media/packages ./ InRelease\nkept  \n\n\nalso\n'), 'kept\n\nalso');
  const long = Array.from({ length: 200 }, (_, index) => `line ${index}`).join('\n');
  const lines = shortened(long).split('\n');
  assert.deepEqual([lines.length, lines[0], lines[55], lines[110]], [111, 'line 0', '[...]', 'line 199']);
});
