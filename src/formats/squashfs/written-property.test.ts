// Whatever tree is written is read back as it was, with nothing to complain about; speed and slots do not show; failures leave nothing held.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { needs, tool } from '../../../test/tools.ts';
import { type ByteSource, bytesSource, nameToBytes } from '../../bytes/index.ts';
import { type Finding, KindlingError } from '../../errors.ts';
import { nodeDecoders } from '../../node/codecs.ts';
import { sha256 } from '../../node/digest.ts';
import { directory, type Entry, file, makeTree, printManifest, type Tree } from '../../tree/index.ts';
import { normal, trees } from '../../tree/trees.fixture.ts';
import { featureTree } from './features.fixture.ts';
import { type BlockCompressor, check, decode, ENCODE_DEFAULTS, type EncodeOptions, encode } from './index.ts';
import { collected, plainCompressor } from './plain.fixture.ts';
import { MATRIX, written } from './written.fixture.ts';

const SEED = 20261121;
const decoders = nodeDecoders();

type Choices = Partial<Omit<EncodeOptions, 'compressor'>>;

function image(tree: Tree, choices: Choices = {}, compressor: BlockCompressor = plainCompressor('zstd', 4096)): Promise<Uint8Array> {
  return collected(encode(tree, { ...ENCODE_DEFAULTS, blockSize: 4096, ...choices, compressor, sha256 }));
}

/** Findings, save that an image without padding cannot be mounted through a loop device. */
function complaints(source: ByteSource): Finding[] {
  return check(source, { decoders }).filter(({ code }) => code !== 'squashfs-padding' || source.size % 4096 === 0);
}

/** As a decoder gives it back: with a root, and links with the mode that Linux gives them. */
function whole(tree: Tree): Tree {
  const linked = tree.entries.map((entry) => (entry.kind === 'symlink' ? { ...entry, mode: 0o777 } : entry));
  const { entries } = normal(makeTree(linked));
  return makeTree(tree.get('') === undefined ? [directory(''), ...entries] : entries);
}

const values = fc.uint8Array({ maxLength: 30 });
const attributes = fc.dictionary(fc.constantFrom('user.a', 'user.b', 'trusted.c', 'security.capability'), values, { maxKeys: 3 });

/** Trees whose files reach over blocks, with holes and copies, and with attributes. */
const rich: fc.Arbitrary<Tree> = fc
  .tuple(
    trees,
    fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 3, maxLength: 3 }),
    fc.array(attributes, { minLength: 2, maxLength: 2 }),
  )
  .map(([tree, factors, lists]) =>
    makeTree(
      tree.entries.map((entry, index): Entry => {
        if (entry.kind === 'hardlink') return entry;
        const list = Object.entries(lists[index % 3] ?? {});
        const kept = list.length === 0 ? entry : { ...entry, xattrs: new Map(list) };
        if (kept.kind !== 'file') return kept;
        const seed = kept.content.read(0, kept.content.size);
        const bytes = new Uint8Array(seed.length * factors[index % 3]!).map(
          (_, at) => seed[at % seed.length]! & ((at >> 12) % 3 === 0 ? 0 : 255),
        );
        return { ...kept, content: bytesSource(bytes) };
      }),
    ),
  );

const choices = fc.record({
  fragments: fc.constantFrom('small', 'always', 'none'),
  duplicates: fc.boolean(),
  sparse: fc.boolean(),
  exportTable: fc.boolean(),
  padding: fc.constantFrom(0, 4096),
  time: fc.constantFrom(0, 0xffffffff),
});

test('decode(encode(tree)) is the tree, and check finds nothing', async () => {
  await fc.assert(
    fc.asyncProperty(rich, choices, async (tree, chosen) => {
      const source = bytesSource(await image(tree, chosen));
      const back = decode(source, { decoders });
      assert.equal(printManifest(back.tree, { data: true }), printManifest(whole(tree), { data: true }));
      assert.deepEqual(complaints(source), []);
      assert.equal(back.facts.time, chosen.time);
    }),
    { seed: SEED, numRuns: 120 },
  );
});

for (const [title, chosen] of MATRIX) {
  test(`decode gives back what was written: ${title}`, async () => {
    const tree = featureTree(chosen.blockSize ?? ENCODE_DEFAULTS.blockSize);
    const source = bytesSource(await written(tree, chosen));
    const kept = ({ xattrs, ...rest }: Entry): Entry =>
      chosen.xattrs === false || xattrs === undefined ? (rest as Entry) : { ...(rest as Entry), xattrs };
    assert.equal(
      printManifest(decode(source, { decoders }).tree, { sha256 }),
      printManifest(makeTree(normal(tree).entries.map(kept)), { sha256 }),
    );
    assert.deepEqual(complaints(source), []);
  });
}

