// `kindling build --layout` and `kindling squash` as a person runs them, on small roots: bytes, refusals, what is picked and why.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encode } from '../src/archive/index.ts';
import { planOf, sha256, treeOf } from '../src/archive/plans.fixture.ts';
import { makeProgram } from '../src/formats/elf/index.ts';
import { encodeWhole } from '../src/formats/newc/index.ts';
import type { Root } from '../src/plan/index.ts';
import { busybox, sample } from '../src/plan/sample.fixture.ts';
import { writeRoot } from './on-disk.ts';

const KINDLING = fileURLToPath(new URL('../bin/kindling', import.meta.url));
let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kindling-squash-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const APPLETS =
  '[ [[ ash blkid cat chroot dd echo ls mkdir mkfifo modprobe mount od pivot_root readlink rm sh sleep switch_root umount vi'.split(' ');
const MODULES = { 'kernel/drivers/block/loop.ko': {}, 'kernel/fs/squashfs/squashfs.ko': {}, 'kernel/fs/overlayfs/overlay.ko': {} };

/** A root whose kernel can mount an image, with changes. */
function able(files: Readonly<Record<string, string | Uint8Array | undefined>> = {}): Root {
  return sample({ 'usr/bin/busybox': busybox(APPLETS), ...files }, MODULES);
}

function onDisk(root: Root, name: string): string {
  return writeRoot(root, join(folder, name));
}

function kindling(...argv: string[]): { code: number | null; out: string; err: string } {
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') };
  const { status, stdout, stderr } = spawnSync(KINDLING, argv, { encoding: 'utf8', cwd: folder, env });
  return { code: status, out: stdout, err: stderr };
}

function built(root: string, output: string, ...words: string[]): Buffer {
  const made = kindling('build', '--root', root, '-o', output, ...words);
  assert.equal(made.code, 0, made.err);
  return readFileSync(join(folder, output));
}

test('a squashed archive is the same on any number of threads, with and without a cache', () => {
  const root = onDisk(able(), 'same');
  const first = built(root, 'first.img', '--layout', 'squash', '--threads', '1', '--no-cache');
  assert.ok(first.equals(built(root, 'second.img', '--layout', 'squash', '--threads', '3')));
  assert.ok(first.equals(built(root, 'third.img', '--layout', 'squash')), 'from the cache');
  assert.ok(!first.equals(built(root, 'other.img', '--layout', 'squash', '--image-codec', 'gzip')));
});

test('the loader is outside, everything else in the image; the reasons know both', () => {
  const root = onDisk(able(), 'shown');
  built(root, 'shown.img', '--layout', 'squash');
  const image = join(folder, 'shown.img');
  const listed = kindling('list', image).out.split('\n');
  for (const path of ['squash-root.img', 'usr/lib/kindling/squash.conf', 'usr/lib/kindling/id', 'usr/lib/kindling/squash/leave']) {
    assert.ok(listed.includes(path), `${path} is missing`);
  }
  assert.match(
    kindling('why', image, 'squash-root.img').out,
    /^squash-root\.img: the image with all else in it, mounted by the loader \[squash\]\n$/,
  );
  assert.match(kindling('why', image, 'usr/lib/modules/6.1.0-sample/kernel/fs/jbd2/jbd2.ko').out, /dependency of ext4/);
});

test('the first layout keeps the stock init behind the loader', () => {
  built(onDisk(able(), 'first'), 'usr.img', '--layout', 'squash-usr');
  const listed = kindling('list', join(folder, 'usr.img')).out.split('\n');
  for (const path of ['init', 'init.stock', 'squash/root.img']) assert.ok(listed.includes(path), `${path} is missing`);
  assert.ok(!listed.includes('squash-root.img'));
});

test('without busybox the loader has single programs; a root that lacks one is refused by its name', () => {
  const program = makeProgram({ static: true });
  const names = 'sh mount umount modprobe switch_root sleep mkdir cat rm chroot pivot_root'.split(' ');
  const programs = Object.fromEntries(names.map((name) => [`usr/bin/${name}`, program]));
  built(onDisk(able({ 'usr/bin/busybox': undefined, ...programs }), 'programs'), 'programs.img', '--layout', 'squash');
  const conf = kindling('cat', join(folder, 'programs.img'), 'usr/lib/kindling/squash.conf').out;
  assert.match(conf, /^TOOLS='programs'$/m);
  const lacking = onDisk(able({ 'usr/bin/busybox': undefined, ...programs, 'usr/bin/pivot_root': undefined }), 'lacking');
  const refused = kindling('build', '--root', lacking, '-o', 'lacking.img', '--layout', 'squash');
  assert.equal(refused.code, 3, refused.err);
  assert.match(refused.err, /NO_PROGRAM.*pivot_root.*the loader/);
  assert.equal(built(lacking, 'lacking.img').length > 0, true, 'plain it can be built');
});

