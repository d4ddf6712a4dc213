// Stubs that cannot be added to, and images that are damaged: an error with a place, or findings.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, utf8 } from '../../bytes/index.ts';
import { check, decode, encodeUki, withSections } from './index.ts';
import { PE32_PLUS_HEADER, SECTION_HEADER } from './structs.ts';
import { STUB_AT, sampleStub } from './stub.fixture.ts';

const optional = (field: Parameters<typeof PE32_PLUS_HEADER.offsetOf>[0]): number => STUB_AT.optional + PE32_PLUS_HEADER.offsetOf(field);
const inSecond = (field: Parameters<typeof SECTION_HEADER.offsetOf>[0]): number =>
  STUB_AT.table + SECTION_HEADER.size + SECTION_HEADER.offsetOf(field);

function changed(at: number, value: number, width: 16 | 32 = 32): Uint8Array {
  const bytes = sampleStub();
  const view = new DataView(bytes.buffer);
  if (width === 16) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return bytes;
}

const MORE = [{ name: '.more', content: utf8('x') }];

const STUBS: readonly (readonly [what: string, code: string, bytes: Uint8Array])[] = [
  ['no PE image', 'BAD_MAGIC', utf8('#!/bin/sh\n'.repeat(40))],
  ['an empty file', 'BAD_MAGIC', new Uint8Array(0)],
  ['a program of 32 bits', 'UNSUPPORTED', changed(optional('magic'), 0x10b, 16)],
  ['no program for firmware', 'BAD_VALUE', changed(optional('subsystem'), 3, 16)],
  ['a signed one', 'UNSUPPORTED', changed(STUB_AT.directories + 4 * 8 + 4, 100)],
  ['an alignment that is none', 'BAD_VALUE', changed(optional('fileAlignment'), 0)],
  ['an alignment of 513', 'BAD_VALUE', changed(optional('sectionAlignment'), 513)],
  ['headers that end behind the file', 'BAD_VALUE', changed(optional('headersSize'), 1 << 30)],
  ['headers that end before the section table', 'BAD_VALUE', changed(optional('headersSize'), 300)],
  ['a section behind the file', 'TRUNCATED', changed(inSecond('rawAt'), 1 << 30)],
  ['a section in the headers', 'BAD_VALUE', changed(inSecond('rawAt'), 512)],
  ['sections over each other', 'BAD_VALUE', changed(inSecond('virtualAddress'), 0x1100)],
  ['a section behind the image', 'BAD_VALUE', changed(inSecond('virtualAddress'), 0x9000)],
  ['too many sections', 'LIMIT', changed(STUB_AT.coff + 2, 0xffff, 16)],
  ['a section table behind the file', 'TRUNCATED', changed(STUB_AT.coff + 2, 200, 16)],
  ['no room in the headers', 'LIMIT', sampleStub(512)],
];

for (const [what, code, bytes] of STUBS) {
  test(`a stub that is refused: ${what}`, () => {
    const many = Array.from({ length: 4 }, (_, index) => ({ name: `.more${index}`, content: utf8('x') }));
    assert.throws(() => withSections(bytes, many), { code });
  });
}

test('sections that are refused', () => {
  const stub = sampleStub();
  for (const [name, content, code] of [
    ['.data', 'x', 'CONFLICT'],
    ['', 'x', 'BAD_VALUE'],
    ['.ninebyte', 'x', 'BAD_VALUE'],
    ['.empty', '', 'BAD_VALUE'],
  ] as const) {
    assert.throws(() => withSections(stub, [{ name, content: utf8(content) }]), { code }, name);
  }
  assert.throws(() => withSections(stub, [...MORE, ...MORE]), { code: 'CONFLICT' });
});

test('a kernel that is none, or for another machine', () => {
  const parts = {
    stub: bytesSource(sampleStub()),
    archive: bytesSource(utf8('a')),
    ...{ commandLine: 'a', version: 'b', osRelease: 'c' },
  };
  assert.throws(() => encodeUki({ ...parts, kernel: bytesSource(utf8('vmlinux')) }), { code: 'BAD_MAGIC' });
  assert.throws(() => encodeUki({ ...parts, kernel: bytesSource(changed(STUB_AT.coff, 0xaa64, 16)) }), { code: 'BAD_VALUE' });
  const kernel = bytesSource(sampleStub());
  assert.throws(() => encodeUki({ ...parts, kernel, commandLine: 'a\0b' }), { code: 'BAD_VALUE' });
  const twice = bytesSource(encodeUki({ ...parts, kernel }));
  assert.throws(() => encodeUki({ ...parts, stub: twice, kernel }), { code: /LIMIT|CONFLICT/ });
});

test('damaged images have findings', () => {
  const codes = (bytes: Uint8Array): string[] => check(bytesSource(bytes)).map(({ code }) => code);
  assert.deepEqual(codes(changed(optional('subsystem'), 3, 16)), ['pe-not-efi']);
  assert.deepEqual(codes(changed(inSecond('rawAt'), 1 << 30)), ['pe-cut']);
  assert.deepEqual(codes(changed(inSecond('virtualAddress'), 0x1100)), ['pe-overlap']);
  assert.deepEqual(codes(sampleStub().subarray(0, 200)), ['pe-truncated']);
  assert.deepEqual(codes(utf8('x')), ['pe-bad-magic']);
  assert.throws(() => decode(bytesSource(sampleStub().subarray(0, 300))), { code: 'TRUNCATED' });
});
