// Writing trees below a directory: what arrives, what stays untouched, what is refused.
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KindlingError } from '../errors.ts';
import { file, makeTree, parseManifest, printManifest } from '../tree/index.ts';
import { directoryTree } from './directory.ts';
import { extractTree } from './extract.ts';

const me = `${process.getuid?.()} ${process.getgid?.()}`;
const manifest = (...lines: string[]) => parseManifest(lines.join('\n').replaceAll('ME', me)).entries;

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-extract-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'outside'));
  writeFileSync(join(folder, 'outside/secret'), 'untouched');
  return folder;
}

test('every kind a user can make arrives with mode, time, links and odd names', async (t) => {
  const folder = scratch(t);
  const lines = [
    'directory 0555 ME 100 d',
    'file 0640 ME 86400 d/a data=hello',
    'hardlink 0640 ME 86400 d/b to=d/a',
    'file 0600 ME 5 d/odd\\x0aname\\xff data=x',
    'directory 0700 ME 7 d/sub',
    'symlink 0777 ME 9 l target=../outside/secret',
  ];
  const target = join(folder, 'target');
  const result = await extractTree(manifest(...lines), target);
  assert.deepEqual(result.skipped, []);
  const back = printManifest(makeTree(directoryTree(target).entries.filter(({ path }) => path !== '')), { data: true });
  assert.equal(back.replace(/ size=\d+/g, ''), `${lines.join('\n').replaceAll('ME', me)}\n`);
  chmodSync(join(target, 'd'), 0o755);
});

test('what is there already: files and links are replaced and never written through, directories stay', async (t) => {
  const folder = scratch(t);
  const target = join(folder, 'target');
  mkdirSync(join(target, 'd'), { recursive: true });
  writeFileSync(join(target, 'd/kept'), 'kept');
  symlinkSync('../../outside/secret', join(target, 'd/f'));
  writeFileSync(join(target, 'l'), 'old');
  await extractTree(manifest('directory 0755 ME 0 d', 'file 0644 ME 0 d/f data=new', 'symlink 0777 ME 0 l target=x'), target);
  assert.equal(readFileSync(join(folder, 'outside/secret'), 'utf8'), 'untouched');
  assert.equal(readFileSync(join(target, 'd/f'), 'utf8'), 'new');
  assert.equal(lstatSync(join(target, 'd/f')).isSymbolicLink(), false);
  assert.equal(readlinkSync(join(target, 'l')), 'x');
  assert.equal(readFileSync(join(target, 'd/kept'), 'utf8'), 'kept');
});

test('a link where a directory must be is refused', async (t) => {
  const folder = scratch(t);
  const target = join(folder, 'target');
  mkdirSync(target);
  symlinkSync('../outside', join(target, 'd'));
  await assert.rejects(extractTree(manifest('directory 0755 ME 0 d', 'file 0644 ME 0 d/secret data=evil'), target), {
    code: 'UNSAFE_PATH',
  });
  assert.deepEqual(readdirSync(join(folder, 'outside')), ['secret']);
  assert.equal(readFileSync(join(folder, 'outside/secret'), 'utf8'), 'untouched');
});

test('a directory that is swapped for a link meanwhile is not followed', async (t) => {
  const folder = scratch(t);
  const target = join(folder, 'target');
  const onEntry = (path: string) => {
    if (path !== 'd/secret') return;
    rmSync(join(target, 'd'), { recursive: true });
    symlinkSync('../outside', join(target, 'd'));
  };
  await assert.rejects(extractTree(manifest('directory 0755 ME 0 d', 'file 0644 ME 0 d/secret data=evil'), target, { onEntry }));
  assert.equal(readFileSync(join(folder, 'outside/secret'), 'utf8'), 'untouched');
});

test('a full directory where a file must be is a conflict', async (t) => {
  const folder = scratch(t);
  mkdirSync(join(folder, 'target/f'), { recursive: true });
  await extractTree(manifest('file 0644 ME 0 f data=x'), join(folder, 'target'));
  mkdirSync(join(folder, 'target/g/h'), { recursive: true });
  await assert.rejects(extractTree(manifest('file 0644 ME 0 g data=x'), join(folder, 'target')), { code: 'CONFLICT' });
});

test('content that fails leaves no half file, and what was written before stays', async (t) => {
  const folder = scratch(t);
  const broken = {
    size: 3 << 20,
    read(at: number, size: number) {
      if (at > 0) throw new KindlingError('TRUNCATED', 'the frame ends');
      return new Uint8Array(size);
    },
  };
  const entries = [...manifest('file 0644 ME 0 a data=x'), file('b', broken)];
  await assert.rejects(extractTree(entries, join(folder, 'target')), { code: 'TRUNCATED' });
  assert.deepEqual(readdirSync(join(folder, 'target')), ['a']);
});

test('a socket is left out and said so; an entry without its directory is a defect', async (t) => {
  const folder = scratch(t);
  const result = await extractTree(manifest('socket 0600 ME 0 s'), join(folder, 'target'));
  assert.deepEqual(
    result.skipped.map(({ path, what }) => [path, what]),
    [['s', 'entry']],
  );
  const [, orphan] = manifest('directory 0755 ME 0 d', 'file 0644 ME 0 d/f data=x');
  await assert.rejects(extractTree([orphan!], join(folder, 'target')), { code: 'INTERNAL' });
});

test('a target whose parent is not there is an error and nothing is made', async (t) => {
  const folder = scratch(t);
  await assert.rejects(extractTree(manifest('file 0644 ME 0 f data=x'), join(folder, 'no/such')), { code: 'NO_ENTRY' });
  assert.equal(existsSync(join(folder, 'no')), false);
});
