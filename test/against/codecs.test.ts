// Codecs against the real tools, both directions: they read what we write, we read what they write, at several levels.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { pureDecoders } from '../../src/codecs/index.ts';
import { generator, sample } from '../../src/codecs/testdata/sample.ts';
import { decoderOf } from '../../src/codecs/testdata/vectors.ts';
import { nodeDecoders, nodeEncoders } from '../../src/node/codecs.ts';
import { needs } from '../tools.ts';

const MIB = 1024 * 1024;

function run(command: string, input: Uint8Array): Uint8Array {
  const [program = '', ...args] = command.split(' ');
  const { status, stdout, stderr } = spawnSync(program, args, { input, maxBuffer: 256 * MIB });
  assert.equal(status, 0, `${command}: ${stderr}`);
  return new Uint8Array(stdout);
}

/** Inputs of several kinds: nothing, one byte, all the same, noise, and repeats over two MiB. */
function inputs(): ReadonlyMap<string, Uint8Array> {
  const random = generator(11);
  const noise = Uint8Array.from({ length: 70_000 }, () => random());
  const mixed = new Uint8Array(2 * MIB);
  for (let at = 0; at < mixed.length; ) {
    const unit = random() % 4 === 0 ? noise : sample();
    const from = random() % 3000;
    const piece = unit.subarray(from, from + (random() % 2000)).subarray(0, mixed.length - at);
    mixed.set(piece, at);
    at += piece.length;
  }
  return new Map([
    ['nothing', new Uint8Array(0)],
    ['one byte', Uint8Array.of(0x6b)],
    ['zeros', new Uint8Array(MIB)],
    ['noise', noise],
    ['mixed', mixed],
  ]);
}

const WRITERS = [
  'gzip -n1',
  'gzip -n9',
  'bzip2 -1',
  'bzip2 -9',
  'xz --format=lzma -0',
  'xz --format=lzma -6',
  'xz -0 --check=crc32',
  'xz -6',
  'xz -6 --check=sha256',
  'xz -1 -T2 --block-size=300000',
  'xz --check=crc32 --x86 --lzma2=dict=1MiB',
  'lzop -1',
  'lzop -9',
  'lz4 -l -1',
  'lz4 -l -9',
  'zstd -1',
  'zstd -9',
  'zstd -19',
  'zstd -12 --long=27',
  'zstd --no-check --fast=5',
];

for (const command of WRITERS) {
  test(`we read what ${command} writes`, (t) => {
    if (!needs(t, command.split(' ')[0]!)) return;
    for (const [kind, plain] of inputs()) {
      const packed = run(`${command} -c`, plain);
      for (const decoders of [pureDecoders, nodeDecoders()]) {
        const { bytes, consumed } = decoderOf(decoders, packed).decode(packed, plain.length);
        assert.equal(Buffer.compare(bytes, plain), 0, kind);
        assert.equal(consumed, packed.length, kind);
      }
    }
  });
}

const READERS: Readonly<Record<string, string>> = { gzip: 'gzip -dc', xz: 'xz -dc', lz4: 'lz4 -dc', zstd: 'zstd -dc' };

for (const [name, reader] of Object.entries(READERS)) {
  test(`${reader} reads what we write`, async (t) => {
    if (!needs(t, reader.split(' ')[0]!)) return;
    const encoder = nodeEncoders().get(name);
    assert.ok(encoder !== undefined);
    const { least, most, default: usual } = encoder.levels;
    for (const [kind, plain] of inputs()) {
      for (const level of new Set([least, usual, 9, kind === 'mixed' ? usual : most])) {
        const packed = await encoder.encode(plain, level);
        assert.equal(Buffer.compare(run(reader, packed), plain), 0, `${kind} at level ${level}`);
      }
    }
  });
}

test('two frames of ours, one after the other, are read as one by the tools', async (t) => {
  if (!needs(t, 'gzip', 'xz', 'lz4', 'zstd')) return;
  for (const [name, reader] of Object.entries(READERS)) {
    const { encode, levels } = nodeEncoders().get(name)!;
    const first = await encode(sample(), levels.default);
    const second = await encode(sample().reverse(), levels.default);
    assert.deepEqual(run(reader, Buffer.concat([first, second])), new Uint8Array([...sample(), ...sample().reverse()]), name);
  }
});

test('xz itself finds CRC-32, one block and a dictionary no larger than the member', async (t) => {
  if (!needs(t, 'xz')) return;
  const packed = await nodeEncoders().get('xz')!.encode(new Uint8Array(MIB), 9);
  const file = join(mkdtempSync(join(tmpdir(), 'kindling-')), 'member.xz');
  try {
    writeFileSync(file, packed);
    const listing = spawnSync('xz', ['--robot', '--list', '-vv', file], { encoding: 'utf8' }).stdout;
    assert.match(listing, /^file\t1\t1\t.*\tCRC32\t/m);
    assert.match(listing, /--lzma2=dict=1MiB/);
  } finally {
    rmSync(dirname(file), { recursive: true });
  }
});
