// Facts files: read back as printed, and refused with a reason.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KindlingError } from '../errors.ts';
import { parseFacts, printFacts } from './host.ts';
import { VIRTUAL } from './sample.fixture.ts';

test('facts are read back as they were printed', () => {
  assert.deepEqual(parseFacts(printFacts(VIRTUAL), 'f'), VIRTUAL);
  const withProcessor = { ...VIRTUAL, processor: 'GenuineIntel' };
  assert.deepEqual(parseFacts(printFacts(withProcessor), 'f'), withProcessor);
});

test('anything else is BAD_VALUE with the file', () => {
  const broken = [
    '',
    '[]',
    '{}',
    '{"facts":2}',
    JSON.stringify({ ...VIRTUAL, modules: [1] }),
    JSON.stringify({ ...VIRTUAL, mounts: [{}] }),
  ];
  for (const text of [...broken, JSON.stringify({ ...VIRTUAL, kernel: undefined }), printFacts(VIRTUAL).slice(0, -5)]) {
    assert.throws(
      () => parseFacts(text, 'f'),
      (error) => error instanceof KindlingError && error.code === 'BAD_VALUE' && error.where.file === 'f',
    );
  }
});
