// What is written, read by binutils; what binutils writes, read here.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { needs, needsFiles, tool } from '../../../test/tools.ts';
import { mustRun } from '../../../test/world/index.ts';
import { bytesSource, nameFromBytes, readAll, utf8 } from '../../bytes/index.ts';
import { check, decode, decodeUki, encodeUki, withSections } from './index.ts';

const STUB = '/usr/lib/systemd/boot/efi/linuxx64.efi.stub';
const folder = mkdtempSync(join(tmpdir(), 'kindling-pe-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(path));
const stub = (): Uint8Array => bytesOf(STUB);

function image(): Uint8Array {
  const source = bytesSource(stub());
  // the stub is as good a PE image as a kernel
  const texts = { commandLine: 'quiet perch', version: '6.1.0-56-amd64', osRelease: 'ID=debian\nPRETTY_NAME="Debian"\n' };
  return encodeUki({ stub: source, kernel: source, archive: bytesSource(utf8('archive'.repeat(1000))), ...texts });
}

test("the checksum is the one that binutils' linker made", (t) => {
  if (!needsFiles(t, STUB)) return;
  assert.deepEqual(withSections(stub(), []), stub());
});

test('objdump finds the sections, objcopy takes them out', async (t) => {
  if (!needs(t, 'objdump', 'objcopy') || !needsFiles(t, STUB)) return;
  const path = join(folder, 'uki.efi');
  writeFileSync(path, image());
  const listed = await mustRun(tool('objdump'), ['-h', path]);
  const pe = decode(bytesSource(image()));
  for (const { name, at, size, address } of pe.sections) {
    const hex = (value: number, width: number): string => value.toString(16).padStart(width, '0');
    assert.match(listed, new RegExp(`\\${name} +${hex(size, 8)} +${hex(address, 16)} +\\w+ +${hex(at, 8)}`), name);
  }
  const taken = join(folder, 'initrd');
  await mustRun(tool('objcopy'), ['-O', 'binary', '--only-section=.initrd', path, taken]);
  assert.equal(readFileSync(taken, 'latin1'), 'archive'.repeat(1000));
});

test('what objcopy adds is read as what is added here', async (t) => {
  if (!needs(t, 'objcopy') || !needsFiles(t, STUB)) return;
  const path = join(folder, 'foreign.efi');
  const words: string[] = [];
  for (const [name, text, address] of [
    ['.osrel', 'ID=x\n', 0x20000],
    ['.cmdline', 'quiet', 0x30000],
    ['.linux', 'kernel', 0x40000],
  ] as const) {
    const file = join(folder, `section${address}`);
    writeFileSync(file, text);
    words.push('--add-section', `${name}=${file}`, '--change-section-vma', `${name}=${address}`);
  }
  await mustRun(tool('objcopy'), [...words, STUB, path]);
  const uki = decodeUki(bytesSource(bytesOf(path)))!;
  assert.deepEqual([uki.osRelease, uki.commandLine, nameFromBytes(readAll(uki.kernel))], ['ID=x\n', 'quiet', 'kernel']);
  assert.deepEqual(check(bytesSource(bytesOf(path))), []);
});
