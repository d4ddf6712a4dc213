// A medium of Debian packages alone, by an ordinary user: mmdebstrap in a user namespace of its own. The same by root is how test/world/live-root.ts
// gets its root.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { findTool, needs } from './tools.ts';
import { CLONE, run } from './world/index.ts';

const NOBODY = 65534;
const folder = mkdtempSync(join(tmpdir(), 'kindling-no-root-'));
chmodSync(folder, 0o755);
after(() => rmSync(folder, { recursive: true, force: true }));

/** The words that start a program as somebody without privilege who has a range of user numbers; undefined where there is no such person. */
async function starts(t: TestContext, home: string): Promise<readonly string[] | undefined> {
  if (process.getuid?.() !== 0) {
    const { username } = userInfo();
    const has = (file: string): boolean =>
      existsSync(file) &&
      readFileSync(file, 'utf8')
        .split('\n')
        .some((line) => line.startsWith(`${username}:`));
    if (has('/etc/subuid') && has('/etc/subgid')) return [];
    t.skip(`${username} has no range of numbers in /etc/subuid`);
    return undefined;
  }
  if (!needs(t, 'unshare', 'setpriv')) return undefined;
  chownSync(home, NOBODY, NOBODY);
  const range = join(folder, 'range');
  writeFileSync(range, 'nobody:100000:65536\n');
  const mounts =
    'for file in /etc/subuid /etc/subgid; do mount --bind "$0" $file || exit; done; exec setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all "$@"';
  const words = [findTool('unshare')!, '--mount', 'sh', '-c', mounts, range];
  const [program = '', ...rest] = [...words, 'unshare', '--map-root-user', 'true'];
  const tried = await run(program, rest);
  if (tried.code === 0) return words;
  t.skip(`no user namespaces for ordinary users here: ${tried.stderr.trim()}`);
  return undefined;
}

test('an image of packages by an ordinary user, in a user namespace', async (t) => {
  if (!needs(t, 'mmdebstrap', 'newuidmap', 'grub-mkimage')) return;
  const home = join(folder, 'home');
  mkdirSync(home);
  const first = await starts(t, home);
  if (first === undefined) return;
  const env = { HOME: home, TMPDIR: home, XDG_CACHE_HOME: join(home, 'cache') };
  const kindling = (...words: readonly string[]) => {
    const [program = '', ...rest] = [...first, join(CLONE, 'bin/kindling'), ...words];
    return run(program, rest, { cwd: home, env, timeout: 900_000 });
  };
  const packages = 'linux-image-cloud-amd64,busybox,kmod';
  const small = ['--exclude', 'usr/lib/modules/*/kernel', '--codec', 'zstd:1', '--archive-codec', 'zstd:1'];
  const made = await kindling('live', 'iso', '--packages', packages, '-o', 'live.iso', '--json', ...small);
  assert.equal(made.code, 0, made.stderr);
  const checked = await kindling('verify', 'live.iso');
  assert.equal(checked.code, 0, checked.stderr);
  // Owners are those of Debian, not those of whoever made it.
  const extracted = await kindling('extract', 'live.iso', 'kindling/01-core.sb', '-C', 'out');
  assert.equal(extracted.code, 0, extracted.stderr);
  const rows = (await kindling('list', 'out/kindling/01-core.sb', '--json')).stdout.toString();
  const { entries } = JSON.parse(rows) as { entries: { path: string; uid: number; gid: number }[] };
  const ownerOf = (path: string): string => {
    const entry = entries.find((one) => one.path === path);
    return `${entry?.uid}:${entry?.gid}`;
  };
  assert.equal(ownerOf('usr/bin/passwd'), '0:0');
  assert.equal(ownerOf('etc/shadow'), '0:42');
});
