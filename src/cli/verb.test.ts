// Parsing: what is understood, what is refused and with which words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KindlingError } from '../errors.ts';
import { makeProgress } from './progress.ts';
import { parse, type Verb } from './verb.ts';

const VERB: Pick<Verb, 'name' | 'options' | 'positionals'> = {
  name: 'try',
  positionals: [
    { name: 'ONE', summary: 'the first', required: true },
    { name: 'REST', summary: 'more', required: false, repeated: true },
  ],
  options: {
    output: { short: 'o', value: 'FILE', summary: 'output' },
    add: { value: 'PART', multiple: true, summary: 'add' },
    scope: { value: 'SCOPE', choices: ['generic', 'host'], summary: 'scope' },
    count: { value: 'N', summary: 'count' },
    force: { short: 'f', summary: 'force' },
  },
};

const refused = (args: string[], message: RegExp, verb = VERB): void => {
  assert.throws(
    () => parse(verb, args).number('count', { least: 2, most: 9 }),
    (error) => error instanceof KindlingError && error.code === 'USAGE' && message.test(error.message),
    args.join(' '),
  );
};

test('options and arguments in any order, short ones together, values attached or not', () => {
  const parsed = parse(VERB, ['a', '-fo', 'x', '--add', 'p', 'b', '--add=q', '--', '--force', '-']);
  assert.deepEqual(parsed.positionals, ['a', 'b', '--force', '-']);
  assert.equal(parsed.flag('force'), true);
  assert.equal(parsed.flag('json'), false);
  assert.equal(parsed.value('output'), 'x');
  assert.equal(parse(VERB, ['a', '-ox']).value('output'), 'x');
  assert.equal(parse(VERB, ['a', '-o', '-']).value('output'), '-');
  assert.equal(parse(VERB, ['a', '--output=--json']).value('output'), '--json');
  assert.deepEqual(parsed.values('add'), ['p', 'q']);
  assert.equal(parse(VERB, ['a', '--count', '9']).number('count'), 9);
  assert.equal(parse(VERB, ['a']).number('count'), undefined);
});

test('what is wrong is said', () => {
  refused([], /ONE is missing \(the first\)/);
  refused(['a', '--focre'], /unknown option --focre; did you mean --force\?/);
  refused(['a', '-x'], /unknown option -x/);
  refused(['a', '--constructor'], /unknown option --constructor/);
  refused(['a', '--output'], /--output needs a value \(FILE\)/);
  refused(['a', '--output', '--force'], /found the option --force; write --output=VALUE/);
  refused(['a', '--force=yes'], /--force takes no value/);
  refused(['a', '-o', 'x', '-o', 'y'], /-o is given twice/);
  refused(['a', '--scope', 'all'], /--scope is "all", expected one of generic, host/);
  for (const count of ['1', '10', 'x', '-3', '2.5', '1e1', ''])
    refused(['a', `--count=${count}`], /--count is ".*", expected a whole number from 2 to 9/);
  refused(['a', 'b'], /unexpected argument "b"/, { ...VERB, positionals: VERB.positionals.slice(0, 1) });
});

test('with --help nothing is required', () => {
  assert.equal(parse(VERB, ['--help']).flag('help'), true);
});

test('a verb that asks for an option it did not declare has a defect', () => {
  assert.throws(() => parse(VERB, ['a']).value('root'), { code: 'INTERNAL' });
});

test('progress: redrawn within the width and not too often, plain lines, or nothing', () => {
  let now = 0;
  const written: string[] = [];
  const sink = (mode: 'redrawn' | 'plain' | 'off') => ({
    mode,
    columns: 30,
    write: (text: string) => void written.push(text),
    now: () => now,
  });
  const redrawn = makeProgress(sink('redrawn'));
  redrawn.step('packing', 200);
  for (let done = 0; done < 100; done++) {
    now += 10;
    redrawn.advance(done, 'a name that is far too long for the line');
  }
  assert.equal(written.length, 11);
  for (const text of written) assert.ok(text.replace('\r\x1b[K', '').length < 30, text);
  assert.match(written.at(-1)!, /packing 4[0-9] %/);
  redrawn.clear();
  assert.equal(written.at(-1), '\r\x1b[K');
  written.length = 0;
  const plain = makeProgress(sink('plain'));
  plain.step('packing');
  now += 1500;
  plain.step('writing');
  plain.clear();
  plain.clear();
  assert.deepEqual(written, ['packing: 1.5 s\n', 'writing: 0.0 s\n']);
  written.length = 0;
  const off = makeProgress(sink('off'));
  off.step('packing');
  off.clear();
  assert.deepEqual(written, []);
});