test('unsquashfs lists any tree as we meant it', async (t) => {
  if (!needs(t, 'unsquashfs')) return;
  const folder = mkdtempSync(join(tmpdir(), 'kindling-squashfs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await fc.assert(
    fc.asyncProperty(rich, choices, async (tree, chosen) => {
      writeFileSync(join(folder, 'image'), await image(tree, chosen));
      const list = execFileSync(tool('unsquashfs'), ['-l', '-d', 'x', 'image'], { cwd: folder });
      const names = tree.entries.filter(({ path }) => path !== '').map(({ path }) => `x/${path}`);
      // names may hold newlines, and are bytes: so all of them together, sorted by unsquashfs' own order, which is the tree's
      const expected = ['x', ...names].map((name) => Buffer.concat([nameToBytes(name), Buffer.from('\n')]));
      assert.deepEqual(list, Buffer.concat(expected));
      execFileSync(tool('unsquashfs'), ['-no-progress', '-quiet', '-no-xattrs', '-ignore-errors', '-f', '-d', 'x', 'image'], {
        cwd: folder,
        stdio: 'ignore',
      });
      rmSync(join(folder, 'x'), { recursive: true, force: true });
    }),
    { seed: SEED, numRuns: 8 },
  );
});

test('neither slots nor threads show in the bytes', async () => {
  const tree = featureTree(4096, 300);
  for (const fragments of ['small', 'always'] as const) {
    const one = await image(tree, { fragments }, plainCompressor('zstd', 4096, 2));
    assert.deepEqual(await image(tree, { fragments }, plainCompressor('zstd', 4096, 40)), one);
  }
  const chosen = { blockSize: 16384, codec: 'zstd:3' };
  assert.deepEqual(await written(tree, { ...chosen, threads: 1 }), await written(tree, { ...chosen, threads: 3 }));
});

test('all slots are given back: at the end, when the reader stops, when a file or the compressor fails', async () => {
  const tree = featureTree(4096, 300);
  for (const stopAfter of [0, 1, 2, Infinity]) {
    const compressor = plainCompressor('gzip', 4096, 5);
    let pieces = 0;
    for await (const { bytes } of encode(tree, { ...ENCODE_DEFAULTS, blockSize: 4096, compressor, sha256 })) {
      assert.ok(bytes.length > 0);
      if (++pieces > stopAfter) break;
    }
    assert.equal(compressor.held, 0);
  }
  const unreadable: ByteSource = {
    size: 50_000,
    read(at) {
      if (at > 30_000) throw new KindlingError('IO', 'the disk is gone');
      return new Uint8Array(4096).fill(at >> 12);
    },
  };
  const compressor = plainCompressor('gzip', 4096, 5);
  const failing = image(makeTree([...tree.entries, file('zzz', unreadable)]), {}, compressor);
  await assert.rejects(failing, (error) => error instanceof KindlingError && error.code === 'IO' && error.where.path === 'zzz');
  assert.equal(compressor.held, 0);
  let left = 10;
  const broken: BlockCompressor = {
    ...compressor,
    take() {
      const slot = compressor.take();
      return {
        ...slot,
        compress: (size) => (--left < 0 ? Promise.reject(new KindlingError('INTERNAL', 'a worker ended')) : slot.compress(size)),
      };
    },
  };
  await assert.rejects(image(tree, {}, broken), { code: 'INTERNAL' });
  assert.equal(compressor.held, 0);
});

test('what an image cannot hold is refused before the first piece', async () => {
  const refused = (entries: readonly Entry[], code: string, chosen: Choices = {}) =>
    assert.rejects(image(makeTree(entries), chosen), { code });
  const plain = file('a', bytesSource(new Uint8Array(1)));
  await refused([{ ...plain, uid: 2 ** 32 }], 'NOT_EXPRESSIBLE');
  await refused([{ ...plain, mtime: -1 }], 'NOT_EXPRESSIBLE');
  await refused([{ ...plain, mtime: 2 ** 32 }], 'NOT_EXPRESSIBLE');
  await refused([{ ...plain, xattrs: new Map([['user.x', new Uint8Array(65537)]]) }], 'NOT_EXPRESSIBLE');
  await refused([{ ...plain, xattrs: new Map([[`user.${'x'.repeat(251)}`, new Uint8Array(1)]]) }], 'NOT_EXPRESSIBLE');
  const owners = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      ...file(`f${index}`, bytesSource(new Uint8Array(0))),
      uid: 2 * index + 1,
      gid: 2 * index + 2,
    }));
  await refused(owners(32768), 'NOT_EXPRESSIBLE'); // with the root's, one more than 65535
  assert.equal(decode(bytesSource(await image(makeTree(owners(32767)))), { decoders }).tree.get('f32766')?.uid, 65533);
  for (const blockSize of [0, 2048, 5000, 2 ** 21, Number.NaN]) await refused([plain], 'BAD_VALUE', { blockSize });
  for (const time of [-1, 2 ** 32, 1.5]) await refused([plain], 'BAD_VALUE', { time });
  await refused([plain], 'BAD_VALUE', { blockSize: 131072 }); // the compressor's slots are smaller
});
