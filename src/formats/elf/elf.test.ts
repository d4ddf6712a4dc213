// What is written is read back, in all four layouts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, utf8 } from '../../bytes/index.ts';
import {
  dlopenNotes,
  dynamic,
  encode,
  encodeNote,
  interpreter,
  makeModule,
  makeProgram,
  modinfo,
  notes,
  open,
  pvhEntry,
  SECTION,
  SEGMENT,
  symbols,
  type Target,
} from './index.ts';

const TARGETS: readonly Target[] = [
  { class: 64, endian: 'little', machine: 'x86_64' },
  { class: 32, endian: 'little', machine: '386' },
  { class: 32, endian: 'big', machine: 'sparc' },
  { class: 64, endian: 'big', machine: 's390' },
];

for (const target of TARGETS) {
  const label = `${target.class}-bit ${target.endian} endian`;

  test(`a program of ${label} says what it needs`, () => {
    const bytes = makeProgram({
      target,
      interpreter: '/lib/ld.so.1',
      needed: ['libc.so.6', 'libkmod.so.2'],
      soname: 'libself.so',
      rpath: '/old::$ORIGIN',
      runpath: '$ORIGIN/../lib:/opt/lib',
    });
    const elf = open(bytesSource(bytes));
    assert.deepEqual([elf.class, elf.endian, elf.machine, elf.type], [target.class, target.endian, target.machine, 'shared']);
    assert.equal(interpreter(elf), '/lib/ld.so.1');
    assert.deepEqual(dynamic(elf), {
      needed: ['libc.so.6', 'libkmod.so.2'],
      soname: 'libself.so',
      rpath: ['/old', '$ORIGIN'],
      runpath: ['$ORIGIN/../lib', '/opt/lib'],
      noDefaultLibraries: false,
    });
  });

  test(`a module of ${label} says what it is`, () => {
    const pairs = [
      ['license', 'GPL'],
      ['alias', 'pci:v*'],
      ['alias', 'fs-x'],
      ['depends', 'a,b'],
    ] as const;
    const bytes = makeModule({ target, modinfo: pairs, symbols: ['mine'], imports: ['theirs'] });
    assert.deepEqual(modinfo(bytesSource(bytes)), pairs);
    assert.deepEqual(symbols(open(bytesSource(bytes))), [
      { name: '__ksymtab_mine', defined: true },
      { name: 'theirs', defined: false },
    ]);
  });

  test(`notes of ${label}`, () => {
    const entry = Uint8Array.of(1, 2, 3, 4);
    const content = encodeNote(target, 'Xen', 18, entry);
    const bytes = encode({
      ...target,
      type: 'executable',
      sections: [{ name: '.notes', type: SECTION.note, content, align: 4 }],
      segments: [{ type: SEGMENT.note, section: '.notes', align: 4 }],
    });
    const elf = open(bytesSource(bytes));
    assert.deepEqual(notes(elf), [{ owner: 'Xen', type: 18, desc: entry }]);
    assert.equal(pvhEntry(elf), target.endian === 'little' ? 0x04030201 : 0x01020304);
  });
}

test('dlopen metadata in both written forms, priority defaulted', () => {
  const dlopen = [
    '[{"soname":["liblz4.so.1","liblz4.so"],"feature":"lz4","description":"compression","priority":"suggested"},{"soname":["libz.so.1"]}]',
    '{"soname":"libfido2.so.1","priority":"required"}',
  ];
  assert.deepEqual(dlopenNotes(open(bytesSource(makeProgram({ dlopen })))), [
    { sonames: ['liblz4.so.1', 'liblz4.so'], feature: 'lz4', description: 'compression', priority: 'suggested' },
    { sonames: ['libz.so.1'], feature: undefined, description: undefined, priority: 'recommended' },
    { sonames: ['libfido2.so.1'], feature: undefined, description: undefined, priority: 'required' },
  ]);
});

test('a static program has neither dynamic section nor interpreter', () => {
  const elf = open(bytesSource(makeProgram({ static: true })));
  assert.equal(dynamic(elf), undefined);
  assert.equal(interpreter(elf), undefined);
  assert.equal(elf.type, 'executable');
});

test('only the ranges that matter are read', () => {
  const bytes = makeModule({ modinfo: [['license', 'GPL']] });
  const padded = encode({
    class: 64,
    endian: 'little',
    machine: 'x86_64',
    type: 'relocatable',
    sections: [
      { name: '.text', type: SECTION.progbits, content: new Uint8Array(1 << 20) },
      { name: '.modinfo', type: SECTION.progbits, content: utf8('license=GPL\0') },
    ],
  });
  let read = 0;
  const inner = bytesSource(padded);
  const counting = {
    size: inner.size,
    read(at: number, size: number) {
      read += size;
      return inner.read(at, size);
    },
  };
  assert.deepEqual(modinfo(counting), modinfo(bytesSource(bytes)));
  assert.ok(read < 8192, `${read} bytes were read`);
});
