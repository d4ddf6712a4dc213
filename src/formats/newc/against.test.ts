// newc, crc and odc against GNU cpio and bsdtar, in both directions.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, tool } from '../../../test/tools.ts';
import { bytesSource } from '../../bytes/index.ts';
import { parseManifest, printManifest } from '../../tree/index.ts';
import { type CpioArchive, replay } from '../cpio/index.ts';
import * as odc from '../odc/index.ts';
import * as newc from './index.ts';

const MANIFEST = `directory 0750 0 0 86400 d
file 0644 0 0 86400 d/a data=hello\\x0a
hardlink 0644 0 0 86400 d/b to=d/a
file 0600 0 0 86400 d/empty data=
symlink 0777 0 0 86400 d/l target=a
file 0755 0 0 86400 odd\\x20name\\xc3\\x28 data=123
`;

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-cpio-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The manifest's tree on disk, made with Node alone. */
function makeFiles(folder: string): void {
  mkdirSync(join(folder, 'd'), { mode: 0o750 });
  chmodSync(join(folder, 'd'), 0o750);
  writeFileSync(join(folder, 'd/a'), 'hello\n');
  linkSync(join(folder, 'd/a'), join(folder, 'd/b'));
  writeFileSync(join(folder, 'd/empty'), '', { mode: 0o600 });
  symlinkSync('a', join(folder, 'd/l'));
  utimesSync(join(folder, 'd/a'), 86400, 86400);
}

function manifestOf(archive: CpioArchive): string {
  assert.equal(archive.fault, undefined);
  const root = replay();
  for (const record of archive.records) root.add(record);
  assert.deepEqual(root.findings, []);
  return printManifest(root.tree(), { data: true });
}

for (const [name, format] of [
  ['newc', newc],
  ['odc', odc],
] as const) {
  test(`GNU cpio reads our ${name}`, (t) => {
    if (!needs(t, 'cpio')) return;
    const folder = scratch(t);
    const input = format.encodeWhole(parseManifest(MANIFEST).entries);
    const names = execFileSync(tool('cpio'), ['-t', '--quiet'], { input, encoding: 'latin1' });
    assert.deepEqual(names.trimEnd().split('\n'), ['d', 'd/a', 'd/b', 'd/empty', 'd/l', 'odd name\xc3(']);
    execFileSync(tool('cpio'), ['-idm', '--quiet', '--no-preserve-owner'], { input, cwd: folder });
    assert.equal(readFileSync(join(folder, 'd/a'), 'utf8'), 'hello\n');
    assert.equal(lstatSync(join(folder, 'd/a')).ino, lstatSync(join(folder, 'd/b')).ino);
    assert.equal(readlinkSync(join(folder, 'd/l')), 'a');
    assert.equal(lstatSync(join(folder, 'd/empty')).mode & 0o7777, 0o600);
    assert.equal(lstatSync(join(folder, 'd/a')).mtimeMs, 86400_000);
  });

  test(`bsdtar reads our ${name}`, (t) => {
    if (!needs(t, 'bsdtar')) return;
    const folder = scratch(t);
    execFileSync(tool('bsdtar'), ['-xf', '-'], { input: format.encodeWhole(parseManifest(MANIFEST).entries), cwd: folder });
    assert.equal(readFileSync(join(folder, 'd/b'), 'utf8'), 'hello\n');
    assert.equal(lstatSync(join(folder, 'd/a')).ino, lstatSync(join(folder, 'd/b')).ino);
    assert.equal(lstatSync(join(folder, 'd')).mode & 0o7777, 0o750);
  });
}

for (const [form, format] of [
  ['newc', newc],
  ['crc', newc],
  ['odc', odc],
] as const) {
  test(`we read GNU cpio's ${form}`, (t) => {
    if (!needs(t, 'cpio')) return;
    const folder = scratch(t);
    makeFiles(folder);
    const input = 'd\nd/a\nd/b\nd/empty\nd/l\n';
    const bytes = execFileSync(tool('cpio'), ['-o', '--quiet', '--reproducible', '-H', form], { input, cwd: folder });
    const manifest = manifestOf(format.decode(bytesSource(bytes))).replace(/^(\S+ \S+) \d+ \d+ \d+/gm, '$1');
    const expected =
      'directory 0750 d\nfile 0644 d/a size=6 data=hello\\x0a\nhardlink 0644 d/b to=d/a\nfile 0600 d/empty size=0 data=\nsymlink 0777 d/l target=a\n';
    assert.equal(manifest, expected);
  });
}

for (const [form, format] of [
  ['newc', newc],
  ['odc', odc],
] as const) {
  test(`we read bsdtar's ${form}`, (t) => {
    if (!needs(t, 'bsdtar')) return;
    const folder = scratch(t);
    makeFiles(folder);
    const bytes = execFileSync(tool('bsdtar'), ['-cf', '-', `--format=${form}`, 'd'], { cwd: folder });
    const lines = manifestOf(format.decode(bytesSource(bytes)));
    assert.match(lines, /^file 0644 \d+ \d+ 86400 d\/a size=6 data=hello\\x0a$/m);
    assert.match(lines, /^hardlink 0644 \d+ \d+ 86400 d\/b to=d\/a$/m);
    assert.match(lines, /^symlink \d+ \d+ \d+ \d+ d\/l target=a$/m);
  });
}
