// Reuse: an archive made with an older one at hand has the bytes of one made anew, reads no content of unchanged members, and takes nothing
// that is damaged.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ByteSource, bytesSource, readAll } from '../bytes/index.ts';
import type { Encoder } from '../codecs/index.ts';
import { nodeEncoders } from '../node/codecs.ts';
import { type Entry, type FileEntry, file, makeTree, symlink, type Tree, withParents } from '../tree/index.ts';
import type { EncodeOptions, KnownArchive, WrittenMember } from './index.ts';
import { bytesOf, none, planOf, sha256 } from './plans.fixture.ts';

const SIZES = { least: 600, most: 2400 };

interface Made {
  readonly bytes: Uint8Array;
  readonly members: readonly WrittenMember[];
  readonly digests: ReadonlyMap<ByteSource, string>;
}

async function made(tree: Tree, options: Partial<EncodeOptions> = {}): Promise<Made> {
  const members: WrittenMember[] = [];
  const digests = new Map<ByteSource, string>();
  const bytes = await bytesOf(planOf(tree), {
    members: SIZES,
    onWritten: (member) => members.push(member),
    onContent: ({ content }, digest) => digests.set(content, digest),
    ...options,
  });
  return { bytes, members, digests };
}

/** What an update would know of an archive: its members where their bytes are what they were, digests of contents that are the same. */
function knownOf(
  before: Made,
  digestOf: (entry: FileEntry) => string | undefined = (entry) => before.digests.get(entry.content),
): KnownArchive {
  return {
    digestOf,
    member(key) {
      const member = before.members.find((one) => one.key === key);
      if (member === undefined) return undefined;
      const bytes = before.bytes.subarray(member.at, member.at + member.size);
      return sha256(bytes) === member.sha256 ? { ...member, bytes } : undefined;
    },
  };
}

const CODECS: readonly (readonly [string, Encoder, number])[] = [
  ['none', none, 0],
  ['zstd:3', nodeEncoders().get('zstd')!, 3],
  ['lz4', nodeEncoders().get('lz4')!, 1],
];

const NAME = fc.constantFrom('a', 'b', 'c', 'dd', 'ee', 'lib', 'x1', 'x2', 'y');
const PATH = fc
  .tuple(fc.constantFrom('usr/bin', 'usr/lib/modules/6.1.0', 'usr/lib/firmware', 'etc'), NAME, NAME)
  .map((parts) => parts.join('/'));
const CONTENT = fc.tuple(fc.nat(700), fc.nat(255)).map(([size, seed]) => new Uint8Array(size).map((_, at) => (at * seed) & 255));
const FILES = fc.dictionary(PATH, CONTENT, { minKeys: 4, maxKeys: 30, noNullPrototype: true });

function treeFrom(files: ReadonlyMap<string, ByteSource>, extra: readonly Entry[] = []): Tree {
  return makeTree(withParents([...[...files].map(([path, content]) => file(path, content)), ...extra]));
}

for (const [name, encoder, level] of CODECS) {
  test(`${name}: whatever changed, the bytes are those of an archive made anew`, async () => {
    const codec = { encoder, level };
    await fc.assert(
      fc.asyncProperty(FILES, FILES, fc.array(fc.nat(), { maxLength: 3 }), async (first, second, dropped) => {
        const before = new Map(Object.entries(first).map(([path, bytes]) => [path, bytesSource(bytes)]));
        const after = new Map(before);
        const names = [...before.keys()];
        for (const at of dropped) after.delete(names[at % names.length]!);
        for (const [path, bytes] of Object.entries(second).slice(0, 2)) after.set(path, bytesSource(bytes));
        const link = symlink('usr/bin/link', names[0]!);
        const old = await made(treeFrom(before, [link]), { codec });
        const anew = await made(treeFrom(after, [link]), { codec });
        const reused = await made(treeFrom(after, [link]), { codec, known: knownOf(old) });
        assert.deepEqual(Buffer.compare(reused.bytes, anew.bytes), 0);
        assert.deepEqual(
          reused.members.map(({ reused: _, ...rest }) => rest),
          anew.members.map(({ reused: _, ...rest }) => rest),
        );
        assert.deepEqual([...reused.digests.values()].sort(), [...anew.digests.values()].sort());
      }),
      { seed: 4, numRuns: 25 },
    );
  });
}

