// The Debian package installed as its users do it: with dpkg, in a Debian root of its own, on no network and without any other Node. What it
// does when files change, that it changes nothing until it is told to, and that it leaves nothing behind.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { makePackage } from '../scripts/package.ts';
import { VERBS } from '../src/cli/verbs.ts';
import { type PackageRoot, packageRoot } from './package-root.ts';
import { needs } from './tools.ts';
import { type Ran, run } from './world/index.ts';

const FIRST = '0.0.1';
const SECOND = '0.0.2';
const skip = process.platform === 'linux' && process.arch === 'x64' ? false : 'the Debian root of this test is one for x64';

let folder = '';

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-package-'));
  if (skip !== false) return;
  await makePackage(join(folder, `${FIRST}.deb`), { codec: 'gzip:1', version: FIRST });
  await makePackage(join(folder, `${SECOND}.deb`), { codec: 'gzip:1', version: SECOND });
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A root with the packages' files lying in it, not yet installed. */
async function rootFor(t: TestContext): Promise<PackageRoot | undefined> {
  if (!needs(t, 'unshare', 'chroot', 'mount')) return undefined;
  const root = await packageRoot(t);
  for (const version of [FIRST, SECOND]) cpSync(join(folder, `${version}.deb`), join(root.folder, `${version}.deb`));
  return root;
}

function said(ran: Ran): string {
  assert.equal(ran.code, 0, `${ran.stdout}${ran.stderr}`);
  return `${ran.stdout}${ran.stderr}`;
}

