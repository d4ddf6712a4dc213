// Archives with an image: where its member is, what the id covers, and that archives without one are what they always were.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAll } from '../bytes/index.ts';
import type { Encoder } from '../codecs/index.ts';
import { KindlingError } from '../errors.ts';
import { planned, sample } from '../plan/sample.fixture.ts';
import type { Tree } from '../tree/index.ts';
import { decode } from './decode.ts';
import { earlySize } from './early-segment.ts';
import { ID_PATH, REASONS_PATH } from './encode.ts';
import { idOf } from './id.ts';
import { type ArchiveImage, covered } from './image.ts';
import { bytesOf, none, planOf, sha256, treeOf } from './plans.fixture.ts';

const OUTSIDE = treeOf('file 0755 0 0 0 init data=loader', 'directory 0755 0 0 0 squash');
const INSIDE = treeOf('directory 0755 0 0 0 .', 'file 0755 0 0 0 init data=stock', 'file 0644 0 0 0 usr/lib/a data=aaa');
const PATH = 'squash/any.img';

/** Pieces as a writer of images gives them: out of order, over page borders, in memory that is used again. */
function image(inside: Tree, size = 3_000_001): ArchiveImage {
  return {
    path: PATH,
    inside,
    async *pack() {
      const memory = new Uint8Array(700_000);
      for (let at = 100; at < size; at += memory.length) {
        const bytes = memory.subarray(0, Math.min(memory.length, size - at));
        for (let index = 0; index < bytes.length; index++) bytes[index] = (at + index) % 251;
        yield { at, bytes };
      }
      yield { at: 0, bytes: memory.subarray(0, 100).fill(7) };
    },
  };
}

/** Not empty, and its frames are recognised by nobody: enough to see what is where. */
const tagged: Encoder = { ...none, name: 'gzip', encode: async (input) => Uint8Array.of(0x1f, 0x8b, ...input) };

test('a plain archive has the bytes it had before there were squashed ones', async () => {
  const bytes = await bytesOf(planned(sample()));
  assert.equal(sha256(bytes), 'f3a8c3811ec1f460dcf6ddf8d10a0205c33a5afccbc6aa722d9b74780c2e1476');
});

test('the image is a member of its own behind the loader, stored as it is, and comes back whole', async () => {
  const bytes = await bytesOf(planOf(OUTSIDE), { image: image(INSIDE) });
  const archive = decode({ size: bytes.length, read: (at, size) => bytes.subarray(at, at + size) }, { decoders: [] });
  const holds = archive.members.map(({ cpios }) => cpios.flatMap(({ records }) => records.length).join());
  assert.ok(holds.length >= 3, `${holds.length} members`);
  const entry = archive.members.at(-2)!;
  assert.equal(entry.codec, 'none');
  assert.equal(entry.at % 4, 0);
  const outside = archive.outer;
  const stored = outside.get(PATH);
  assert.ok(stored?.kind === 'file' && stored.content.size === 3_000_001);
  const content = readAll(stored.content);
  assert.ok(content.subarray(0, 100).every((byte) => byte === 7));
  assert.ok(content.subarray(100).every((byte, index) => byte === (index + 100) % 251));
});

test('one frame for the rest: the id is in it although it covers the image', async () => {
  const bytes = await bytesOf(planOf(OUTSIDE), { image: image(INSIDE, 500), members: 'archive' });
  const archive = decode({ size: bytes.length, read: (at, size) => bytes.subarray(at, at + size) }, { decoders: [] });
  assert.equal(archive.members.length, 2);
});

async function idWith(outside: Tree, inside: Tree, size?: number): Promise<string> {
  const bytes = await bytesOf(planOf(outside), { image: image(inside, size) });
  const archive = decode({ size: bytes.length, read: (at, count) => bytes.subarray(at, at + count) }, { decoders: [] });
  const tree = archive.outer;
  const entry = tree.get(ID_PATH);
  assert.ok(entry?.kind === 'file');
  const held = String.fromCharCode(...readAll(entry.content)).trim();
  const ours = tree.entries.filter(({ path }) => path !== '' && path !== ID_PATH && path !== PATH);
  assert.equal(held, idOf([...ours, ...covered(PATH, inside)], sha256), 'it is the digest of what is outside and of what is in the image');
  return held;
}

test('the id covers what is outside and what is inside, but not how the image is made', async () => {
  const first = await idWith(OUTSIDE, INSIDE);
  assert.equal(await idWith(OUTSIDE, INSIDE, 4711), first);
  assert.notEqual(
    await idWith(OUTSIDE, treeOf('directory 0755 0 0 0 .', 'file 0755 0 0 0 init data=stocl', 'file 0644 0 0 0 usr/lib/a data=aaa')),
    first,
  );
  assert.notEqual(await idWith(treeOf('file 0755 0 0 0 init data=loadel', 'directory 0755 0 0 0 squash'), INSIDE), first);
});

test('compressed members before and behind the image keep to the alignment', async () => {
  const bytes = await bytesOf(planOf(OUTSIDE), { image: image(INSIDE, 500), codec: { encoder: tagged, level: 0 } });
  const at = Buffer.from(bytes).indexOf('070701');
  const member = Buffer.from(bytes).indexOf(PATH) - 110;
  assert.ok(at >= 2 && member > 0);
  assert.equal(member % 4, 0);
});

test('an image is refused where Linux could not read it, and nothing in it may be what the archive writes itself', async () => {
  await assert.rejects(
    bytesOf(planOf(OUTSIDE), { image: image(INSIDE), format: 'odc' }),
    (error) => error instanceof KindlingError && error.code === 'UNSUPPORTED',
  );
  const own = treeOf(`file 0644 0 0 0 ${REASONS_PATH} data=x`);
  await assert.rejects(
    bytesOf(planOf(OUTSIDE), { image: image(own) }),
    (error) => error instanceof KindlingError && error.code === 'CONFLICT',
  );
});

test('microcode in front of an initramfs is told from an initramfs that is not compressed', async () => {
  const sizeOf = async (microcode: Tree | undefined, tree: Tree): Promise<number> => {
    const bytes = await bytesOf(planOf(tree, microcode), { members: 'archive' });
    return earlySize(decode({ size: bytes.length, read: (at, count) => bytes.subarray(at, at + count) }, { decoders: [] }));
  };
  const microcode = treeOf('file 0644 0 0 0 early_cpio data=1', 'file 0644 0 0 0 kernel/x86/microcode/GenuineIntel.bin data=123');
  const size = await sizeOf(microcode, OUTSIDE);
  assert.ok(size > 0 && size % 4 === 0);
  assert.equal(await sizeOf(undefined, OUTSIDE), 0);
  assert.equal(await sizeOf(undefined, treeOf('file 0644 0 0 0 kernel/x data=1')), 0);
});
