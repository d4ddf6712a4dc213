// An archive of one frame is read whole by the programs a person has: lsinitrd, lsinitramfs, GNU cpio, bsdtar list what `kindling list` does.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { builtArchive } from '../boots/disk-cases.ts';
import { needs, tool } from '../tools.ts';
import { CLONE, probeRoot } from '../world/index.ts';

const MICROCODE = { 'usr/lib/firmware/amd-ucode/microcode_amd.bin': 'microcode' };
let archive = '';
let ours: string[] = [];

function output(words: readonly string[], input?: Uint8Array): Buffer {
  const [program, ...args] = words;
  const ran = spawnSync(program!, args, { input, maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C' } });
  assert.equal(ran.status, 0, `${words.join(' ')}: ${ran.stderr}`);
  return ran.stdout;
}

const lines = (text: Buffer): string[] => [...new Set(text.toString('latin1').trimEnd().split('\n'))].sort();

before(async () => {
  archive = await builtArchive(await probeRoot('amd64', { modules: true, files: MICROCODE }), ['--single-frame', '--codec', 'zstd:1']);
  ours = lines(output([join(CLONE, 'bin/kindling'), 'list', archive]));
  assert.ok(ours.length > 400);
});

test('lsinitramfs lists all of it, the microcode in front included', (t) => {
  if (!needs(t, 'lsinitramfs', 'cpio', 'zstd')) return;
  assert.deepEqual(lines(output([tool('lsinitramfs'), archive])), ours);
});

test('lsinitrd shows all of it', (t) => {
  if (!needs(t, 'lsinitrd', 'cpio', 'zstd')) return;
  const text = output([tool('lsinitrd'), archive]).toString('latin1');
  const shown = ours.filter((path) => text.includes(` ${path}\n`) || text.includes(` ${path} -> `));
  assert.deepEqual(shown, ours);
});

test('GNU cpio and bsdtar read the frame behind the microcode in one go', (t) => {
  if (!needs(t, 'bsdtar', 'cpio', 'zstd')) return;
  const document = JSON.parse(output([join(CLONE, 'bin/kindling'), 'list', '--json', archive]).toString()) as {
    members: readonly { at: number; size: number; codec: string }[];
  };
  assert.deepEqual(
    document.members.map(({ codec }) => codec),
    ['none', 'zstd'],
  );
  const { at } = document.members[1]!;
  const early = new Set(['kernel', 'kernel/x86', 'kernel/x86/microcode', 'kernel/x86/microcode/AuthenticAMD.bin']);
  const plain = output(['sh', '-c', `tail -c +${at + 1} "$1" | zstd -dc`, 'sh', archive]);
  const behind = ours.filter((path) => !early.has(path));
  assert.deepEqual(lines(output([tool('cpio'), '-t', '--quiet'], plain)), behind);
  assert.deepEqual(lines(output([tool('bsdtar'), '-tf', '-'], plain)), behind);
});
