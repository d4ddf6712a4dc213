// The menu of install-time updates: what it lists, what it asks, what each answer means; once with scripted answers, once on a real terminal.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Ask, anotherMedium, chooseBundles, confirm, parseChoice } from '../src/cli/itu/menu.ts';
import { nodeDecoders } from '../src/node/codecs.ts';
import { type FoundBundle, findBundles } from '../src/node/itu/media.ts';
import { kindling, moduleAt, rawBundle, rootAt, textFile } from './itu.fixture.ts';
import { needs } from './tools.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
let folder = '';
let found: FoundBundle[] = [];
const at = (path: string): string => join(folder, path);

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-itu-menu-'));
  mkdirSync(at('medium/ITUs'), { recursive: true });
  for (const [number, name] of [
    [10, 'ten'],
    [20, 'twenty'],
    [30, 'thirty'],
  ] as const)
    writeFileSync(
      at(`medium/ITUs/0${number}-${name}.itu`),
      rawBundle([textFile(`usr/share/${name}`, name)], { number, name, description: `the ${name}` }),
    );
  writeFileSync(at('medium/ITUs/040-bad.itu'), 'no bundle');
  found = await findBundles(at('medium'), { keys: [], decoders: nodeDecoders() });
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Answers in turn; the end of the input after the last. */
function scripted(...answers: string[]): { ask: Ask; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    ask: async (question) => {
      asked.push(question);
      return answers.shift();
    },
  };
}

test('what a line of numbers means', () => {
  const cases: readonly (readonly [string, number[] | undefined])[] = [
    ['', []],
    ['a', [0, 1, 2]],
    ['ALL', [0, 1, 2]],
    ['2', [1]],
    ['3 1', [0, 2]],
    ['1,2', [0, 1]],
    ['2-3', [1, 2]],
    ['1-3 2', [0, 1, 2]],
    ['0', undefined],
    ['4', undefined],
    ['3-2', undefined],
    ['one', undefined],
    ['1;2', undefined],
    ['99999', undefined],
  ];
  for (const [line, expected] of cases) assert.deepEqual(parseChoice(line, 3), expected, line);
});

test('the list has every bundle, and only those that may be used can be chosen', async () => {
  const said: string[] = [];
  const menu = (ask: Ask) =>
    chooseBundles('/media/usb', found, { ask, say: async (line) => void said.push(line), mayUse: ({ bundle }) => bundle !== undefined });
  const { ask, asked } = scripted('what?', '9', '3 1');
  const chosen = await menu(ask);
  assert.deepEqual(
    chosen.map(({ bundle }) => bundle?.manifest.name),
    ['ten', 'thirty'],
  );
  assert.equal(asked.length, 3);
  assert.equal(said[0], 'Install-time updates on /media/usb:');
  assert.match(said[1]!, /^ {4}1 {2}010 {2}ten 1 {2}not signed {2}the ten$/);
  assert.match(said[4]!, /^ {4}- {2}--- {2}\S+040-bad\.itu {2}not signed: the file starts with/);
  assert.match(said[5]!, /"what\?" means nothing here; numbers go from 1 to 3/);
  assert.deepEqual(await menu(scripted().ask), []);
  assert.deepEqual(await menu(scripted('', 'a').ask), []);
  assert.deepEqual(await menu(scripted('x', 'x', 'x', 'x', 'x', 'a').ask), []);
  assert.deepEqual(await chooseBundles('/m', found, { ask: scripted('a').ask, say: async () => undefined, mayUse: () => false }), []);
});

test('only yes is yes, and an empty line is no further medium', async () => {
  for (const [answer, expected] of [
    ['y', true],
    ['Yes', true],
    ['', false],
    ['n', false],
    ['yess', false],
  ] as const)
    assert.equal(await confirm(scripted(answer).ask, 'Apply?'), expected, answer);
  assert.equal(await confirm(scripted().ask, 'Apply?'), false);
  assert.equal(await anotherMedium(scripted(' /media/b ').ask), '/media/b');
  assert.equal(await anotherMedium(scripted('').ask), undefined);
});

/** A run on a terminal: each text is waited for, then the answer is typed. */
async function onTerminal(
  argv: readonly string[],
  talk: readonly (readonly [string, string])[],
): Promise<{ code: number | null; said: string }> {
  const quoted = [KINDLING, ...argv].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', quoted, '/dev/null'], { cwd: folder, env: { ...process.env, TERM: 'dumb' } });
  let said = '';
  let heard = 0;
  const pending = [...talk];
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString('utf8');
    const next = pending[0];
    if (next === undefined || !said.slice(heard).includes(next[0])) return;
    heard = said.length;
    pending.shift();
    child.stdin.write(`${next[1]}\n`);
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  assert.deepEqual(pending, [], said);
  return { code, said };
}

test('on a terminal: a menu for each medium, a question before anything happens, and what was chosen is applied', async (t) => {
  if (!needs(t, 'script')) return;
  const root = rootAt(at('root'));
  mkdirSync(at('second/kindling/itu'), { recursive: true });
  moduleAt(at('in/raid9.ko'), { imports: ['scsi_host_alloc'] });
  kindling(folder, 'itu', 'make', '--name', 'raid9', '--number', '5', '--module', 'in/raid9.ko', '-o', 'second/kindling/itu/');
  const argv = ['itu', 'apply', 'medium', '--unsigned', '--no-live', '--no-update', '-R', root];
  const refused = await onTerminal(argv, [
    ['Which ones?', '2'],
    ['More media?', ''],
    ['[y/N]', 'n'],
  ]);
  assert.equal(refused.code, 1, refused.said);
  assert.ok(!existsSync(join(root, 'usr/share/twenty')));
  const { code, said } = await onTerminal(argv, [
    ['Which ones?', '2'],
    ['More media?', 'nowhere'],
    ['More media?', 'second'],
    ['Which ones?', 'a'],
    ['More media?', ''],
    ['[y/N]', 'y'],
  ]);
  assert.equal(code, 0, said);
  assert.match(said, /To be applied, in this order:\s+005 {2}raid9 .*\s+020 {2}twenty/);
  assert.ok(existsSync(join(root, 'usr/share/twenty')) && !existsSync(join(root, 'usr/share/ten')));
  assert.deepEqual(
    JSON.parse(kindling(folder, 'itu', 'list', '-R', root, '--json').out).applied.map(({ name }: { name: string }) => name),
    ['raid9', 'twenty'],
  );
});
