// Hostile and damaged objects end in a KindlingError with a place, in bounded memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ByteSource, bytesSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { dlopenNotes, dynamic, interpreter, makeModule, makeProgram, modinfo, notes, open } from './index.ts';
import { layoutOf } from './structs.ts';

const { header, segment, dynamic: dynamicEntry } = layoutOf(64, 'little');

function refused(code: string, act: () => unknown): KindlingError {
  let caught: unknown;
  try {
    act();
  } catch (error) {
    caught = error;
  }
  assert.ok(caught instanceof KindlingError, `expected ${code}, got ${caught}`);
  assert.equal(caught.code, code);
  assert.notEqual(caught.where.structure, undefined);
  return caught;
}

function changed(bytes: Uint8Array, change: (view: DataView, bytes: Uint8Array) => void): ByteSource {
  const copy = bytes.slice();
  change(new DataView(copy.buffer), copy);
  return bytesSource(copy);
}

const MODULE = makeModule({ modinfo: [['license', 'GPL']], symbols: ['a'] });
const PROGRAM = makeProgram({ interpreter: '/ld.so', needed: ['libc.so'], dlopen: ['{"soname":"x"}'] });

test('no ELF at all', () => {
  refused('BAD_MAGIC', () => open(bytesSource(new TextEncoder().encode('#!/bin/sh\n'))));
  refused('BAD_MAGIC', () => open(bytesSource(new Uint8Array(0))));
});

test('a header that ends too soon', () => {
  refused('TRUNCATED', () => open(bytesSource(MODULE.subarray(0, 40))));
});

test('class and byte order that do not exist', () => {
  refused('BAD_VALUE', () => open(changed(MODULE, (_, bytes) => (bytes[4] = 3))));
  refused('BAD_VALUE', () => open(changed(MODULE, (_, bytes) => (bytes[5] = 0))));
});

test('a section table outside the file', () => {
  const source = changed(MODULE, (view) => view.setBigUint64(header.offsetOf('sectionsAt'), 1n << 40n, true));
  refused('TRUNCATED', () => modinfo(source));
  refused('TRUNCATED', () => open(source).sections);
});

test('an offset no file can have', () => {
  const source = changed(MODULE, (view) => view.setBigUint64(header.offsetOf('sectionsAt'), 1n << 63n, true));
  assert.throws(() => open(source), KindlingError);
});

test('2^32 sections announced through section 0', () => {
  const at = new DataView(MODULE.buffer).getBigUint64(header.offsetOf('sectionsAt'), true);
  const source = changed(MODULE, (view) => {
    view.setUint16(header.offsetOf('sectionCount'), 0, true);
    view.setBigUint64(Number(at) + layoutOf(64, 'little').section.offsetOf('size'), 1n << 32n, true);
  });
  refused('LIMIT', () => modinfo(source));
});

test('a names index that points at no section', () => {
  refused('BAD_VALUE', () => open(changed(MODULE, (view) => view.setUint16(header.offsetOf('namesIndex'), 99, true))).sections);
});

test('section headers smaller than they can be', () => {
  refused('BAD_VALUE', () => open(changed(MODULE, (view) => view.setUint16(header.offsetOf('sectionSize'), 8, true))).sections);
});

test('no .modinfo', () => {
  refused('BAD_VALUE', () => modinfo(bytesSource(PROGRAM)));
});

test('65535 program headers that are not there', () => {
  refused('LIMIT', () => open(changed(PROGRAM, (view) => view.setUint16(header.offsetOf('segmentCount'), 0xfffe, true))).segments);
});

test('an interpreter of a gigabyte', () => {
  const source = changed(PROGRAM, (view) => view.setBigUint64(header.size + segment.size + segment.offsetOf('fileSize'), 1n << 30n, true));
  refused('LIMIT', () => interpreter(open(source)));
});

test('a string table that is nowhere', () => {
  const elf = open(bytesSource(PROGRAM));
  const dynamicAt = elf.segments.find((one) => one.type === 2)!.at;
  const source = changed(PROGRAM, (view) => view.setBigUint64(dynamicAt + dynamicEntry.size + 8, 1n << 50n, true));
  refused('BAD_VALUE', () => dynamic(open(source)));
});

test('a note that leaves its segment', () => {
  const elf = open(bytesSource(PROGRAM));
  const noteAt = elf.segments.find((one) => one.type === 4)!.at;
  refused('TRUNCATED', () => notes(open(changed(PROGRAM, (view) => view.setUint32(noteAt + 4, 0xfffffff0, true)))));
});

test('a dlopen note that is no JSON, or says nothing', () => {
  refused('BAD_VALUE', () => dlopenNotes(open(bytesSource(makeProgram({ dlopen: ['{'] })))));
  refused('BAD_VALUE', () => dlopenNotes(open(bytesSource(makeProgram({ dlopen: ['{"soname":[]}'] })))));
});
