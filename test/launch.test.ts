// bin/kindling and scripts/with-node.mjs: the right Node is found, and its absence said, wherever they are started from.
import assert from 'node:assert/strict';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { HOME } from './rooms.ts';
import { run } from './world/index.ts';

/** A folder of its own with these files; "#!" makes one executable. */
function folderWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-launch-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    if (text.startsWith('#!')) chmodSync(join(folder, path), 0o755);
  }
  return folder;
}

const fakeNode = (version: string) =>
  `#!/bin/sh\n[ "$1" = --version ] && { echo ${version}; exit; }\necho "${version} runs $*, cache $NODE_COMPILE_CACHE"\n`;

test('bin/kindling runs from a clone, through links, from any directory', async (t) => {
  const folder = folderWith(t, {});
  symlinkSync(join(HOME, 'bin/kindling'), join(folder, 'first'));
  symlinkSync('first', join(folder, 'second'));
  const ran = await run(join(folder, 'second'), ['--version'], { cwd: folder });
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout.toString(), /\d+\.\d+\.\d+/);
});

test('bin/kindling takes the Node that npm brought before the one on PATH', async (t) => {
  const home = folderWith(t, {
    'src/cli/main.ts': '',
    'node_modules/.bin/node': fakeNode('v24.1.0'),
    'elsewhere/node': fakeNode('v26.0.0'),
  });
  cpSync(join(HOME, 'bin'), join(home, 'bin'), { recursive: true });
  const env = { PATH: `${home}/elsewhere:/usr/bin:/bin`, NODE_COMPILE_CACHE: undefined };
  const ran = await run(join(home, 'bin/kindling'), ['plan', 'a b'], { env });
  assert.equal(ran.stdout.toString(), `v24.1.0 runs ${home}/src/cli/main.ts plan a b, cache ${home}/.cache/compile\n`);
});

test('bin/kindling installed runs dist/ on a new enough Node of PATH, and says when there is none', async (t) => {
  const home = folderWith(t, { 'dist/cli/main.js': '', 'new/node': fakeNode('v25.2.0'), 'old/node': fakeNode('v20.20.2') });
  cpSync(join(HOME, 'bin'), join(home, 'bin'), { recursive: true });
  const start = (folder: string) => run(join(home, 'bin/kindling'), ['list'], { env: { PATH: `${join(home, folder)}:/usr/bin:/bin` } });
  assert.match((await start('new')).stdout.toString(), /^v25\.2\.0 runs .*\/dist\/cli\/main\.js list/);
  const old = await start('old');
  assert.equal(old.code, 4);
  assert.match(old.stderr, /needs Node 24 or newer; found on PATH: v20\.20\.2/);
});

// A clone whose npm is a script that writes down how it was called, and installs a Node that does the same.
function clone(t: TestContext, npm: string): string {
  const lock = JSON.stringify({
    packages: { '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '1.0.0', optional: true } },
  });
  const home = folderWith(t, { 'package-lock.json': lock, 'npm.mjs': npm, 'scripts/hello.ts': '' });
  cpSync(join(HOME, 'scripts/with-node.mjs'), join(home, 'scripts/with-node.mjs'));
  return home;
}
const NPM_WORKS = `import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from 'node:fs';
appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n');
mkdirSync('node_modules/.bin', { recursive: true });
mkdirSync('node_modules/a', { recursive: true });
writeFileSync('node_modules/.package-lock.json', '{"packages":{"node_modules/a":{"version":"1.0.0"}}}');
writeFileSync('node_modules/.bin/node', '#!/bin/sh\\necho "ran $*"\\nexit 7\\n');
chmodSync('node_modules/.bin/node', 0o755);
`;
const start = (home: string, words: readonly string[]) =>
  run(process.execPath, [join(home, 'scripts/with-node.mjs'), ...words], { env: { npm_execpath: join(home, 'npm.mjs') } });

test('with-node installs the locked packages once, and passes words and exit code on', async (t) => {
  const home = clone(t, NPM_WORKS);
  const first = await start(home, ['scripts/hello.ts', 'x y']);
  assert.equal(first.code, 7, first.stderr);
  assert.equal(first.stdout.toString(), `ran ${home}/scripts/hello.ts x y\n`);
  assert.equal((await start(home, ['scripts/hello.ts'])).code, 7);
  assert.match(readFileSync(join(home, 'calls'), 'utf8'), /^ci --ignore-scripts [^\n]*\n$/);
});

test('with-node installs again when the lock file says another version', async (t) => {
  const home = clone(t, NPM_WORKS);
  await start(home, ['scripts/hello.ts']);
  writeFileSync(join(home, 'package-lock.json'), '{"packages":{"":{},"node_modules/a":{"version":"2.0.0"}}}');
  await start(home, ['scripts/hello.ts']);
  assert.equal(readFileSync(join(home, 'calls'), 'utf8').split('\n').length - 1, 2);
});

test('with-node says when npm fails', async (t) => {
  const home = clone(t, 'process.exit(1);\n');
  const ran = await start(home, ['scripts/hello.ts']);
  assert.equal(ran.code, 4);
  assert.match(ran.stderr, /"npm ci" failed with exit code 1/);
  assert.ok(!existsSync(join(home, 'node_modules')));
});
