// The loader's cache: what is written reads back, in glibc's order; changed bytes give libraries or a KindlingError.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { type CachedLibrary, decodeLdCache, encodeLdCache } from './index.ts';
import { compareSonames } from './ld-cache.ts';

const SEED = 11;
const RUNS = 300;

const library: fc.Arbitrary<CachedLibrary> = fc
  .tuple(
    fc.stringMatching(/^lib[a-z]{1,3}\.so\.[0-9]{1,3}$/),
    fc.constantFrom(0x303, 3, 0xa03),
    fc.constantFrom(undefined, 'x86-64-v2', 'x86-64-v3'),
    fc.boolean(),
  )
  .map(([soname, flags, level, isTail]) => ({
    soname,
    flags,
    path: isTail ? `/usr/lib/${soname}` : '/opt/file',
    ...(level === undefined ? {} : { level }),
  }));

test('numbers in names count by their value', () => {
  assert.ok(compareSonames('libc.so.10', 'libc.so.9') > 0);
  assert.ok(compareSonames('libc.so.6', 'libc.so.6.1') < 0);
  assert.ok(compareSonames('liba.so', 'libb.so') < 0);
  assert.ok(compareSonames('lib1', 'liba') > 0, 'digits are after letters');
  assert.equal(compareSonames('libx.so.01', 'libx.so.1'), 0);
});

test('what is written reads back, highest first', () => {
  fc.assert(
    fc.property(fc.array(library, { maxLength: 30 }), (libraries) => {
      const read = decodeLdCache(bytesSource(encodeLdCache(libraries)));
      assert.ok(read !== undefined);
      const words = (all: readonly CachedLibrary[]) =>
        all.map((one) => JSON.stringify([one.soname, one.path, one.flags, one.level ?? ''])).sort();
      assert.deepEqual(words(read), words(libraries));
      for (const [index, { soname }] of read.entries()) assert.ok(index === 0 || compareSonames(read[index - 1]!.soname, soname) >= 0);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test('changed bytes give libraries or a KindlingError', () => {
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(library, { maxLength: 6 }), edits, fc.nat(), (libraries, changes, cut) => {
      const bytes = encodeLdCache(libraries).slice();
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      try {
        decodeLdCache(bytesSource(bytes.subarray(0, bytes.length - (cut % 3 === 0 ? cut % bytes.length : 0))));
      } catch (error) {
        if (!(error instanceof KindlingError)) throw error;
      }
    }),
    { seed: SEED, numRuns: RUNS },
  );
});
