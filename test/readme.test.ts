// README and docs point only at what is there, and every verb has its page.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { VERBS } from '../src/cli/verbs.ts';

const repo = new URL('../', import.meta.url);

function links(file: string): string[] {
  const text = readFileSync(new URL(file, repo), 'utf8');
  return [...text.matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].map((match) => match[1]!).filter((link) => !/^[a-z]+:/.test(link));
}

test('every link in README and docs leads to a file', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    ...readdirSync(new URL('docs/', repo), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
  ];
  for (const page of pages.filter((name) => name.endsWith('.md'))) {
    for (const link of links(page))
      assert.ok(existsSync(new URL(link, new URL(page, repo))), `${page} points at ${link}, which is not there`);
  }
});

test('every verb has its page, and README names it', () => {
  const readme = readFileSync(new URL('README.md', repo), 'utf8');
  for (const { name } of VERBS.filter((verb) => verb.name !== 'completion')) {
    assert.ok(existsSync(new URL(`docs/${name}.md`, repo)), `docs/${name}.md is missing`);
    assert.ok(readme.includes(`(docs/${name}.md)`), `README does not name ${name}`);
  }
});
