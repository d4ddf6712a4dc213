// docs/architecture.md names every room of src/ and of the formats' shelf, and only rooms that exist.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const repo = new URL('../', import.meta.url);

test('the architecture page names every room, and only rooms that exist', () => {
  const page = readFileSync(new URL('docs/architecture.md', repo), 'utf8');
  const named = [...page.matchAll(/^\| `([a-z.]+)` \|/gm)].map((match) => match[1]!);
  const present = readdirSync(new URL('src/', repo));
  assert.deepEqual([...named].sort(), [...present].sort());
});

test('every format has its page', () => {
  const formats = readdirSync(new URL('src/formats/', repo), { withFileTypes: true }).filter((each) => each.isDirectory());
  const pages = new Set(readdirSync(new URL('docs/formats/', repo)));
  for (const format of formats) assert.ok(pages.has(`${format.name}.md`), `docs/formats/${format.name}.md is missing`);
});
