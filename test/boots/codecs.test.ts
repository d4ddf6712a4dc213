// The kernel unpacks what kindling compresses, behind an uncompressed microcode segment. The other codecs are in codecs.long.ts.
import { test } from 'node:test';
import { needs } from '../tools.ts';
import { bootWithCodec } from './codec-cases.ts';

test('a kernel unpacks an lz4 archive behind a microcode segment', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mkfs.ext4')) return;
  await bootWithCodec('lz4');
});
