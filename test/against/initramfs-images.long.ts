// Images that dracut and initramfs-tools make, in every compression Linux accepts: we list exactly what their own tools list.
// One image of each is made and recompressed by the programs themselves.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { treeOf } from '../../src/archive/plans.fixture.ts';
import { encodeWhole } from '../../src/formats/newc/index.ts';
import { needs, tool } from '../tools.ts';

const KINDLING = join(import.meta.dirname, '../../bin/kindling');
const VERSION = '6.1.0-0-none';
const folder = mkdtempSync(join(tmpdir(), 'kindling-images-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** How each codec is written; what the programs' defaults get wrong for the kernel is in the words. */
const COMPRESSORS: Readonly<Record<string, readonly string[]>> = {
  gzip: ['gzip', '-nc'],
  bzip2: ['bzip2', '-c'],
  lzma: ['xz', '--format=lzma', '-c'],
  xz: ['xz', '--check=crc32', '-c'],
  lzo: ['lzop', '-c'],
  lz4: ['lz4', '-lc'],
  zstd: ['zstd', '-qc'],
};

function run(words: readonly string[], input?: Uint8Array, env: Record<string, string> = {}): Buffer {
  const [program = '', ...args] = words;
  const options = { maxBuffer: 1 << 29, env: { ...process.env, LC_ALL: 'C', ...env }, ...(input === undefined ? {} : { input }) };
  const { status, stdout, stderr, error } = spawnSync(tool(program), args, options);
  assert.equal(status, 0, `${words.join(' ')}: ${error ?? ''} ${stderr}`);
  return stdout;
}

const sorted = (text: Buffer): string[] => [...new Set(text.toString('latin1').trimEnd().split('\n'))].sort();

/** The names in the `cpio -tv` lines that lsinitrd prints. */
function lsinitrdNames(text: string): string[] {
  const lines = text.split('\n').filter((line) => /^[-dlcbps][-rwxsStT]{9} /.test(line));
  const name = (line: string) => line.replace(/^\S+ +\d+ \S+ +\S+ +(\d+, +)?\d+ \w{3} [ \d]\d +[\d:]+ /, '').replace(/ -> .*$/, '');
  return [...new Set(lines.map(name))].sort();
}

function check(image: string, what: string): void {
  const ours = sorted(run([KINDLING, 'list', image]));
  assert.ok(ours.length > 50, `${what}: ${ours.length} names`);
  assert.deepEqual(ours, sorted(run(['lsinitramfs', image])), `${what}: lsinitramfs`);
  assert.deepEqual(
    ours.filter((name) => !name.includes(' ')),
    lsinitrdNames(run(['lsinitrd', image]).toString('latin1')).filter((name) => !name.includes(' ')),
    `${what}: lsinitrd`,
  );
}

function everyCodec(plain: Uint8Array, name: string): void {
  const early = encodeWhole(
    treeOf('file 0644 0 0 0 early_cpio data=1\\x0a', 'file 0644 0 0 0 kernel/x86/microcode/GenuineIntel.bin data=12345').entries,
  );
  const padded = Buffer.concat([early, new Uint8Array(-early.length & 511)]);
  for (const [codec, words] of Object.entries(COMPRESSORS)) {
    const packed = run(words, plain);
    const image = join(folder, `${name}.${codec}`);
    writeFileSync(image, packed);
    check(image, `${name} ${codec}`);
    // with microcode in front, lsinitrd lists two archives and lsinitramfs too
    writeFileSync(image, Buffer.concat([padded, packed]));
    const names = sorted(run([KINDLING, 'list', image]));
    assert.deepEqual(names, sorted(run(['lsinitramfs', image])), `${name} ${codec} with microcode`);
    assert.ok(names.includes('kernel/x86/microcode/GenuineIntel.bin'));
  }
}

const TOOLS = ['cpio', 'gzip', 'bzip2', 'xz', 'lzop', 'lz4', 'zstd', 'lsinitrd', 'lsinitramfs'];

test("dracut's image in every compression", (t) => {
  if (!needs(t, 'dracut', ...TOOLS)) return;
  const image = join(folder, 'dracut.img');
  run(['dracut', '--no-kernel', '--no-hostonly', '--no-compress', '--no-early-microcode', '--force', image, VERSION]);
  everyCodec(readFileSync(image), 'dracut');
});

test("initramfs-tools' image in every compression", {
  skip: process.getuid?.() !== 0 && 'making one needs root: /boot is covered in a mount namespace',
}, (t) => {
  if (!needs(t, 'mkinitramfs', 'unshare', ...TOOLS)) return;
  const boot = join(folder, 'boot');
  mkdirSync(boot);
  writeFileSync(join(boot, `config-${VERSION}`), 'CONFIG_RD_GZIP=y\nCONFIG_RD_ZSTD=y\n');
  const image = join(folder, 'initramfs-tools.img');
  run(['unshare', '-m', 'sh', '-c', 'mount --bind "$1" /boot && exec mkinitramfs -c gzip -o "$2" "$3"', 'sh', boot, image, VERSION]);
  everyCodec(run(['gzip', '-dc'], readFileSync(image)), 'initramfs-tools');
});
