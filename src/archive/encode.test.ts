// encode: equal input, equal bytes; segments and members where they should be; everything read back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, nameFromBytes, readAll } from '../bytes/index.ts';
import { pureDecoders } from '../codecs/index.ts';
import { nodeEncoders } from '../node/codecs.ts';
import { directory, type Entry, file, makeTree, printManifest, withParents } from '../tree/index.ts';
import { checkArchive, cut, decode, encode, ID_PATH, METADATA_DIRECTORY, REASONS_PATH, reasonsOf } from './index.ts';
import { bytesOf, none, planOf, sha256, treeOf } from './plans.fixture.ts';

const decoders = pureDecoders;
const microcode = treeOf('file 0644 0 0 0 kernel/x86/microcode/GenuineIntel.bin data=microcode');

function content(size: number, seed: number) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * (seed + 3)) >> 5;
  return bytesSource(bytes);
}

function bigTree(count: number, size = 300_000) {
  const entries: Entry[] = [];
  for (let index = 0; index < count; index++) {
    const folder = index % 3 === 0 ? 'usr/lib/modules/6.1.0/kernel' : index % 3 === 1 ? 'usr/lib/firmware' : 'usr/bin';
    entries.push(file(`${folder}/f${index}`, content(size, index)));
  }
  return makeTree(
    withParents([...entries, { kind: 'hardlink', path: 'usr/bin/again', to: 'usr/bin/f2', mode: 0o644, uid: 0, gid: 0, mtime: 0 }]),
  );
}

for (const [name, encoder] of [['none', none] as const, ...nodeEncoders()]) {
  test(`${name}: the same bytes twice and however many members run at once, and all of it comes back`, async () => {
    const plan = planOf(bigTree(18), microcode);
    const codec = { encoder, level: encoder.levels.default };
    const bytes = await bytesOf(plan, { codec, parallel: 1 });
    assert.deepEqual(Buffer.compare(await bytesOf(plan, { codec, parallel: 7 }), bytes), 0);
    const archive = decode(bytesSource(bytes), { decoders });
    assert.deepEqual(archive.findings, []);
    const expected = makeTree(withParents([...plan.tree.entries, ...microcode.entries, directory(METADATA_DIRECTORY)]));
    const metadata = new Set([ID_PATH, REASONS_PATH]);
    const back = makeTree(archive.tree.entries.filter(({ path }) => !metadata.has(path)));
    assert.equal(printManifest(back, { sha256 }), printManifest(makeTree(expected.entries.map(first(plan.tree))), { sha256 }));
    assert.deepEqual(checkArchive(bytesSource(bytes), { decoders }, sha256), []);
    assert.equal(archive.members[0]!.codec, 'none');
    assert.ok(archive.members.length >= 5);
  });
}

/** The hard link's file is the first name in tree order: `again` comes before `f2`. */
function first(tree: ReturnType<typeof bigTree>) {
  return (entry: Entry): Entry => {
    if (entry.path === 'usr/bin/again') return { ...tree.get('usr/bin/f2')!, path: entry.path };
    if (entry.path === 'usr/bin/f2')
      return { kind: 'hardlink', path: entry.path, to: 'usr/bin/again', mode: 0o644, uid: 0, gid: 0, mtime: 0 };
    return entry;
  };
}

test('the id does not depend on codec, cutting or microcode position, and changes with content', async () => {
  const idIn = (bytes: Uint8Array): string => {
    const entry = decode(bytesSource(bytes), { decoders }).tree.get(ID_PATH);
    return entry?.kind === 'file' ? nameFromBytes(readAll(entry.content)) : '';
  };
  const zstd = nodeEncoders().get('zstd')!;
  const id = idIn(await bytesOf(planOf(bigTree(9))));
  assert.match(id, /^[0-9a-f]{64}\n$/);
  for (const members of ['segment', 'archive'] as const) {
    assert.equal(idIn(await bytesOf(planOf(bigTree(9)), { codec: { encoder: zstd, level: 1 }, members })), id);
  }
  assert.notEqual(idIn(await bytesOf(planOf(bigTree(9, 300_001)))), id);
});

test('an archive whose content was changed afterwards does not match its id', async () => {
  const bytes = await bytesOf(planOf(treeOf('file 0644 0 0 0 etc/motd data=hello')));
  bytes[Buffer.from(bytes).indexOf('hello')] = 0x48;
  assert.deepEqual(
    checkArchive(bytesSource(bytes), { decoders }, sha256).map((finding) => finding.code),
    ['id-mismatch'],
  );
});

test('members are cut by content: one changed file changes one member', () => {
  const tree = bigTree(90);
  const changed = makeTree(tree.entries.map((entry) => (entry.path === 'usr/bin/f50' ? file(entry.path, content(300_001, 1)) : entry)));
  const names = (entries: readonly Entry[]) => entries.map(({ path }) => path).join(' ');
  const before = cut(tree.entries, tree).map(names);
  assert.deepEqual(cut(changed.entries, changed).map(names), before);
  assert.ok(before.length >= 4 && before.length <= 15, `${before.length} members`);
  // an entry more moves no cut but those right around it
  const more = makeTree([...tree.entries, file('usr/bin/a-new', content(10, 1))]);
  const after = new Set(cut(more.entries, more).map(names));
  assert.ok(before.filter((member) => !after.has(member)).length <= 1);
});

test('every member unpacks by itself: parents repeated, hard links whole', () => {
  const tree = bigTree(90);
  for (const member of cut(tree.entries, tree)) makeTree(member);
});

test('reasons come back as they went in', async () => {
  const plan = planOf(treeOf('file 0644 0 0 0 a data=', 'file 0644 0 0 0 odd\\x09name data='));
  const reasons = new Map(plan.reasons);
  reasons.set('a', [
    { part: 'p', text: 'two words\tand a tab' },
    { part: 'q', text: 'another', because: 'odd\tname' },
  ]);
  const bytes = await bytesOf({ ...plan, reasons });
  assert.deepEqual(reasonsOf(decode(bytesSource(bytes), { decoders }).tree), reasons);
});

test('a plan that holds what the archive writes itself is refused, and so is what cpio cannot hold', async () => {
  await assert.rejects(bytesOf(planOf(treeOf(`file 0644 0 0 0 ${ID_PATH} data=x`))), { code: 'CONFLICT' });
  const huge = { size: 2 ** 32, read: () => assert.fail('content must not be read') };
  const tree = makeTree([file('huge', huge)]);
  const chunks = encode(planOf(tree), { codec: { encoder: none, level: 0 }, sha256 });
  await assert.rejects(chunks.next(), { code: 'NOT_EXPRESSIBLE' });
});

test('an encoder that fails ends the archive with its error', async () => {
  const failing = { ...none, name: 'gzip' as const, encode: () => Promise.reject(new Error('no memory')) };
  await assert.rejects(bytesOf(planOf(bigTree(3)), { codec: { encoder: failing, level: 1 } }), /no memory/);
});
