// What holds of every form of cpio, for trees that nobody chose: what is written is read back as it was; changed bytes end in a fault or in a
// tree, never in another throw, within bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ByteSource, bytesSource } from '../../bytes/index.ts';
import { printManifest } from '../../tree/index.ts';
import { normal, trees } from '../../tree/trees.fixture.ts';
import { type CpioArchive, type CpioEncoder, replay } from './index.ts';

const SEED = 20261121;

/** Tests a form; `leastRecord` is the fewest bytes that a record takes. */
export function testForm(
  form: Pick<CpioEncoder, 'encode' | 'encodeWhole'> & { decode(source: ByteSource): CpioArchive },
  leastRecord: number,
): void {
  const { decode, encode, encodeWhole } = form;
  function read(bytes: Uint8Array) {
    const archive = decode(bytesSource(bytes));
    const root = replay();
    for (const record of archive.records) root.add(record);
    return { archive, tree: root.tree(), findings: root.findings };
  }

  test('decode(encode(tree)) is the tree', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        const { archive, tree: back, findings } = read(encodeWhole(tree.entries));
        assert.equal(archive.fault, undefined);
        assert.deepEqual(findings, []);
        assert.equal(printManifest(back, { data: true }), printManifest(normal(tree), { data: true }));
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  test('both ways of writing give the same bytes', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        const pieces = [...encode(tree.entries)];
        assert.deepEqual(Buffer.concat(pieces), Buffer.from(encodeWhole(tree.entries)));
      }),
      { seed: SEED, numRuns: 50 },
    );
  });

  test('changed bytes give a fault or a tree', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(trees, changes, fc.nat(), (tree, edits, cut) => {
        const bytes = encodeWhole(tree.entries);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        const { archive, tree: back } = read(bytes.subarray(0, bytes.length - (cut % 3 === 0 ? cut % bytes.length : 0)));
        // Every record takes at least a header, so a tree can never be larger than its input allows.
        assert.ok(archive.records.length <= bytes.length / leastRecord);
        for (const entry of back.entries) if (entry.kind === 'file') assert.ok(entry.content.size <= bytes.length);
      }),
      { seed: SEED, numRuns: 400 },
    );
  });
}
