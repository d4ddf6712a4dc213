// The command line as a process: exit codes, streams, signals, a full disk, places that cannot be written.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { needs } from '../../test/tools.ts';
import { ERROR_CODES } from '../errors.ts';

const PROGRAM = join(import.meta.dirname, 'testdata/program.ts');
// Many short runs of the same program: compiled once.
const COMPILE_CACHE = mkdtempSync(join(tmpdir(), 'kindling-cli-cache-'));
after(() => rmSync(COMPILE_CACHE, { recursive: true }));
const MAIN = join(import.meta.dirname, 'main.ts');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], more: { env?: Record<string, string>; program?: string; uid?: number } = {}): Ended {
  const env = { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: COMPILE_CACHE, ...more.env };
  const ids = more.uid === undefined ? {} : { uid: more.uid, gid: more.uid };
  const result = spawnSync(process.execPath, [more.program ?? PROGRAM, ...args], { env, encoding: 'utf8', timeout: 60_000, ...ids });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

function scratch(t: { after(undo: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'kindling-cli-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('the exit code is what the verb returns', () => {
  assert.equal(run(['answer', '0']).code, 0);
  assert.equal(run(['answer', '1']).code, 1);
});

test('wrong usage is 2, says what is wrong, and guesses what was meant', () => {
  const unknown = run(['anwser']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /^kindling: USAGE: unknown verb "anwser"; did you mean answer\?\nhint: /);
  const option = run(['answer', '--ouptut', 'x']);
  assert.equal(option.code, 2);
  assert.match(option.stderr, /unknown option --ouptut; did you mean --output\?/);
  const none = run([]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /^kindling VERB/);
  assert.equal(none.stdout, '');
});

test('help goes to standard output, for the program and for a verb, however it is asked for', () => {
  for (const args of [['--help'], ['help'], ['-h']]) assert.match(run(args).stdout, /Verbs:\n {2}answer/, args.join(' '));
  const asked = [
    ['answer', '--help'],
    ['help', 'answer'],
    ['--help', 'answer'],
    ['answer', '-h'],
  ].map((args) => run(args));
  for (const { code, stdout } of asked) {
    assert.equal(code, 0);
    assert.equal(stdout, asked[0]!.stdout);
    assert.match(stdout, /--output FILE/);
  }
  assert.match(run(['--version'], { program: MAIN }).stdout, /^kindling [0-9]+\.[0-9]+\.[0-9]+\n$/);
});

test('an error names code and place, without letting names write to the terminal; the code decides the exit code', () => {
  const { code, stdout, stderr } = run(['fail', 'a\u001b]0;b']);
  assert.equal(code, ERROR_CODES.BAD_VALUE.exit);
  assert.equal(stdout, '');
  assert.equal(stderr.split('\n')[0], 'kindling: BAD_VALUE: found 7,\\x0aexpected 8 (a\\x1b]0;b, head\\x1b[31m, offset 12)');
  assert.doesNotMatch(run(['fail', '-q']).stderr, /hint/);
});

test('--json gives the error as a document', () => {
  const { code, stdout } = run(['fail', 'x', '--json']);
  assert.equal(code, 3);
  const { error } = JSON.parse(stdout);
  assert.deepEqual([error.code, error.where.offset, typeof error.hint], ['BAD_VALUE', 12, 'string']);
  assert.equal(JSON.parse(run(['nothing', '--json']).stdout).error.code, 'USAGE');
});

test('a defect is INTERNAL, with the stack under -v only', () => {
  const quiet = run(['defect']);
  assert.equal(quiet.code, 4);
  assert.match(quiet.stderr, /^kindling: INTERNAL: TypeError: not a function/);
  assert.doesNotMatch(quiet.stderr, /program\.ts/);
  assert.match(run(['defect', '-v']).stderr, /program\.ts/);
});

test('system calls that fail get the code of their errno', (t) => {
  const missing = run(['open', '/nonexistent/file']);
  assert.equal(missing.code, 3);
  assert.match(missing.stderr, /^kindling: NO_ENTRY: open: no such file or directory \(\/nonexistent\/file\)/);
  const full = run(['store', '-o', '/dev/full']);
  assert.equal(full.code, 4);
  assert.match(full.stderr, /^kindling: NO_SPACE: .*\(\/dev\/full\)/);
  if (process.getuid?.() !== 0) return;
  const folder = scratch(t);
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'closed'), { mode: 0o755 });
  writeFileSync(join(folder, 'closed/secret'), 'x', { mode: 0o600 });
  assert.match(run(['open', join(folder, 'closed/secret')], { uid: 65534 }).stderr, /NO_PERMISSION/);
  const refused = run(['store', '-o', join(folder, 'closed/new')], { uid: 65534 });
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /NO_PERMISSION/);
  assert.deepEqual(readdirSync(join(folder, 'closed')), ['secret']);
  chownSync(folder, 0, 0);
});

