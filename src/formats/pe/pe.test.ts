import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { bytesSource, nameFromBytes, readAll, utf8 } from '../../bytes/index.ts';
import { check, decode, decodeUki, detect, encodeUki, section, withSections } from './index.ts';
import { STUB_AT, sampleStub } from './stub.fixture.ts';

const PARTS = {
  stub: bytesSource(sampleStub()),
  kernel: bytesSource(sampleStub()),
  archive: bytesSource(utf8('an archive')),
  commandLine: 'quiet console=ttyS0',
  version: '6.1.0-amd64',
  osRelease: 'ID=sample\n',
};

test('headers and sections are read', () => {
  const source = bytesSource(sampleStub());
  const pe = decode(source);
  assert.deepEqual(
    { ...pe, sections: pe.sections.length },
    { machine: 'x86_64', bits: 64, subsystem: 10, signatures: undefined, sections: 2 },
  );
  assert.deepEqual(pe.sections[1], { name: '.data', at: 1536, size: 500, address: 0x2000, memorySize: 500 });
  assert.equal(readAll(section(source, pe, '.data')!)[0], 2);
  assert.equal(section(source, pe, '.linux'), undefined);
  assert.deepEqual(check(source), []);
  assert.equal(detect(bytesSource(utf8('MZ'))), false);
});

test('signatures are found', () => {
  const bytes = sampleStub();
  new DataView(bytes.buffer).setUint32(STUB_AT.directories + 4 * 8, 1700, true);
  new DataView(bytes.buffer).setUint32(STUB_AT.directories + 4 * 8 + 4, 300, true);
  assert.deepEqual(decode(bytesSource(bytes)).signatures, { at: 1700, size: 300 });
});

test('a unified kernel image: every section where the specification wants it', () => {
  const image = bytesSource(encodeUki(PARTS));
  const { sections } = decode(image);
  assert.deepEqual(
    sections.map(({ name, at, size, address }) => [name, at, size, address]),
    [
      ['.text', 1024, 500, 0x1000],
      ['.data', 1536, 500, 0x2000],
      ['.osrel', 2048, 10, 0x3000],
      ['.cmdline', 2560, 19, 0x4000],
      ['.uname', 3072, 11, 0x5000],
      ['.initrd', 3584, 10, 0x6000],
      ['.linux', 4096, 2048, 0x7000],
    ],
  );
  assert.deepEqual(check(image), []);
  const uki = decodeUki(image)!;
  assert.deepEqual([uki.commandLine, uki.version, uki.osRelease], [PARTS.commandLine, PARTS.version, PARTS.osRelease]);
  assert.equal(nameFromBytes(readAll(uki.archive!)), 'an archive');
  assert.deepEqual(readAll(uki.kernel), sampleStub());
  // the bytes of the whole: they change only on purpose
  const digest = createHash('sha256').update(readAll(image)).digest('hex');
  assert.equal(digest, '01ae724495a96bb64878e2eec40a9eb6c060e69ece051bbfada3e4e5f1956a69');
});

test('microcode comes before the archive, and what is empty is left out', () => {
  const image = encodeUki({ ...PARTS, osRelease: '', microcode: bytesSource(utf8('code')) });
  const names = decode(bytesSource(image)).sections.map(({ name }) => name);
  assert.deepEqual(names.slice(2), ['.cmdline', '.uname', '.ucode', '.initrd', '.linux']);
});

test('an image that is no UKI', () => {
  assert.equal(decodeUki(bytesSource(sampleStub())), undefined);
});

test('nothing of the stub moves', () => {
  const stub = sampleStub();
  const image = withSections(stub, [{ name: '.more', content: utf8('x') }]);
  assert.deepEqual(image.subarray(1024, stub.length), stub.subarray(1024));
});
