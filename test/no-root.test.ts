// Nothing that makes an archive, an image or a medium needs root: an ordinary user without any capability gets the very bytes that root gets.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { lateRoot } from './boots/early-world.ts';
import { findTool, needs } from './tools.ts';
import { CLONE, mustRun, once } from './world/index.ts';

const KINDLING = join(CLONE, 'bin/kindling');
const NOBODY = 65534;

const folder = mkdtempSync(join(tmpdir(), 'kindling-no-root-'));
chmodSync(folder, 0o755);
after(() => rmSync(folder, { recursive: true, force: true }));

/** One of the two who do the same: a home of its own, and how its programs are started. */
interface Person {
  readonly home: string;
  readonly starts: readonly string[];
}

function person(name: string, owner: number | undefined, starts: readonly string[]): Person {
  const home = join(folder, name);
  mkdirSync(home);
  if (owner !== undefined) chownSync(home, owner, owner);
  return { home, starts };
}

const isRoot = process.getuid?.() === 0;
const setpriv = findTool('setpriv');
// Whoever is no root already becomes root in a user namespace; whoever is root becomes nobody, and can never become root again.
const DROP = ['--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'];
const root = person('root', undefined, isRoot ? [] : ['unshare', '--map-root-user']);
const user = person('user', isRoot ? NOBODY : undefined, isRoot ? [setpriv ?? 'setpriv', ...DROP] : []);

async function ran({ home, starts }: Person, words: readonly string[]): Promise<{ code: number | null; err: string }> {
  const [program = KINDLING, ...rest] = [...starts, KINDLING, ...words];
  const env = { PATH: process.env.PATH, LC_ALL: 'C', HOME: home, TMPDIR: home, XDG_CACHE_HOME: join(home, 'cache') };
  const child = spawn(program, rest, { cwd: home, env, stdio: ['ignore', 'ignore', 'pipe'], timeout: 300_000 });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  return await new Promise((resolve, reject) => child.on('error', reject).on('close', (code) => resolve({ code, err })));
}

/** Digests of a file, or of every file in a folder by its path; and that it belongs to who made it. */
function digests(path: string, base = ''): Record<string, string> {
  if (statSync(path).isDirectory())
    return Object.assign({}, ...readdirSync(path).map((name) => digests(join(path, name), `${base}/${name}`))) as Record<string, string>;
  return { [base]: createHash('sha256').update(readFileSync(path)).digest('hex') };
}

/** Both run the same words with `-o OUTPUT`, in homes of their own; what they wrote is the same. */
async function same(output: string, ...words: readonly string[]): Promise<void> {
  for (const one of [root, user]) {
    const { code, err } = await ran(one, [...words, '-o', output]);
    assert.equal(code, 0, `${one.home} kindling ${words.join(' ')}: ${err}`);
  }
  assert.equal(statSync(join(user.home, output)).uid, isRoot ? NOBODY : process.getuid?.());
  assert.deepEqual(digests(join(user.home, output)), digests(join(root.home, output)), words.join(' '));
  for (const { home } of [root, user]) rmSync(join(home, output), { recursive: true });
}

/** Whether there are two kinds of people here: root, and one whom nothing is allowed. */
async function isPossible(t: TestContext): Promise<boolean> {
  if (!needs(t, isRoot ? 'setpriv' : 'unshare')) return false;
  const [asRoot, asUser] = [await ran(root, ['--version']), await ran(user, ['--version'])];
  if (asUser.code !== 0) t.skip(`the clone is closed to other users: ${asUser.err}`);
  else if (asRoot.code !== 0) t.skip(`no user namespaces here: ${asRoot.err}`);
  return asUser.code === 0 && asRoot.code === 0;
}

/** A root with a kernel and its modules as a tar archive that everybody may read. Drivers are left out of bundles: packing all takes long. */
async function archive(): Promise<string> {
  const base = await lateRoot();
  return await once(`no-root-${base.split('/').pop()}.tar`, async (scratch) => {
    await mustRun(KINDLING, ['pack', base, '--all-root', '--format', 'tar', '-o', scratch]);
    chmodSync(scratch, 0o644);
  });
}
const SMALL = ['--exclude', 'usr/lib/modules/*/kernel', '--codec', 'zstd:1', '--archive-codec', 'zstd:1'];

test('live media of a tar archive: every form', async (t) => {
  if (!(await isPossible(t)) || !needs(t, 'grub-mkimage', 'mke2fs', 'debugfs')) return;
  const tar = await archive();
  await same('live.iso', 'live', 'iso', '--root', tar, ...SMALL);
  // from here on the bundles are kept ones
  await same('stick.img', 'live', 'usb', '--root', tar, '--changes', '16M', ...SMALL);
  await same('disk.img', 'live', 'disk', '--root', tar, '--changes', '16M', ...SMALL);
  await same('folder', 'live', 'folder', '--root', tar, '--changes', '16M', ...SMALL);
});

test("live media of a directory, everything in them root's", async (t) => {
  if (!(await isPossible(t)) || !needs(t, 'grub-mkimage')) return;
  await same('live.iso', 'live', 'iso', '--root', await lateRoot(), '--all-root', ...SMALL);
});

test('archives, images and bundles', async (t) => {
  if (!(await isPossible(t))) return;
  const [tar, base] = [await archive(), await lateRoot()];
  await same('archive.img', 'build', '--root', tar, '--codec', 'zstd:1');
  await same('archive.img', 'build', '--root', base, '--codec', 'zstd:1', '--layout', 'squash');
  const few = ['--exclude', 'usr/lib', '--exclude', 'boot'];
  await same('10-a.sb', 'bundle', 'make', tar, ...few);
  await same('10-a.sb', 'bundle', 'make', base, '--all-root', ...few);
  const bin = join(base, 'usr/lib/modules');
  for (const format of ['squashfs', 'iso9660', 'tar', 'newc'])
    await same('packed', 'pack', join(bin, readdirSync(bin)[0]!, 'kernel/fs'), '--all-root', '--format', format);
  for (const one of [root, user]) {
    const { code, err } = await ran(one, ['plan', '--root', tar]);
    assert.equal(code, 0, err);
  }
});
