// `kindling pack` as a person runs it: any tree in any form, the same bytes every time, and what it says when something does not fit.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { needs, tool } from './tools.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
let folder = '';
const at = (name: string): string => join(folder, name);

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-pack-'));
  mkdirSync(at('tree/deep/er'), { recursive: true });
  writeFileSync(at('tree/text'), 'some text\n'.repeat(300));
  writeFileSync(at('tree/deep/program'), readFileSync(process.execPath).subarray(0, 700_001), { mode: 0o755 });
  writeFileSync(at('tree/deep/er/copy'), 'some text\n'.repeat(300));
  writeFileSync(at('tree/empty'), '');
  writeFileSync(at('tree/hole'), Buffer.alloc(300_000));
  symlinkSync('deep/program', at('tree/link'));
  linkSync(at('tree/text'), at('tree/other-name'));
  for (const path of [
    'tree/text',
    'tree/deep/program',
    'tree/deep/er/copy',
    'tree/empty',
    'tree/hole',
    'tree/deep/er',
    'tree/deep',
    'tree',
  ])
    utimesSync(at(path), 1_600_000_000, 1_600_000_000);
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function kindling(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Ended {
  const options = {
    encoding: 'utf8',
    cwd: folder,
    env: { ...process.env, XDG_CACHE_HOME: at('cache'), ...env },
    timeout: 120_000,
  } as const;
  const { status, stdout, stderr } = spawnSync(KINDLING, argv, options);
  return { code: status, out: stdout, err: stderr };
}

function pack(...argv: string[]): Ended {
  const ended = kindling(['pack', ...argv]);
  assert.equal(ended.code, 0, ended.err);
  return ended;
}

test('every codec, block size and fragment use: the same tree comes back, to us and to unsquashfs', (t) => {
  if (!needs(t, 'unsquashfs', 'diff')) return;
  for (const options of [
    [],
    ['--codec', 'gzip:6', '--block', '4K', '--fragments', 'none'],
    ['--codec', 'xz:1', '-X', 'bcj=x86', '--block', '1M', '--fragments', 'always', '--exports'],
    ['--codec', 'lz4', '--no-duplicates', '--no-sparse', '--no-xattrs'],
    ['--codec', 'zstd:19', '--block', '64K', '--all-root'],
  ]) {
    pack('tree', '-o', 'image', '--no-cache', ...options);
    assert.equal(
      kindling(['diff', 'image', 'tree']).code,
      process.getuid?.() === 0 || !options.includes('--all-root') ? 0 : 1,
      options.join(' '),
    );
    rmSync(at('unpacked'), { recursive: true, force: true });
    const foreign = spawnSync(tool('unsquashfs'), ['-d', 'unpacked', '-n', '-q', 'image'], { cwd: folder, encoding: 'utf8' });
    assert.equal(foreign.status, 0, foreign.stderr);
    assert.equal(spawnSync(tool('diff'), ['-r', '--no-dereference', 'tree', 'unpacked'], { cwd: folder }).status, 0);
  }
});

test('threads, cache, place and repetition do not show in the bytes', () => {
  pack('tree', '-o', 'one', '--codec', 'zstd:9', '--no-cache', '--threads', '1');
  const expected = readFileSync(at('one'));
  for (const options of [['--threads', '3', '--no-cache'], [], [], ['--threads', '2'], ['--cache-size', '1K']]) {
    pack('tree', '-o', 'again', '--codec', 'zstd:9', ...options);
    assert.ok(readFileSync(at('again')).equals(expected), options.join(' '));
  }
  assert.ok(spawnSync('cp', ['-a', at('tree'), at('elsewhere')]).status === 0);
  pack('elsewhere', '-o', 'again', '--codec', 'zstd:9');
  assert.ok(readFileSync(at('again')).equals(expected));
});

test('SOURCE_DATE_EPOCH is the time of the image, and no entry is later', () => {
  const ended = kindling(['pack', 'tree', '-o', 'epoch'], { SOURCE_DATE_EPOCH: '1500000000' });
  assert.equal(ended.code, 0, ended.err);
  assert.equal(readFileSync(at('epoch')).readUInt32LE(8), 1_500_000_000);
  const { entries } = JSON.parse(kindling(['list', '--json', 'epoch']).out) as { entries: { mtime: number }[] };
  assert.ok(entries.length >= 9 && entries.every(({ mtime }) => mtime === 1_500_000_000));
});

test('any image to any form, and back', () => {
  pack('tree', '-o', 'start', '--all-root');
  const forms = [
    ['tar', []],
    ['newc', ['--codec', 'zstd:1']],
    ['odc', ['--codec', 'gzip']],
    ['tar', ['--codec', 'xz:0']],
    ['squashfs', ['--codec', 'gzip:1']],
  ] as const;
  let source = 'start';
  for (const [index, [format, options]] of forms.entries()) {
    const target = `${index}.${format}${format === 'tar' && options.length > 0 ? '.xz' : ''}`;
    pack(source, '-o', target, '--format', format, ...options);
    source = target;
  }
  assert.equal(kindling(['diff', 'start', source]).out, '');
  assert.equal(kindling(['diff', 'start', source]).code, 0);
});

test('a sort file changes the order of data and nothing else', () => {
  writeFileSync(at('sort'), 'deep/program 5\ntext -10\n');
  pack('tree', '-o', 'plain', '--fragments', 'none', '--codec', 'lz4');
  pack('tree', '-o', 'sorted', '--fragments', 'none', '--codec', 'lz4', '--sort', 'sort');
  assert.ok(!readFileSync(at('plain')).equals(readFileSync(at('sorted'))));
  assert.equal(kindling(['diff', 'plain', 'sorted']).code, 0);
});

test('losses and wrong words are said before anything is written', (t) => {
  for (const [argv, code, why] of [
    [['tree'], 2, /-o FILE is missing/],
    [['tree', '-o', 'x', '--codec', 'brotli'], 2, /expected gzip, zstd, xz, lz4/],
    [['tree', '-o', 'x', '--block', '3K'], 2, /power of two/],
    [['tree', '-o', 'x', '--block', '2M'], 2, /power of two/],
    [['tree', '-o', 'x', '-X', 'level'], 2, /NAME=VALUE/],
    [['tree', '-o', 'x', '--format', 'tar', '--exports'], 2, /for squashfs images/],
    [['tree', '-o', 'x', '--cache-size', 'much'], 2, /bytes, with K, M or G/],
    [['nothing', '-o', 'x'], 3, /NO_ENTRY/],
    [['tree/text', '-o', 'x'], 3, /UNRECOGNISED/],
    [['tree', '-o', '/dev/null'], 4, /not written from front to back/],
  ] as const) {
    const ended = kindling(['pack', ...argv]);
    assert.equal(ended.code, code, argv.join(' '));
    assert.match(ended.err, why);
  }
  assert.ok(!readdirSync(folder).includes('x'));
  const dry = JSON.parse(kindling(['pack', 'tree', '-n', '--json']).out) as { written: boolean; entryCount: number };
  assert.deepEqual([dry.written, dry.entryCount], [false, 10]);
  if (!needs(t, 'mkfifo', 'setfattr', 'getfattr')) return;
  mkdirSync(at('odd'));
  writeFileSync(at('odd/file'), '');
  if (spawnSync(tool('setfattr'), ['-n', 'user.k', '-v', 'v', at('odd/file')]).status !== 0) return;
  const warned = pack('odd', '-o', 'odd.cpio', '--format', 'newc');
  assert.match(warned.err, /warning: newc: drops the extended attributes user.k: file/);
  assert.doesNotMatch(pack('odd', '-o', 'odd.image').err, /warning/);
});

test('without a cache it works, and says so with -v', () => {
  const ended = kindling(['pack', 'tree', '-o', 'image', '-v'], { XDG_CACHE_HOME: '/proc/nowhere' });
  assert.equal(ended.code, 0, ended.err);
  assert.match(ended.err, /without a block cache: .*nowhere/);
  assert.doesNotMatch(pack('tree', '-o', 'image').err, /cache/);
});

test('a signal in the middle leaves nothing behind, in the folder and in the cache', async () => {
  mkdirSync(at('busy'), { recursive: true });
  const bytes = readFileSync(process.execPath);
  writeFileSync(at('busy/a'), bytes);
  mkdirSync(at('out'));
  writeFileSync(at('out/image'), 'old');
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    const child = spawn(KINDLING, ['pack', 'busy', '-o', 'out/image', '--codec', 'xz:9'], {
      cwd: folder,
      env: { ...process.env, XDG_CACHE_HOME: at('cache2') },
      stdio: 'ignore',
    });
    while (child.exitCode === null && readdirSync(at('out')).length < 2) await sleep(20);
    await sleep(300);
    child.kill(signal);
    assert.deepEqual(await once(child, 'exit'), [code, null]);
    assert.deepEqual(readdirSync(at('out')), ['image']);
    assert.equal(readFileSync(at('out/image'), 'utf8'), 'old');
    assert.deepEqual(
      readdirSync(at('cache2/kindling/blocks')).filter((name) => name.startsWith('.')),
      [],
    );
  }
  chmodSync(at('out'), 0o755);
});

