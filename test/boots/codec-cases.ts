// What the codec tests share: a small archive for QEMU's machine, compressed in one way, started by a real kernel that must unpack all of it.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianKernel, diskImage, probeRoot } from '../world/index.ts';
import { assertReached, bootArchive, consoleOf } from './boot.ts';
import { builtArchive } from './disk-cases.ts';

/** Facts of QEMU's machine with one virtio disk of ext4. */
function facts(version: string): string {
  return JSON.stringify({
    facts: 1,
    kernel: version,
    modaliases: ['pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00', 'virtio:d00000002v00001AF4'],
    modules: ['virtio_blk', 'virtio_pci', 'ext4'],
    loaded: ['virtio_blk', 'virtio_pci', 'ext4'],
    chain: ['virtio_pci', 'virtio_blk'],
    mounts: [{ at: '/', source: '/dev/vda', type: 'ext4' }],
    resume: '',
    commandLine: '',
    processor: 'AuthenticAMD',
  });
}

// Not a real update: the kernel finds the file by its name in the first, uncompressed piece and then refuses its content.
const MICROCODE = { 'usr/lib/firmware/amd-ucode/microcode_amd.bin': `DMA\0${'kindling'.repeat(33)}` };

/** Builds with the codec, boots, and checks that the kernel unpacked everything and the root's init ran. */
export async function bootWithCodec(codec: string, ...words: readonly string[]): Promise<void> {
  const kernel = await debianKernel('amd64');
  const root = await probeRoot('amd64', { modules: true, files: MICROCODE });
  const factsFile = join(mkdtempSync(join(tmpdir(), 'kindling-facts-')), 'facts.json');
  writeFileSync(factsFile, facts(kernel.version));
  const archive = await builtArchive(root, ['--scope', 'host', '--facts', factsFile, '--codec', codec, ...words]);
  const disk = await diskImage({ fs: 'ext4', root: await probeRoot('amd64', { modules: true }), label: 'root' });
  const proof = await bootArchive({
    kernel: kernel.vmlinuz,
    archive,
    disks: [{ file: disk }],
    append: 'root=LABEL=root init=/sbin/probe-init',
    until: 'fact:probe.done',
  });
  assertReached(proof);
  assert.doesNotMatch(consoleOf(proof), /unpacking failed|junk/);
  assert.equal(proof.facts['probe.root.source'], '/dev/vda');
}
