// The published form: what `npm pack` makes, unpacked below a node_modules, is the same program.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { needs, tool } from './tools.ts';

const TOP = join(import.meta.dirname, '..');

test('a packed package runs from node_modules, through the link in .bin, and from any directory', (t) => {
  if (!needs(t, 'npm', 'tar', 'git', 'cpio')) return;
  const folder = mkdtempSync(join(tmpdir(), 'kindling-packed-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const run = (command: string, args: readonly string[], cwd = folder) => {
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
    return spawnSync(command, args, { cwd, encoding: 'utf8', env, timeout: 300_000 });
  };
  // In a scratch copy of what is packed: two runs at once must not build into one dist/.
  const copy = join(folder, 'copy');
  mkdirSync(copy);
  const listed = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], TOP);
  assert.equal(listed.status, 0, listed.stderr);
  writeFileSync(join(folder, 'list'), listed.stdout);
  assert.equal(run('tar', ['-C', TOP, '--null', '-T', join(folder, 'list'), '-cf', join(folder, 'copy.tar')]).status, 0);
  assert.equal(run('tar', ['-C', copy, '-xf', join(folder, 'copy.tar')]).status, 0);
  symlinkSync(join(TOP, 'node_modules'), join(copy, 'node_modules'));
  // What npm's prepack script does; run by hand, because npm would first set up the linked node_modules again.
  const built = run(process.execPath, ['scripts/build.ts'], copy);
  assert.equal(built.status, 0, built.stdout);
  const packed = run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], copy);
  assert.equal(packed.status, 0, packed.stderr);
  const name = readdirSync(folder).find((one) => one.endsWith('.tgz'));
  assert.ok(name !== undefined);
  const home = join(folder, 'node_modules/kindling');
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  mkdirSync(home);
  assert.equal(run('tar', ['-C', home, '--strip-components=1', '-xzf', join(folder, name)]).status, 0);
  for (const dependency of Object.keys(JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')).dependencies)) {
    symlinkSync(join(TOP, 'node_modules', dependency), join(folder, 'node_modules', dependency));
  }
  symlinkSync('../kindling/bin/kindling', join(folder, 'node_modules/.bin/kindling'));

  assert.ok(!readdirSync(home).includes('src'), 'no source that Node would refuse');
  for (const part of ['early', 'man', 'dist', 'LICENSE']) assert.ok(readdirSync(home).includes(part), part);
  const program = join(folder, 'node_modules/.bin/kindling');
  const version = run(program, ['--version'], '/');
  assert.equal(version.stdout, `kindling ${JSON.parse(readFileSync(join(TOP, 'package.json'), 'utf8')).version}\n`, version.stderr);
  const completion = run(program, ['completion', 'bash']);
  assert.equal(completion.stdout, run(join(TOP, 'bin/kindling'), ['completion', 'bash']).stdout, completion.stderr);
  // An archive made by hand, through decoding and printing: the same answer as from the clone.
  assert.equal(run(tool('sh'), ['-c', 'mkdir -p d/e && echo x > d/e/f && cd d && find . | cpio -o -H newc > ../x.cpio']).status, 0);
  const listing = run(program, ['list', 'x.cpio']);
  assert.equal(listing.status, 0, listing.stderr);
  assert.equal(listing.stdout, run(join(TOP, 'bin/kindling'), ['list', join(folder, 'x.cpio')]).stdout);
  assert.match(listing.stdout, /e\/f/);
  assert.equal(run(program, ['list', '/nonexistent']).status, 3);
});
