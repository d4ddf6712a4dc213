// Runs a script of the project on the Node it needs, installing the locked packages first where they are missing or out of date.
// Plain JavaScript for any Node >= 18: this file alone runs on whatever `npm` runs on, so that each npm script works in a fresh clone.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_LEAST = 24;
const EXIT_ENVIRONMENT = 4;
const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
const home = dirname(dirname(fileURLToPath(import.meta.url)));

function fail(...lines) {
  for (const line of lines) console.error(`kindling: ${line}`);
  process.exit(EXIT_ENVIRONMENT);
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(join(home, lockFile), 'utf8')).packages;
}

// Contents are compared, not times: a checkout sets every time anew, and npm itself writes the lock file after node_modules.
function isInstalled() {
  if (!existsSync(join(home, 'node_modules/.package-lock.json'))) return false;
  const wanted = packagesOf('package-lock.json');
  const held = packagesOf('node_modules/.package-lock.json');
  const same = (path) => held[path]?.version === wanted[path]?.version && existsSync(join(home, path));
  return (
    Object.keys(held).every((path) => wanted[path] !== undefined && same(path)) &&
    Object.keys(wanted).every((path) => path === '' || wanted[path].optional === true || same(path))
  );
}

function install() {
  console.error('kindling: installing the locked npm packages (once)');
  const npm = process.env.npm_execpath;
  const words = ['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'];
  // npm prints its summary on stdout, which belongs to the script's data
  const options = { cwd: home, stdio: ['ignore', 2, 2] };
  const done =
    npm !== undefined && existsSync(npm) ? spawnSync(process.execPath, [npm, ...words], options) : spawnSync('npm', words, options);
  if (done.error !== undefined) fail(`npm could not be started: ${done.error.message}`);
  if (done.status !== 0) {
    fail(
      `"npm ci" failed with ${done.signal ?? `exit code ${done.status}`}; its messages are above`,
      'it needs the npm registry once, later runs need no network',
    );
  }
}

function nodeToUse() {
  const local = join(home, 'node_modules/.bin/node');
  if (existsSync(local)) return local;
  if (Number(process.versions.node.split('.')[0]) >= NODE_LEAST) return process.execPath;
  return fail(
    `needs Node ${NODE_LEAST} or newer; this is ${process.version}, and npm installed none for ${process.platform} ${process.arch}`,
    'install one and put it first on PATH',
  );
}

const [script, ...rest] = process.argv.slice(2);
if (script === undefined) fail('with-node.mjs needs the script to run');
if (!isInstalled()) install();

const child = spawn(nodeToUse(), [join(home, script), ...rest], {
  stdio: 'inherit',
  env: { ...process.env, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(home, '.cache/compile') },
});
for (const signal of Object.keys(SIGNAL_NUMBERS)) process.on(signal, () => child.kill(signal));
child.on('error', (error) => fail(`node could not be started: ${error.message}`));
child.on('exit', (code, signal) => process.exit(code ?? 128 + (SIGNAL_NUMBERS[signal] ?? 0)));
