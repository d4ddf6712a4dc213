// Changed bytes end in a KindlingError or in a tree, never in another throw; check never throws. Over images of every layout and codec.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { bytesSource } from '../../bytes/index.ts';
import { pureDecoders } from '../../codecs/index.ts';
import { KindlingError } from '../../errors.ts';
import { check, decode } from './index.ts';
import images from './testdata/images.json' with { type: 'json' };

const SEED = 20261121;
const RUNS = 300;
const decoders = pureDecoders;
const originals = Object.values(images).map(({ gzip }) => gunzipSync(Buffer.from(gzip, 'base64')));

/** Places of bytes that are not zero: changing padding shows nothing. */
const places = originals.map((bytes) => Array.from(bytes.keys()).filter((at) => at >= 1024 && bytes[at] !== 0));

function tryAll(bytes: Uint8Array): void {
  const source = bytesSource(bytes);
  assert.ok(Array.isArray(check(source, { decoders })));
  try {
    for (const entry of decode(source, { decoders }).tree.entries) {
      if (entry.kind === 'file') entry.content.read(0, Math.min(entry.content.size, 100_000));
    }
  } catch (error) {
    if (!(error instanceof KindlingError)) throw error;
    assert.notEqual(error.code, 'INTERNAL');
  }
}

test('changed bytes give a tree or a KindlingError', () => {
  const edit = fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 })), fc.boolean());
  fc.assert(
    fc.property(fc.nat(originals.length - 1), fc.array(edit, { minLength: 1, maxLength: 5 }), (which, edits) => {
      const bytes = Uint8Array.from(originals[which]!);
      const spots = places[which]!;
      // half of the edits in the superblock and the metadata, which come first
      for (const [at, value, early] of edits) bytes[spots[at % (early ? Math.min(400, spots.length) : spots.length)]!] = value;
      tryAll(bytes);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test('cut images give a tree or a KindlingError', () => {
  fc.assert(
    fc.property(fc.nat(originals.length - 1), fc.nat(), (which, cut) => {
      const bytes = originals[which]!;
      tryAll(bytes.subarray(0, cut % bytes.length));
    }),
    { seed: SEED, numRuns: RUNS / 5 },
  );
});
