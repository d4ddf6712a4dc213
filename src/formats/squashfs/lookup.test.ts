// Single paths, looked up, are what the whole tree has; damage elsewhere does not matter, damage on the way does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, readAll } from '../../bytes/index.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { baseName, type Entry, makeTree, printManifest, withParents } from '../../tree/index.ts';
import { featureTree } from './features.fixture.ts';
import { decode, lookup } from './index.ts';
import { placesOf, rawImage } from './raw.fixture.ts';
import { written } from './written.fixture.ts';

const decoders = nodeDecoders();

test('each path of an image is found as the tree has it, and no other', async () => {
  const bytes = await written(featureTree(4096, 300), { codec: 'zstd:1', blockSize: 4096 });
  const { tree } = decode(bytesSource(bytes), { decoders });
  const found = lookup(bytesSource(bytes), { decoders });
  const line = (entry: Entry): string => printManifest(makeTree(withParents([entry])), { data: true });
  for (const entry of tree.entries) {
    const expected = entry.kind === 'hardlink' ? { ...tree.get(entry.to)!, path: entry.path } : entry;
    const one = found.entry(entry.path);
    assert.ok(one !== undefined, entry.path);
    assert.equal(line(one), line(expected));
    assert.deepEqual(
      found.names(entry.path),
      tree.children(entry.path).map(({ path }) => baseName(path)),
    );
  }
  for (const path of ['nowhere', 'holes/below', 'deep/er/est/none', 'target-long/x']) assert.equal(found.entry(path), undefined);
});

test('only what is on the way has to be whole', async () => {
  const bytes = await rawImage(featureTree(4096, 5));
  const { tree } = decode(bytesSource(bytes), { decoders });
  const places = placesOf(bytes);
  // an inode type that does not exist, at the inode of "fifo"
  const fifo = [...places.inodes.values()].find((at) => new DataView(bytes.buffer, bytes.byteOffset).getUint16(at, true) === 6)!;
  new DataView(bytes.buffer, bytes.byteOffset).setUint16(fifo, 99, true);
  assert.throws(() => decode(bytesSource(bytes), { decoders }), { code: 'BAD_VALUE', message: /type 99/ });
  const found = lookup(bytesSource(bytes), { decoders });
  const file = found.entry('deep/er/est/file');
  const expected = tree.get('a-link');
  assert.ok(file?.kind === 'file' && expected?.kind === 'file');
  assert.deepEqual(readAll(file.content), readAll(expected.content));
  assert.throws(() => found.entry('fifo'), { code: 'BAD_VALUE', message: /type 99/ });
});
