// What dumps say of themselves, what is refused, and that damaged ones end in an answer or a KindlingError. Real dumps: test/boots/kdump.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { elfCore, kdumpFile } from './dumps.fixture.ts';
import { decode, detect } from './index.ts';
import { STATUS } from './structs.ts';

test('an ELF core', () => {
  const bytes = elfCore();
  const { info, ...rest } = decode(bytesSource(bytes));
  assert.deepEqual(rest, {
    form: 'elf',
    release: '6.1.0-sample',
    machine: 'x86_64',
    memorySize: 8192,
    processorCount: 2,
    compression: undefined,
    dumpLevel: undefined,
    endAt: rest.endAt,
    incomplete: false,
  });
  assert.ok(rest.endAt !== undefined && rest.endAt > 8192 && rest.endAt <= bytes.length);
  assert.equal(info.get('SYMBOL(x)'), 'ffff');
});

test("makedumpfile's form", () => {
  const { info, ...rest } = decode(bytesSource(kdumpFile()));
  assert.deepEqual(rest, {
    form: 'kdump',
    release: '6.1.0-sample',
    machine: 'x86_64',
    memorySize: 11 * 4096,
    processorCount: 2,
    compression: 'lzo',
    dumpLevel: 31,
    endAt: undefined,
    incomplete: false,
  });
  assert.equal(info.get('CRASHTIME'), '1700000000');
  assert.equal(decode(bytesSource(kdumpFile({ status: STATUS.zstd }))).compression, 'zstd');
  assert.equal(decode(bytesSource(kdumpFile({ status: 0 }))).compression, 'none');
  assert.equal(decode(bytesSource(kdumpFile({ status: STATUS.zlib | STATUS.incomplete }))).incomplete, true);
});

test('first bytes tell the form', () => {
  assert.equal(detect(elfCore()), 'elf');
  assert.equal(detect(kdumpFile()), 'kdump');
  assert.equal(detect(utf8('KDUMP')), undefined);
});

test('what is no dump, and what is damaged, is refused with a code', () => {
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ['UNRECOGNISED', new Uint8Array(0)],
    ['UNRECOGNISED', utf8('diskdump in the old form')],
    ['UNSUPPORTED', utf8('makedumpfile\0\0\0\0stream')],
    ['UNRECOGNISED', elfCore(undefined, 'executable')],
    ['BAD_VALUE', elfCore('')],
    ['BAD_VALUE', elfCore('PAGESIZE=4096\n')],
    ['TRUNCATED', kdumpFile().subarray(0, 300)],
    ['TRUNCATED', kdumpFile().subarray(0, 4100)],
    ['TRUNCATED', kdumpFile().subarray(0, 9000)],
    ['BAD_VALUE', kdumpFile({ blockSize: 4097 })],
    ['BAD_VALUE', kdumpFile({ blockSize: 0 })],
    ['BAD_VALUE', kdumpFile({ infoSize: 0 })],
    ['LIMIT', kdumpFile({ infoSize: 1 << 21 })],
  ];
  for (const [code, bytes] of cases) {
    assert.throws(
      () => decode(bytesSource(bytes)),
      (error) => error instanceof KindlingError && error.code === code,
      `${code}: ${bytes.length} bytes`,
    );
  }
});

test('mutated dumps give an answer or a KindlingError', () => {
  for (const whole of [elfCore(), kdumpFile()]) {
    const mutation = fc.record({ at: fc.oneof(fc.nat({ max: 600 }), fc.integer({ min: 4096, max: 4200 })), value: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 8 }), fc.nat({ max: whole.length }), (mutations, size) => {
        const bytes = whole.slice(0, size % 3 === 0 ? size : whole.length);
        for (const { at, value } of mutations) if (at < bytes.length) bytes[at] = value;
        try {
          decode(bytesSource(bytes));
        } catch (error) {
          if (!(error instanceof KindlingError)) throw error;
        }
      }),
      { seed: 3, numRuns: 1500 },
    );
  }
});
