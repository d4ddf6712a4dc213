// Whatever is put in comes out again; damaged images give an answer or a KindlingError.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource, readAll } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { check, decode, decodeUki, encodeUki, section, withSections } from './index.ts';
import { sampleStub } from './stub.fixture.ts';

const content = fc.uint8Array({ minLength: 1, maxLength: 3000 });
const name = fc.stringMatching(/^\.[a-z]{1,7}$/).filter((one) => one !== '.text' && one !== '.data');

test('sections come back as they were', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.record({ name, content }), { selector: (one) => one.name, maxLength: 10 }), (sections) => {
      const image = bytesSource(withSections(sampleStub(), sections));
      const pe = decode(image);
      for (const one of sections) assert.deepEqual(readAll(section(image, pe, one.name)!), one.content);
      assert.deepEqual(check(image), []);
    }),
    { seed: 1, numRuns: 100 },
  );
});

test('mutated images give an answer or a KindlingError', () => {
  const whole = encodeUki({
    stub: bytesSource(sampleStub()),
    kernel: bytesSource(sampleStub()),
    archive: bytesSource(new Uint8Array(100)),
    ...{ commandLine: 'quiet', version: '6', osRelease: 'ID=x' },
  });
  const mutation = fc.record({ at: fc.nat({ max: 800 }), value: fc.nat({ max: 255 }) });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 6 }), fc.nat({ max: 4000 }), (mutations, size) => {
      const bytes = whole.slice(0, size % 4 === 0 ? size : whole.length);
      for (const { at, value } of mutations) if (at < bytes.length) bytes[at] = value;
      check(bytesSource(bytes));
      for (const act of [() => decodeUki(bytesSource(bytes)), () => withSections(bytes, [{ name: '.x', content: new Uint8Array(1) }])]) {
        try {
          act();
        } catch (error) {
          if (!(error instanceof KindlingError)) throw error;
        }
      }
    }),
    { seed: 2, numRuns: 1500 },
  );
});
