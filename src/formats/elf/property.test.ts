// Random contents survive the round trip; mutated objects give an answer or a KindlingError.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import {
  dlopenNotes,
  dynamic,
  type Elf,
  interpreter,
  makeModule,
  makeProgram,
  modinfo,
  notes,
  open,
  symbols,
  type Target,
} from './index.ts';

const word = fc.stringMatching(/^[\w$./-]{1,20}$/);
const target: fc.Arbitrary<Target> = fc.constantFrom(
  { class: 64, endian: 'little', machine: 'aarch64' },
  { class: 32, endian: 'big', machine: 'ppc' },
  { class: 64, endian: 'big', machine: 'sparcv9' },
  { class: 32, endian: 'little', machine: 'arm' },
);

test('what a program needs is read as it was written', () => {
  fc.assert(
    fc.property(target, fc.array(word, { maxLength: 8 }), fc.option(word, { nil: undefined }), (of, needed, soname) => {
      const elf = open(bytesSource(makeProgram({ target: of, needed, ...(soname === undefined ? {} : { soname }) })));
      const found = dynamic(elf);
      assert.deepEqual(found?.needed, needed);
      assert.equal(found?.soname, soname);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('modinfo is read as it was written', () => {
  const pair = fc.tuple(
    fc.stringMatching(/^[a-z]{1,8}$/),
    fc.string({ maxLength: 30 }).filter((text) => !text.includes('\0') && text.isWellFormed()),
  );
  fc.assert(
    fc.property(target, fc.array(pair, { maxLength: 10 }), (of, pairs) => {
      assert.deepEqual(modinfo(bytesSource(makeModule({ target: of, modinfo: pairs }))), pairs);
    }),
    { seed: 2, numRuns: 200 },
  );
});

const SEEN: readonly ((elf: Elf) => unknown)[] = [
  (elf) => elf.sections,
  (elf) => elf.segments,
  dynamic,
  interpreter,
  notes,
  dlopenNotes,
  symbols,
  (elf) => modinfo(elf.source),
];

test('mutated objects give an answer or a KindlingError', () => {
  const originals = [
    makeModule({
      modinfo: [
        ['license', 'GPL'],
        ['depends', 'x'],
      ],
      symbols: ['a', 'b'],
      imports: ['c'],
    }),
    makeProgram({ interpreter: '/ld.so', needed: ['libc.so'], soname: 's', dlopen: ['[{"soname":["x"]}]'] }),
    makeProgram({ needed: ['libc.so'], target: { class: 32, endian: 'big', machine: 'mips' } }),
  ];
  const mutation = fc.record({ at: fc.nat(), value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff) });
  fc.assert(
    fc.property(
      fc.constantFrom(...originals),
      fc.array(mutation, { minLength: 1, maxLength: 6 }),
      fc.nat({ max: 40 }),
      (bytes, mutations, cut) => {
        const copy = bytes.slice(0, bytes.length - cut);
        for (const { at, value } of mutations) copy[at % 400 < copy.length && at % 3 > 0 ? at % 400 : at % copy.length] = value;
        for (const look of SEEN) {
          try {
            look(open(bytesSource(copy)));
          } catch (error) {
            if (!(error instanceof KindlingError)) throw error;
          }
        }
      },
    ),
    { seed: 3, numRuns: 3000 },
  );
});