function manyFiles(changed?: string): Map<string, ByteSource> {
  const files = new Map<string, ByteSource>();
  for (let index = 0; index < 60; index++) {
    const path = `usr/lib/modules/6.1.0/m${index}.ko`;
    files.set(path, bytesSource(new Uint8Array(200).fill(path === changed ? 99 : index)));
  }
  return files;
}

test('one changed file makes one member anew and reads no other content', async () => {
  const before = await made(treeFrom(manyFiles()));
  const read = new Set<string>();
  const counted = new Map(
    [...manyFiles('usr/lib/modules/6.1.0/m30.ko')].map(([path, content]) => {
      const source: ByteSource = {
        size: content.size,
        read(at, size) {
          read.add(path);
          return content.read(at, size);
        },
      };
      return [path, source] as const;
    }),
  );
  const digests = new Map([...manyFiles()].map(([path, content]) => [path, sha256(readAll(content))]));
  const known = knownOf(before, ({ path }) => (path.endsWith('/m30.ko') ? undefined : digests.get(path)));
  const after = await made(treeFrom(counted), { known });
  const modules = after.members.filter(({ reused }) => !reused);
  // its own, and the one with the id
  assert.equal(modules.length, 2);
  assert.ok(after.members.length > 5);
  assert.ok(read.has('usr/lib/modules/6.1.0/m30.ko'));
  assert.ok(read.size < 20, `${read.size} files were read`);
});

test('a known digest that is not true any more is not believed once the file is read', async () => {
  const before = await made(treeFrom(manyFiles()));
  const old = new Map([...manyFiles()].map(([path, content]) => [path, sha256(readAll(content))]));
  const tree = treeFrom(manyFiles('usr/lib/modules/6.1.0/m30.ko'));
  // The old member is gone: everything in it is read, and what is read counts.
  const known = { ...knownOf(before, ({ path }) => old.get(path)), member: () => undefined };
  assert.deepEqual(Buffer.compare((await made(tree, { known })).bytes, (await made(tree)).bytes), 0);
});

test('a member whose bytes are damaged is made anew', async () => {
  const zstd = { encoder: nodeEncoders().get('zstd')!, level: 3 };
  const before = await made(treeFrom(manyFiles()), { codec: zstd });
  const damaged = before.bytes.slice();
  damaged[before.members[2]!.at + 20]! ^= 1;
  const after = await made(treeFrom(manyFiles()), {
    codec: zstd,
    known: knownOf({ ...before, bytes: damaged }, (entry) => sha256(readAll(entry.content))),
  });
  assert.deepEqual(Buffer.compare(after.bytes, before.bytes), 0);
  assert.deepEqual(
    after.members.flatMap(({ reused }, index) => (reused ? [] : [index])),
    [2, after.members.length - 1],
  );
});

test('another level, codec or form is another key', async () => {
  const encoder = nodeEncoders().get('zstd')!;
  const keys = new Set<string>();
  const ways: Partial<EncodeOptions>[] = [
    { codec: { encoder, level: 3 } },
    { codec: { encoder, level: 4 } },
    { codec: { encoder: { ...encoder, version: 'another' }, level: 3 } },
    { codec: { encoder: none, level: 0 } },
    { format: 'odc' },
  ];
  for (const way of ways) for (const { key } of (await made(treeFrom(manyFiles()), way)).members) keys.add(key);
  const { members } = await made(treeFrom(manyFiles()));
  assert.equal(keys.size, ways.length * members.length);
});
