// What is made from the verbs' tables: pages that must be current, completions that shells must accept, tables that must be consistent.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { generatedFiles, TOP } from '../../scripts/generate.ts';
import { needs, tool } from '../../test/tools.ts';
import { ERROR_CODES } from '../errors.ts';
import { completionScript } from './completion.ts';
import { HINTS } from './hints.ts';
import { COMMON_OPTIONS, KERNEL_OPTION, ROOT_OPTION } from './options.ts';
import { VERBS } from './verbs.ts';

const verbs = await Promise.all(VERBS.map((entry) => entry.load()));

test('man/, docs/errors.md and docs/verbs.md are current', async () => {
  const files = await generatedFiles();
  for (const [path, text] of files) {
    assert.equal(readFileSync(join(TOP, path), 'utf8'), text, `${path} is not current: run "node scripts/generate.ts"`);
  }
  assert.deepEqual(
    readdirSync(join(TOP, 'man')).sort(),
    [...files.keys()]
      .filter((path) => path.startsWith('man/'))
      .map((path) => path.slice(4))
      .sort(),
  );
});

test('every error code has a hint, and no hint is without a code', () => {
  assert.deepEqual(Object.keys(HINTS).sort(), Object.keys(ERROR_CODES).sort());
});

test('the tables agree: names, summaries, options that mean the same everywhere', () => {
  for (const [index, verb] of verbs.entries()) {
    assert.equal(verb.name, VERBS[index]!.name);
    assert.equal(verb.summary, VERBS[index]!.summary, verb.name);
    const shorts = Object.values({ ...COMMON_OPTIONS, ...verb.options }).flatMap(({ short }) => short ?? []);
    assert.equal(new Set(shorts).size, shorts.length, `${verb.name}: a letter stands for two options`);
    for (const name of Object.keys(verb.options)) {
      assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
      assert.ok(!Object.hasOwn(COMMON_OPTIONS, name), `${verb.name} declares --${name}, which every verb has`);
    }
    if (verb.options.root !== undefined) assert.equal(verb.options.root.short, ROOT_OPTION.short);
    if (verb.options.kernel !== undefined) assert.equal(verb.options.kernel.short, KERNEL_OPTION.short);
    for (const [name, { short }] of Object.entries(verb.options)) {
      if (short === 'R') assert.equal(name, 'root');
      if (short === 'k') assert.equal(name, 'kernel');
      if (short === 'n') assert.equal(name, 'dry-run');
      if (short === 'o') assert.equal(name, 'output');
    }
    for (const positional of verb.positionals.slice(0, -1)) assert.notEqual(positional.repeated, true);
  }
});

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  test(`${shell} accepts the completion script`, (t) => {
    if (!needs(t, shell)) return;
    const folder = mkdtempSync(join(tmpdir(), 'kindling-completion-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'script'), completionScript(shell, verbs));
    const { status, stderr } = spawnSync(tool(shell), ['-n', join(folder, 'script')], { encoding: 'utf8' });
    assert.equal(stderr, '');
    assert.equal(status, 0);
  });
}

test('bash completes verbs, options and choices', (t) => {
  if (!needs(t, 'bash')) return;
  const complete = (...words: string[]): string[] => {
    const ask = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kindling; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const script = `${completionScript('bash', verbs)}\n${ask}\n`;
    return spawnSync(tool('bash'), ['-s', '--', 'kindling', ...words], { input: script, encoding: 'utf8' })
      .stdout.trim()
      .split('\n');
  };
  assert.deepEqual(complete('compl'), ['completion']);
  assert.deepEqual(complete('completion', '--js'), ['--json']);
  assert.deepEqual(complete('boot', '--accel', 't'), ['tcg']);
});

test('manual pages are accepted by groff without a warning', async (t) => {
  if (!needs(t, 'groff')) return;
  for (const [path, text] of await generatedFiles()) {
    if (!path.endsWith('.1')) continue;
    const { stderr } = spawnSync(tool('groff'), ['-man', '-ww', '-Tutf8', '-z'], { input: text, encoding: 'utf8' });
    assert.equal(stderr, '', path);
  }
});