test('a full file system: NO_SPACE, no temporary file, the old file untouched', (t) => {
  if (process.getuid?.() !== 0) return t.skip('mounting a small tmpfs needs root');
  if (!needs(t, 'mount', 'umount')) return;
  const folder = mkdtempSync(join(tmpdir(), 'kindling-cli-'));
  t.after(() => {
    spawnSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  });
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', folder]).status !== 0) return t.skip('this container may not mount');
  const target = join(folder, 'image');
  writeFileSync(target, 'old');
  const full = run(['store', '-o', target]);
  assert.equal(full.code, 4);
  assert.match(full.stderr, /NO_SPACE/);
  assert.equal(readFileSync(target, 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder), ['image']);
  assert.equal(spawnSync('mount', ['-o', 'remount,ro', folder]).status, 0);
  const readOnly = run(['store', '-o', target]);
  assert.equal(readOnly.code, 4);
  assert.match(readOnly.stderr, /READ_ONLY/);
});

test('standard output that is full is an error, not a success', () => {
  const result = spawnSync('sh', ['-c', `"$0" "$1" flood > /dev/full`, process.execPath, PROGRAM], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(result.status, 4);
  assert.match(result.stderr, /NO_SPACE: standard output/);
});

test('a reader that goes away ends the work quietly', () => {
  const script = `{ "$0" "$1" flood; echo "code $?" >&2; } | head -n 1`;
  const result = spawnSync('bash', ['-c', script, process.execPath, PROGRAM], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(result.stdout, 'line 0\n');
  assert.equal(result.stderr, 'code 141\n');
});

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test(`${signal} in the middle of writing: exit ${code}, no temporary file, the old file untouched`, async (t) => {
    const folder = scratch(t);
    const target = join(folder, 'image');
    writeFileSync(target, 'old');
    const child: ChildProcess = spawn(process.execPath, [PROGRAM, 'write', '-o', target], { stdio: ['ignore', 'ignore', 'pipe'] });
    await once(child.stderr!, 'data');
    assert.equal(readdirSync(folder).length, 2);
    child.kill(signal);
    const [ended] = await once(child, 'exit');
    assert.equal(ended, code);
    assert.deepEqual(readdirSync(folder), ['image']);
    assert.equal(readFileSync(target, 'utf8'), 'old');
  });
}

test('messages obey -q and -v, progress is silent without a terminal, --json keeps data on standard output', () => {
  const normal = run(['talk']);
  assert.equal(normal.stdout, 'data\n');
  assert.equal(normal.stderr, 'a note\nwarning: a warning\n');
  assert.equal(run(['talk', '-q']).stderr, '');
  assert.match(run(['talk', '-v']).stderr, /^a note\nwarning: a warning\na detail\nworking: [0-9.]+ s\n$/);
});

test('colours: on a terminal, not with --no-color, NO_COLOR or TERM=dumb', (t) => {
  if (!needs(t, 'script')) return;
  const onTerminal = (args: string, env: Record<string, string>): string =>
    spawnSync('script', ['-qec', `'${process.execPath}' '${PROGRAM}' talk ${args}`, '/dev/null'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH ?? '', TERM: 'xterm', ...env },
      timeout: 60_000,
    }).stdout;
  const red = '\u001b[31mdata';
  assert.ok(onTerminal('', {}).includes(red));
  assert.ok(onTerminal('', { NO_COLOR: '' }).includes(red), 'an empty NO_COLOR does not count');
  for (const plain of [onTerminal('--no-color', {}), onTerminal('', { NO_COLOR: '1' }), onTerminal('', { TERM: 'dumb' })]) {
    assert.ok(plain.includes('data'));
    assert.ok(!plain.includes(red));
  }
  assert.match(
    onTerminal('', {}),
    /\r\u001b\[Kworking\r\u001b\[Ka note/,
    'the progress line is taken away before anything else is printed',
  );
});

test('SOURCE_DATE_EPOCH is read and checked', () => {
  assert.equal(run(['epoch'], { env: { SOURCE_DATE_EPOCH: '1700000000' } }).stdout, '1700000000\n');
  assert.equal(run(['epoch']).stdout, 'undefined\n');
  const wrong = run(['epoch'], { env: { SOURCE_DATE_EPOCH: 'yesterday' } });
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /SOURCE_DATE_EPOCH is "yesterday"/);
});

test('a bare start loads no cryptography, compression or process code', () => {
  const look = `import { main } from ${JSON.stringify(MAIN)};
    await main(['--help']);
    console.error(JSON.stringify(process.moduleLoadList));`;
  const { stderr } = run(['--input-type=module', '-e', look], { program: '--no-warnings' });
  const loaded: string[] = JSON.parse(stderr);
  assert.ok(loaded.length > 20);
  assert.deepEqual(
    loaded.filter((name) => /^NativeModule (crypto|child_process|zlib|http)$/.test(name)),
    [],
  );
});