test('an ISO 9660 image is packed, listed, compared and extracted, and is the same every time', () => {
  for (const name of ['one.iso', 'two.iso'])
    assert.equal(kindling(['pack', at('tree'), '-o', at(name), '--format', 'iso9660', '--label', 'PACKED', '--joliet']).code, 0);
  assert.ok(readFileSync(at('one.iso')).equals(readFileSync(at('two.iso'))));
  assert.equal(readFileSync(at('one.iso')).subarray(32808, 32814).toString(), 'PACKED');
  assert.equal(kindling(['diff', at('tree'), at('one.iso')]).code, 0);
  assert.equal(kindling(['cat', at('one.iso'), 'deep/er/copy']).out, 'some text\n'.repeat(300));
  assert.equal(kindling(['extract', at('one.iso'), '-C', at('from-iso')]).code, 0);
  assert.equal(kindling(['diff', at('tree'), at('from-iso')]).code, 0);
  const wrong = kindling(['pack', at('tree'), '-o', at('x'), '--format', 'tar', '--joliet']);
  assert.deepEqual([wrong.code, /--joliet is for iso9660 images/.test(wrong.err)], [2, true]);
});

test('a FAT volume is packed, and other programs read it; the same every time, compressed or not', (t) => {
  if (!needs(t, 'fsck.fat', 'mcopy', 'mlabel')) return;
  const ran = (program: string, ...words: string[]): string => {
    const { status, stdout, stderr } = spawnSync(tool(program), words, {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C', MTOOLSRC: '/dev/null' },
    });
    assert.equal(status, 0, `${program} ${words.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  };
  const pack = (name: string, ...words: string[]) => kindling(['pack', at('tree'), '-o', at(name), '--format', 'fat', ...words]);
  const first = pack('one.fat', '--label', 'PACKED');
  assert.deepEqual([first.code, /has no form for a symlink, which is left out: link/.test(first.err)], [0, true], first.err);
  assert.equal(pack('two.fat', '--label', 'PACKED').code, 0);
  assert.ok(readFileSync(at('one.fat')).equals(readFileSync(at('two.fat'))));
  assert.equal(pack('three.fat.zst', '--label', 'PACKED', '--codec', 'zstd:1').code, 0);
  assert.ok(readFileSync(at('one.fat')).equals(zstdDecompressSync(readFileSync(at('three.fat.zst')))));
  assert.match(ran('fsck.fat', '-n', '-v', at('one.fat')), /FAT12|12 bit/);
  assert.match(ran('mlabel', '-s', '-i', at('one.fat'), '::'), /PACKED/);
  mkdirSync(at('from-fat'));
  ran('mcopy', '-s', '-i', at('one.fat'), '::deep', at('from-fat'));
  assert.ok(readFileSync(at('from-fat/deep/program')).equals(readFileSync(at('tree/deep/program'))));
  assert.equal(kindling(['cat', at('one.fat'), 'other-name']).out, 'some text\n'.repeat(300));
  assert.equal(pack('large.fat', '--size', '40M', '--fat-type', '32').code, 0);
  assert.equal(readFileSync(at('large.fat')).length, 40 << 20);
  assert.match(ran('fsck.fat', '-n', '-v', at('large.fat')), /32 bit/);
  for (const [words, code, said] of [
    [['--size', '64K'], 3, /LIMIT/],
    [['--label', 'more than eleven'], 3, /BAD_VALUE/],
    [['--joliet'], 2, /--joliet is for iso9660 images, and the format is fat/],
    [['--block', '4K'], 2, /--block is for squashfs images/],
  ] as const) {
    const refused = pack('none.fat', ...words);
    assert.deepEqual([refused.code, said.test(refused.err)], [code, true], `${words.join(' ')}: ${refused.err}`);
  }
  assert.ok(!readdirSync(folder).includes('none.fat'));
});
