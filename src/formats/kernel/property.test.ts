// Mutated images give an answer or a KindlingError.
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { open, parseConfig, version } from './index.ts';
import { BOOT_FLAG, SETUP_HEADER, SETUP_HEADER_AT, SETUP_MAGIC } from './structs.ts';

test('mutated headers give an answer or a KindlingError', () => {
  const zero = SETUP_HEADER.decode(new Uint8Array(SETUP_HEADER.size));
  const whole = new Uint8Array(2048);
  whole.set([0x4d, 0x5a]);
  whole.set([128, 0, 0, 0, 0x50, 0x45], 0x3c);
  whole.set([0x50, 0x45, 0, 0, 0x64, 0x86, 1, 0], 128);
  whole.set(
    SETUP_HEADER.encode({
      ...zero,
      setupSectors: 1,
      bootFlag: BOOT_FLAG,
      magic: SETUP_MAGIC,
      protocol: 0x20f,
      versionAt: 64,
      payloadSize: 600,
    }),
    SETUP_HEADER_AT,
  );
  const place = fc.oneof(fc.nat({ max: 160 }), fc.integer({ min: SETUP_HEADER_AT, max: SETUP_HEADER_AT + SETUP_HEADER.size }));
  const mutation = fc.record({ at: place, value: fc.nat({ max: 255 }) });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 8 }), fc.nat({ max: 2048 }), (mutations, size) => {
      const bytes = whole.slice(0, size % 4 === 0 ? size : whole.length);
      for (const { at, value } of mutations) if (at < bytes.length) bytes[at] = value;
      try {
        version(open(bytesSource(bytes)));
      } catch (error) {
        if (!(error instanceof KindlingError)) throw error;
      }
    }),
    { seed: 1, numRuns: 3000 },
  );
});

test('any text is some configuration', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      parseConfig(text);
    }),
    { seed: 2, numRuns: 300 },
  );
});