/** All paths of a root but for what dpkg and the logs keep of any package. */
function paths(root: PackageRoot): string[] {
  const all = readdirSync(root.folder, { recursive: true, encoding: 'utf8' });
  return all.filter((path) => !/^(var\/lib\/dpkg|var\/log|proc|dev)\//.test(path)).sort();
}

/** What appeared (+) and vanished (-) between two listings. Comparing the listings themselves prints a thousand paths, after minutes. */
function changes(before: readonly string[], now: readonly string[]): string[] {
  const [old, fresh] = [new Set(before), new Set(now)];
  return [
    ...now.filter((path) => !old.has(path)).map((path) => `+${path}`),
    ...before.filter((path) => !fresh.has(path)).map((path) => `-${path}`),
  ];
}

const boot = (root: PackageRoot): string[] => readdirSync(join(root.folder, 'boot')).sort();

test('installed with dpkg: every verb answers, an archive is planned, built, squashed and verified, its page is read', {
  skip,
}, async (t) => {
  const root = await rootFor(t);
  if (root === undefined) return;
  const before = boot(root);
  assert.match(said(await root.run('dpkg', '-i', `/${FIRST}.deb`)), /Setting up kindling \(0\.0\.1\)/);
  assert.deepEqual(boot(root), before, 'nothing about booting has changed');
  assert.notEqual((await root.run('node', '--version')).code, 0, 'there is no Node on PATH');
  assert.equal(said(await root.run('kindling', '--version')), `kindling ${FIRST}\n`);
  assert.equal(said(await root.run('dpkg', '-V', 'kindling')), '');
  for (const { name, summary } of VERBS) {
    assert.ok(said(await root.run('kindling', name, '--help')).includes(summary.slice(1)), name);
    assert.match(said(await root.run('man', '-P', 'cat', `kindling-${name}`)), new RegExp(`KINDLING-${name}`, 'i'));
  }
  const plan = JSON.parse((await root.run('kindling', 'plan', '--json')).stdout.toString());
  assert.equal(plan.kernel.version ?? plan.kernel, root.kernelVersion);
  said(await root.run('kindling', 'build', '-o', '/tmp/plain.img'));
  said(await root.run('kindling', 'squash', '/tmp/plain.img', '-o', '/tmp/squash.img', '--codec', 'xz'));
  for (const image of ['plain', 'squash']) assert.match(said(await root.run('kindling', 'verify', `/tmp/${image}.img`)), /^fine/m);
  // what root starts writes nothing into the cache that the package made
  const cache = (): string => readdirSync(join(root.folder, 'var/cache/kindling'), { recursive: true }).join();
  const cached = cache();
  assert.notEqual(cached, '');
  said(await root.run('kindling', 'list', '/tmp/plain.img'));
  assert.equal(cache(), cached);
});

test('removed and purged, the root holds what it held before', { skip }, async (t) => {
  const root = await rootFor(t);
  if (root === undefined) return;
  const before = paths(root);
  said(await root.run('dpkg', '-i', `/${FIRST}.deb`));
  said(await root.run('dpkg', '-i', `/${SECOND}.deb`));
  assert.equal(said(await root.run('kindling', '--version')), `kindling ${SECOND}\n`);
  said(await root.run('dpkg', '-r', 'kindling'));
  assert.deepEqual(changes(before, paths(root)), []);
  said(await root.run('dpkg', '-P', 'kindling'));
  assert.deepEqual(changes(before, paths(root)), []);
  assert.ok(!/kindling/.test(readFileSync(join(root.folder, 'var/lib/dpkg/status'), 'utf8')));
  const triggers = join(root.folder, 'var/lib/dpkg/triggers');
  for (const name of readdirSync(triggers)) assert.ok(!/kindling/.test(readFileSync(join(triggers, name), 'utf8')), name);
});

test('triggers: nothing is done until "kindling install", then archives follow, and removal takes all of it back', { skip }, async (t) => {
  const root = await rootFor(t);
  if (root === undefined) return;
  const before = paths(root);
  const archive = join(root.folder, `boot/kindling-${root.kernelVersion}.img`);
  const fire = async (): Promise<string> => {
    said(await root.run('dpkg-trigger', '--no-await', '--by-package=e2fsprogs', 'update-initramfs'));
    return said(await root.run('dpkg', '--triggers-only', '-a'));
  };
  said(await root.run('dpkg', '-i', `/${FIRST}.deb`));
  const installed = paths(root);
  assert.match(await fire(), /Processing triggers for kindling/);
  assert.deepEqual(changes(installed, paths(root)), [], 'not set up: the trigger does nothing');

  said(await root.run('kindling', 'install'));
  await fire();
  assert.ok(existsSync(archive), 'set up: the trigger makes the archive');
  said(await root.run('kindling', 'update', '-n'));
  // a later kindling is one of the things that archives are made from
  said(await root.run('dpkg', '-i', `/${SECOND}.deb`));
  said(await root.run('kindling', 'update', '-n'));

  said(await root.run('dpkg', '-P', 'kindling'));
  assert.deepEqual(changes(before, paths(root)), []);
});

test('an update that fails makes dpkg say so, and the package can be configured again', { skip }, async (t) => {
  const root = await rootFor(t);
  if (root === undefined) return;
  said(await root.run('dpkg', '-i', `/${FIRST}.deb`));
  said(await root.run('kindling', 'install'));
  // something else lies where the archive should be, and is not touched
  const archive = join(root.folder, `boot/kindling-${root.kernelVersion}.img`);
  writeFileSync(archive, 'not ours\n');
  const failed = await root.run('sh', '-c', 'dpkg-trigger --no-await --by-package=e2fsprogs update-initramfs && dpkg --triggers-only -a');
  assert.notEqual(failed.code, 0);
  assert.match(failed.stderr, /error processing package kindling/);
  assert.equal(readFileSync(archive, 'utf8'), 'not ours\n');
  rmSync(archive);
  said(await root.run('dpkg', '--configure', '-a'));
  assert.ok(existsSync(archive));
  assert.match(readFileSync(join(root.folder, 'var/lib/dpkg/status'), 'utf8'), /Package: kindling\nStatus: install ok installed\n/);
});

test("lintian, Debian's own checker, finds nothing to say", { skip }, async (t) => {
  if (!needs(t, 'lintian')) return;
  const ran = await run('lintian', ['--fail-on', 'error,warning', join(folder, `${FIRST}.deb`)], { timeout: 300_000 });
  assert.equal(ran.code, 0, ran.stdout.toString());
});
