// The cache of unpacked kernels: made, used, made again when damaged, done without when there is no place for it.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { KindlingError } from '../../src/errors.ts';
import { startableKernel } from '../../src/node/startable-kernel.ts';
import { debianKernel } from '../world/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-kernels-'));
const kept = join(folder, 'kindling/vmlinux');
const usual = process.env.XDG_CACHE_HOME;

before(() => {
  process.env.XDG_CACHE_HOME = folder;
});
after(() => {
  if (usual === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = usual;
  rmSync(folder, { recursive: true });
});

test('a bzImage is unpacked once, and again when the copy is damaged', async () => {
  const { vmlinuz } = await debianKernel('amd64');
  const made = await startableKernel(vmlinuz, false);
  assert.equal(made.architecture, 'x86_64');
  const whole = readFileSync(made.path);
  assert.equal(whole.subarray(0, 4).toString('latin1'), '\x7fELF');
  utimesSync(made.path, 1, 1);
  assert.deepEqual(await startableKernel(vmlinuz, false), made);
  const damaged = Buffer.from(whole);
  damaged[damaged.length >> 1]! ^= 1;
  writeFileSync(made.path, damaged);
  assert.deepEqual(await startableKernel(vmlinuz, false), made);
  assert.ok(readFileSync(made.path).equals(whole));
  assert.equal(readdirSync(kept).length, 1);
});

test('only those used last are kept, and nothing else there is touched', async () => {
  const { vmlinuz } = await debianKernel('amd64');
  writeFileSync(join(kept, 'README'), 'not ours');
  for (let count = 0; count < 8; count++) {
    const path = join(kept, `${count.toString().repeat(64)}-${'a'.repeat(64)}`);
    writeFileSync(path, '');
    utimesSync(path, 1000 + count, 1000 + count);
  }
  const { path } = await startableKernel(vmlinuz, false);
  rmSync(path);
  await startableKernel(vmlinuz, false);
  const left = readdirSync(kept);
  assert.ok(left.includes('README') && left.includes(path.slice(kept.length + 1)));
  assert.equal(left.length, 7);
  assert.ok(!left.some((name) => name.startsWith('000')) && left.some((name) => name.startsWith('777')));
});

test('as it is: when asked for, when there is no cache, and for arm64', async () => {
  const { vmlinuz } = await debianKernel('amd64');
  assert.deepEqual(await startableKernel(vmlinuz, true), { path: vmlinuz, architecture: 'x86_64' });
  rmSync(join(folder, 'kindling'), { recursive: true });
  writeFileSync(join(folder, 'kindling'), 'a file where the folder should be');
  assert.deepEqual(await startableKernel(vmlinuz, false), { path: vmlinuz, architecture: 'x86_64' });
  rmSync(join(folder, 'kindling'));
  const arm = await debianKernel('arm64');
  assert.deepEqual(await startableKernel(arm.vmlinuz, false), { path: arm.vmlinuz, architecture: 'aarch64' });
});

test('what is no kernel, or one for a processor kindling does not start', async () => {
  const path = join(folder, 'nothing');
  const refused = async (bytes: Uint8Array, code: string): Promise<void> => {
    writeFileSync(path, bytes);
    await assert.rejects(
      startableKernel(path, false),
      (error) => error instanceof KindlingError && error.code === code && error.where.file === path,
    );
  };
  await refused(new Uint8Array(5000), 'UNRECOGNISED');
  await refused(new Uint8Array(0), 'UNRECOGNISED');
  const { vmlinuz } = await debianKernel('amd64');
  await refused(readFileSync(vmlinuz).subarray(0, 100_000), 'TRUNCATED');
  const riscv = new Uint8Array(4096);
  riscv.set(new TextEncoder().encode('RSC\x05'), 0x38);
  await refused(riscv, 'UNSUPPORTED');
});
