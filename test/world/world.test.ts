import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, tool } from '../tools.ts';
import { debianLines, debianStanzas } from './apt.ts';
import { cacheFolder, diskImage, mustRun, once, partitionedDisk, run, uuidOf } from './index.ts';
import { xfsPrototype } from './xfs-prototype.ts';

function sampleFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-world-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'etc'));
  writeFileSync(join(folder, 'etc/secret'), 'hidden\n');
  chmodSync(join(folder, 'etc/secret'), 0o640);
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/su'), '#!\n');
  chmodSync(join(folder, 'bin/su'), 0o4755);
  symlinkSync('su', join(folder, 'bin/link'));
  return folder;
}

/** Keeps the cache free of what a test made. */
function dropped(t: TestContext, path: string): string {
  t.after(() => rmSync(path, { force: true }));
  return path;
}

test('apt sources: only Debian\'s own, only binary packages of "main"', () => {
  const text = `# a comment
Types: deb deb-src
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://other.example.org/node_20.x
Suites: nodistro
Components: main

Types: deb
URIs: http://mirror.example.org/debian
Suites: sid
Components: main
Enabled: no
`;
  assert.deepEqual(debianStanzas(text), [
    'Types: deb\nURIs: http://mirror.example.org/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
  ]);
  const lines = `deb [signed-by=/k.gpg] http://ftp.example.org/debian bookworm main non-free
deb-src http://ftp.example.org/debian bookworm main
deb http://packages.example.org/apt cloud main
`;
  assert.deepEqual(debianLines(lines), [
    'Types: deb\nURIs: http://ftp.example.org/debian\nSuites: bookworm\nComponents: main\nSigned-By: /k.gpg\n',
  ]);
});

test('once: several that want the same thing get it from one maker, and a failure leaves nothing', async (t) => {
  const name = `once-${process.pid}`;
  dropped(t, join(cacheFolder(), name));
  let made = 0;
  const make = async (scratch: string) => {
    made += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    writeFileSync(scratch, 'x');
  };
  const paths = await Promise.all([once(name, make), once(name, make), once(name, make)]);
  assert.deepEqual(new Set(paths).size, 1);
  assert.equal(made, 1);
  const failing = `${name}-failing`;
  await assert.rejects(
    once(failing, (scratch) => {
      writeFileSync(scratch, 'half');
      throw new Error('no');
    }),
    /no/,
  );
  for (const left of ['', '.lock', '.making']) assert.ok(!existsSync(join(cacheFolder(), `${failing}${left}`)), left);
});

test('an ext4 image holds the folder, owned as told, whoever made it', async (t) => {
  if (!needs(t, 'mkfs.ext4', 'debugfs', 'e2fsck')) return;
  const root = sampleFolder(t);
  const owners = new Map([['etc/secret', { uid: 0, gid: 42 }]]);
  const image = dropped(t, await diskImage({ fs: 'ext4', root, label: 'test', owners }));
  const facts = async (path: string) => (await run(tool('debugfs'), ['-R', `stat ${path}`, image])).stdout.toString();
  assert.match(await facts('/etc/secret'), /Mode: {2}0640[\s\S]*User: +0 +Group: +42 /);
  assert.match(await facts('/bin/su'), /Mode: {2}04755[\s\S]*User: +0 +Group: +0 /);
  assert.match(await facts('/'), /User: +0 +Group: +0 /);
  assert.equal((await run(tool('e2fsck'), ['-fn', image])).code, 0);
  assert.match(await mustRun(tool('blkid'), ['-p', image]), new RegExp(`LABEL="test" .*${uuidOf('test')}`));
});

test('a partitioned disk holds the image in its second partition', async (t) => {
  if (!needs(t, 'mkfs.ext4', 'debugfs', 'sfdisk')) return;
  const root = sampleFolder(t);
  const image = dropped(t, await diskImage({ fs: 'ext4', root, label: 'part' }));
  const disk = dropped(t, await partitionedDisk({ image, partLabel: 'here' }));
  const table = JSON.parse(await mustRun(tool('sfdisk'), ['--json', disk])) as {
    partitiontable: { partitions: { start: number; name: string; uuid: string }[] };
  };
  const second = table.partitiontable.partitions[1];
  assert.equal(second?.name, 'here');
  assert.equal(second?.uuid.toLowerCase(), uuidOf('here'));
  assert.match(await mustRun(tool('blkid'), ['-p', '-O', String((second?.start ?? 0) * 512), disk]), /LABEL="part"/);
});

test('the prototype of an XFS names owners, modes and links', (t) => {
  const root = sampleFolder(t);
  const text = xfsPrototype(root, new Map([['etc/secret', { uid: 0, gid: 42 }]]));
  assert.equal(
    text,
    `/dev/null\n0 0\nd--755 0 0\n bin d--755 0 0\n  link l--777 0 0 su\n  su -u-755 0 0 ${root}/bin/su\n $\n etc d--755 0 0\n  secret ---640 0 42 ${root}/etc/secret\n $\n$\n$\n`,
  );
});