test('a kernel that cannot mount the image is refused with the reason, and nothing is written', () => {
  const cases: [RegExp, Root, string[]][] = [
    [/UNSUPPORTED.*no "squashfs", neither as a module nor built in, which reads the image/, sample(), []],
    [/CONFIG_OVERLAY_FS.*makes it writable/, sample({ 'boot/config-6.1.0-sample': 'CONFIG_SQUASHFS=y\nCONFIG_BLK_DEV_LOOP=y\n' }), []],
    [/no CONFIG_SQUASHFS_ZSTD.*zstd/, able({ 'boot/config-6.1.0-sample': 'CONFIG_RD_ZSTD=y\nCONFIG_SQUASHFS=m\n' }), []],
    [/no CONFIG_SQUASHFS_XZ/, able({ 'boot/config-6.1.0-sample': 'CONFIG_RD_ZSTD=y\nCONFIG_SQUASHFS_ZSTD=y\n' }), ['--image-codec', 'xz']],
  ];
  for (const [index, [message, root, words]] of cases.entries()) {
    const made = kindling('build', '--root', onDisk(root, `refused${index}`), '-o', 'refused.img', '--layout', 'squash', ...words);
    assert.match(made.err, message);
    assert.equal(made.code, 3, made.err);
  }
  assert.ok(!existsSync(join(folder, 'refused.img')));
});

test('auto says what it picks and why: plain for a small root and for a kernel that cannot, squashed where that saves memory', () => {
  const small = kindling('build', '--root', onDisk(able(), 'small'), '-o', 'auto.img', '--layout', 'auto');
  assert.match(small.err, /layout plain: squashing saves/);
  const cannot = kindling('build', '--root', onDisk(sample(), 'cannot'), '-o', 'auto.img', '--layout', 'auto');
  assert.match(cannot.err, /layout plain: a squashed archive cannot be booted: kernel 6\.1\.0-sample has no "squashfs"/);
  assert.equal(cannot.code, 0);
  const large = onDisk(able({ 'usr/share/data': new Uint8Array(48 << 20) }), 'large');
  writeFileSync(join(folder, 'large.conf'), 'files = /usr/share/data\n');
  const picked = kindling('build', '--root', large, '-c', 'large.conf', '-n', '--json', '--layout', 'auto');
  const document = JSON.parse(picked.out) as {
    layout: string;
    why: string;
    forecast: { leastMemory: number };
    forecastPlain: { leastMemory: number };
  };
  assert.equal(document.layout, 'squash');
  assert.match(document.why, /saves about \d+ MiB of least memory/);
  assert.ok(document.forecastPlain.leastMemory - document.forecast.leastMemory >= 16 << 20);
});

async function initramfs(name: string, ...lines: string[]): Promise<string> {
  const chunks: Uint8Array[] = [];
  const none = { name: 'none', levels: { least: 0, most: 0, default: 0 }, encode: async (input: Uint8Array) => input } as const;
  for await (const chunk of encode(planOf(treeOf(...lines)), { codec: { encoder: none, level: 0 }, sha256 })) chunks.push(chunk);
  writeFileSync(join(folder, name), Buffer.concat(chunks));
  return name;
}

test('squash: a finished initramfs, its microcode in front and untouched', async () => {
  const root = onDisk(able(), 'squashed');
  const plain = built(root, 'plain.img');
  const microcode = encodeWhole(treeOf('file 0644 0 0 0 kernel/x86/microcode/AuthenticAMD.bin data=12345').entries);
  const early = Buffer.concat([microcode, new Uint8Array(-microcode.length & 511)]);
  writeFileSync(join(folder, 'with.img'), Buffer.concat([early, plain]));
  const made = kindling('squash', 'with.img', '-R', root, '-o', 'out.img', '--json');
  assert.equal(made.code, 0, made.err);
  const document = JSON.parse(made.out) as { init: string; kernel: string; layout: string; size: number };
  assert.deepEqual([document.init, document.kernel, document.layout], ['script', '6.1.0-sample', 'squash']);
  const out = readFileSync(join(folder, 'out.img'));
  assert.ok(out.subarray(0, early.length).equals(early));
  assert.match(kindling('why', 'out.img', 'usr/lib/modules/6.1.0-sample/kernel/fs/jbd2/jbd2.ko').out, /dependency of ext4/);
  assert.equal(kindling('squash', 'with.img', '-R', root, '-o', 'again.img').code, 0);
  assert.ok(out.equals(readFileSync(join(folder, 'again.img'))));
  const twice = kindling('squash', 'out.img', '-R', root, '-o', 'twice.img');
  assert.equal(twice.code, 3);
  assert.match(twice.err, /UNSUPPORTED.*squashed already.*squash-root\.img/);
});

test('squash: what cannot be told or done is said', async () => {
  const root = onDisk(able(), 'foreign');
  const script = 'file 0755 0 0 0 init data=#!/bin/sh';
  const cases: [RegExp, number, string, string[]][] = [
    [/NO_KERNEL.*--kernel must name one/, 3, await initramfs('bare.img', script), []],
    [/NO_ENTRY.*no \/init/, 3, await initramfs('empty.img', 'file 0644 0 0 0 etc/x data=1'), []],
    [/NO_ENTRY/, 3, 'nowhere.img', []],
    [/-o FILE is missing/, 2, 'bare.img', ['no output']],
    [/neither systemd nor a script/, 0, await initramfs('odd.img', script), ['-k', '6.1.0-sample']],
  ];
  for (const [message, code, image, words] of cases) {
    const output = words[0] === 'no output' ? [] : ['-o', 'x.img', ...words];
    const made = kindling('squash', image, '-R', root, ...output);
    assert.match(made.err, message);
    assert.equal(made.code, code, made.err);
  }
});
