// Every codec that kindling writes, unpacked by a real kernel.
import { test } from 'node:test';
import { needs } from '../tools.ts';
import { bootWithCodec } from './codec-cases.ts';

for (const codec of ['none', 'gzip:1', 'gzip:9', 'xz:0', 'xz:9', 'lz4:9', 'zstd:1', 'zstd:19']) {
  test(`a kernel unpacks an archive compressed with ${codec}`, async (t) => {
    if (!needs(t, 'qemu-system-x86_64', 'mkfs.ext4')) return;
    await bootWithCodec(codec);
  });
}

test('a kernel unpacks an archive of one frame', async (t) => {
  if (!needs(t, 'qemu-system-x86_64', 'mkfs.ext4')) return;
  await bootWithCodec('zstd', '--single-frame');
});
