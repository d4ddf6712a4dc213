// Debian's own kernels: file(1) says the same, the unpacked kernel is one, and its modules fit.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { needs, tool } from '../../../test/tools.ts';
import { type Architecture, debianKernel } from '../../../test/world/index.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { fileSource } from '../../node/index.ts';
import { directEntry, open, parseConfig, payload, version } from './index.ts';

const ARCHITECTURES: readonly [Architecture, string, string][] = [
  ['amd64', 'bzimage', 'x86_64'],
  ['arm64', 'image', 'aarch64'],
];

for (const [architecture, kind, machine] of ARCHITECTURES) {
  test(`Debian's ${architecture} kernel`, async (t) => {
    const kernel = await debianKernel(architecture);
    const image = open(fileSource(kernel.vmlinuz));
    assert.deepEqual([image.kind, image.machine, image.efi, version(image)], [kind, machine, true, kernel.version]);
    const config = parseConfig(readFileSync(`${kernel.root}/boot/config-${kernel.version}`, 'utf8'));
    assert.equal(config.get('RD_ZSTD'), 'y');
    assert.equal(config.get('CC_VERSION_TEXT')?.startsWith('gcc'), true);
    if (!needs(t, 'file')) return;
    const told = execFileSync(tool('file'), ['-b', kernel.vmlinuz], { encoding: 'utf8' });
    assert.match(
      told,
      architecture === 'amd64' ? new RegExp(`bzImage, version ${kernel.version.replaceAll('.', '\\.')} `) : /ARM64 boot executable Image/,
    );
  });
}

test('the unpacked amd64 kernel is an ELF file with a direct entry, and names its version itself', async () => {
  const kernel = await debianKernel('amd64');
  const unpacked = payload(open(fileSource(kernel.vmlinuz)), nodeDecoders());
  const image = open(unpacked);
  assert.deepEqual([image.kind, image.machine, version(image)], ['elf', 'x86_64', kernel.version]);
  assert.ok((directEntry(unpacked) ?? 0) >= 0x100000);
});
