// superblock: every type against the program that makes it, and bytes that are nothing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { needs, tool } from '../../../test/tools.ts';
import { bytesSource } from '../../bytes/index.ts';
import { identify, SIGNATURES } from './index.ts';

const MIB = 1 << 20;
const MADE: readonly { type: string; size: number; words: readonly string[] }[] = [
  { type: 'ext2', size: 4 * MIB, words: ['mkfs.ext2', '-q', '-F'] },
  { type: 'ext3', size: 8 * MIB, words: ['mkfs.ext3', '-q', '-F'] },
  { type: 'ext4', size: 8 * MIB, words: ['mkfs.ext4', '-q', '-F'] },
  { type: 'swap', size: MIB, words: ['mkswap'] },
  { type: 'btrfs', size: 128 * MIB, words: ['mkfs.btrfs', '-q'] },
  { type: 'xfs', size: 320 * MIB, words: ['mkfs.xfs', '-q'] },
];

for (const { type, size, words } of MADE) {
  test(`${words[0]} makes what is identified as ${type}`, (t) => {
    if (!needs(t, words[0]!)) return;
    const folder = mkdtempSync(join(tmpdir(), 'kindling-superblock-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const image = join(folder, 'image');
    writeFileSync(image, '');
    truncateSync(image, size);
    const ran = spawnSync(tool(words[0]!), [...words.slice(1), image], { encoding: 'utf8' });
    assert.equal(ran.status, 0, ran.stderr);
    assert.equal(identify(bytesSource(readFileSync(image)))?.type, type);
  });
}

test('each signature alone is found at its place', () => {
  const size = 4 * MIB;
  for (const signature of SIGNATURES.filter((one) => one.at >= 0)) {
    const bytes = new Uint8Array(size);
    bytes.set(signature.magic, signature.at);
    const found = identify(bytesSource(bytes));
    assert.equal(found?.role, signature.role, signature.type);
    assert.equal(found.at, signature.at);
  }
  for (const at of [size - 8192, size - 65536]) {
    const bytes = new Uint8Array(size);
    bytes.set([0xfc, 0x4e, 0x2b, 0xa9], at);
    assert.equal(identify(bytesSource(bytes))?.type, 'linux_raid_member');
  }
});

test('a layer wins over the remains of a file system', () => {
  const bytes = new Uint8Array(8192);
  bytes.set([0x53, 0xef], 1080);
  bytes.set(new TextEncoder().encode('LUKS'), 0);
  bytes.set([0xba, 0xbe], 4);
  assert.equal(identify(bytesSource(bytes))?.type, 'crypto_LUKS');
});

test('any bytes of any length are identified or not, and never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
      identify(bytesSource(bytes));
    }),
    { seed: 4, numRuns: 500 },
  );
  assert.equal(identify(bytesSource(new Uint8Array(2 * MIB))), undefined);
});
