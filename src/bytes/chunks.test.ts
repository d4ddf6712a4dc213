// Chunks of an image: the bytes of all pieces in order, in memory of their own or in the same again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunked, type Piece } from './chunks.ts';
import { bytesSource } from './source.ts';

const MIB = 1 << 20;
const bytes = (size: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, index) => (index * 31 + seed * 7 + 1) & 0xff);

test('bytes, sources and zeros come out in order, in chunks of 1 MiB', () => {
  const pieces: Piece[] = [
    bytes(10, 1),
    { zeros: MIB },
    bytesSource(bytes(2 * MIB + 3, 2)),
    { zeros: 0 },
    bytes(0, 3),
    bytesSource(bytes(7, 4)),
  ];
  const expected = Buffer.concat([bytes(10, 1), new Uint8Array(MIB), bytes(2 * MIB + 3, 2), bytes(7, 4)]);
  const own = [...chunked(pieces)];
  assert.deepEqual(
    own.map(({ length }) => length),
    [MIB, MIB, MIB, 20],
  );
  assert.ok(Buffer.concat(own).equals(expected));
  const shared = new Set<ArrayBufferLike>();
  const copies: Uint8Array[] = [];
  for (const chunk of chunked(pieces, { reuse: true })) {
    shared.add(chunk.buffer);
    copies.push(chunk.slice());
  }
  assert.equal(shared.size, 1);
  assert.ok(Buffer.concat(copies).equals(expected), 'zeros are zeros in memory that was used before');
  assert.deepEqual([...chunked([])], []);
});
