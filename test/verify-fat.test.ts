// `kindling verify` of a damaged FAT volume and of a disk with one: each fault is told once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, concat, utf8 } from '../src/bytes/index.ts';
import { encode } from '../src/formats/fat/index.ts';
import { sha256 } from '../src/node/digest.ts';
import { digestSource } from '../src/node/live-store.ts';
import { directory, file, makeTree } from '../src/tree/index.ts';
import { verifyMedium } from '../src/verbs/verify-medium.ts';

const verified = (bytes: Uint8Array) => verifyMedium({ source: bytesSource(bytes), decoders: [], sha256, digest: digestSource });

test('a chain that leads out of the volume is one error', () => {
  const tree = makeTree([directory(''), file('a', bytesSource(utf8('x'.repeat(3000))))]);
  const plan = encode(tree, { size: 1 << 20, label: 'SAMPLE', serial: 1, time: 1e9 });
  const bytes = concat([...plan.chunks()]);
  // both tables, which come right behind the boot sector: the second cluster's entry of 12 bits
  const tableSize = new DataView(bytes.buffer).getUint16(22, true) * 512;
  for (const at of [512, 512 + tableSize]) bytes.set([0xf8, 0xff, 0xff, 0x00, 0x0f, 0xf0], at);
  const errors = verified(bytes).findings.filter(({ severity }) => severity === 'error');
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['fat-bad-value'],
    JSON.stringify(errors),
  );
});
