// dm-verity against veritysetup, both ways, and what is refused.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { needs, tool } from '../../test/tools.ts';
import { mustRun, run } from '../../test/world/index.ts';
import { bytesSource, concat, type Sha256 } from '../bytes/index.ts';
import { KindlingError } from '../errors.ts';
import { VERITY_BLOCK, verityCheck, verityFacts, verityTree } from './verity.ts';

const folder = mkdtempSync(join(tmpdir(), 'kindling-verity-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

function blocks(count: number): Uint8Array {
  const bytes = new Uint8Array(count * VERITY_BLOCK);
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 12) * 7) & 0xff;
  return bytes;
}

// One block (no tree), one level, a full one, two levels, and three.
for (const count of [1, 2, 128, 129, 128 * 128 + 1]) {
  test(`${count} blocks, by veritysetup and by us`, async (t) => {
    if (!needs(t, 'veritysetup')) return;
    const bytes = blocks(count);
    const content = bytesSource(bytes);
    const [data, ours, theirs] = ['data', 'ours', 'theirs'].map((name) => join(folder, `${count}-${name}`));
    writeFileSync(data!, bytes);
    const tree = verityTree(content, { sha256 });
    const file = concat([...tree.chunks()]);
    assert.equal(file.length, tree.size);
    writeFileSync(ours!, file);
    await mustRun(tool('veritysetup'), ['verify', data!, ours!, tree.rootHash]);
    assert.deepEqual(verityCheck(content, bytesSource(file), tree.rootHash, sha256), []);
    writeFileSync(theirs!, '');
    const said = await mustRun(tool('veritysetup'), ['format', data!, theirs!]);
    const root = /Root hash:\s+([0-9a-f]{64})/.exec(said)![1]!;
    const foreign = bytesSource(readFileSync(theirs!));
    assert.equal(verityFacts(foreign).salt.length, 32);
    assert.deepEqual(verityCheck(content, foreign, root, sha256), []);
    const same = verityTree(content, { sha256, salt: verityFacts(foreign).salt });
    assert.equal(same.rootHash, root);
  });
}

test('a changed block, digest or root hash is found by both', async (t) => {
  if (!needs(t, 'veritysetup')) return;
  const bytes = blocks(300);
  const tree = verityTree(bytesSource(bytes), { sha256 });
  const file = concat([...tree.chunks()]);
  const judge = async (data: Uint8Array, digests: Uint8Array, root: string): Promise<boolean> => {
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    writeFileSync(a, data);
    writeFileSync(b, digests);
    const { code } = await run(tool('veritysetup'), ['verify', a, b, root]);
    assert.equal(verityCheck(bytesSource(data), bytesSource(digests), root, sha256).length === 0, code === 0);
    return code === 0;
  };
  const changed = (from: Uint8Array, at: number): Uint8Array => {
    const copy = from.slice();
    copy[at]! ^= 1;
    return copy;
  };
  assert.equal(await judge(bytes, file, tree.rootHash), true);
  assert.equal(await judge(changed(bytes, 5000), file, tree.rootHash), false);
  assert.equal(await judge(bytes, changed(file, 4096 + 9), tree.rootHash), false);
  assert.equal(await judge(bytes, changed(file, file.length - 4096 + 3), tree.rootHash), false);
  assert.equal(await judge(bytes, file, sha256(bytes)), false);
});

test('what is refused', () => {
  const code = (wanted: string) => (error: unknown) => error instanceof KindlingError && error.code === wanted;
  assert.throws(() => verityTree(bytesSource(new Uint8Array(5000)), { sha256 }), code('BAD_VALUE'));
  assert.throws(() => verityTree(bytesSource(blocks(1)), { sha256, salt: new Uint8Array(257) }), code('BAD_VALUE'));
  assert.throws(() => verityFacts(bytesSource(new Uint8Array(100))), code('TRUNCATED'));
  assert.throws(() => verityFacts(bytesSource(new Uint8Array(4096))), code('BAD_MAGIC'));
  const file = concat([...verityTree(bytesSource(blocks(2)), { sha256 }).chunks()]);
  file[8] = 2;
  assert.throws(() => verityFacts(bytesSource(file)), code('UNSUPPORTED'));
});
