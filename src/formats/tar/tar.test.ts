// tar: golden bytes, hostile archives, round trips and mutations.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource, concat, nameToBytes, readAll, utf8 } from '../../bytes/index.ts';
import { KindlingError } from '../../errors.ts';
import { sha256 } from '../../node/index.ts';
import { device, directory, type Entry, file, makeTree, printManifest, symlink } from '../../tree/index.ts';
import { checksums, paxRecord } from './fields.ts';
import { decode, detect, encode, header, records } from './index.ts';

const BLANK = new Uint8Array(1024);

/** One header and its content, padded; fields as text at their places. */
function block(
  name: string,
  type: string,
  more: Partial<Record<string, string>> = {},
  content: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const bytes = new Uint8Array(512);
  const fields: Record<string, string> = {
    name,
    mode: '0000644',
    uid: '0000000',
    gid: '0000000',
    mtime: '00000000000',
    type,
    magic: 'ustar\0',
    version: '00',
  };
  fields.size = content.length.toString(8).padStart(11, '0');
  for (const [field, text] of Object.entries({ ...fields, ...more })) {
    bytes.set(nameToBytes(text ?? ''), header.offsetOf(field as Parameters<typeof header.offsetOf>[0]));
  }
  if (more.checksum === undefined)
    bytes.set(utf8(`${checksums(bytes).unsigned.toString(8).padStart(6, '0')}\0 `), header.offsetOf('checksum'));
  return concat([bytes, content, new Uint8Array(-content.length & 511)]);
}

const archive = (...blocks: Uint8Array[]) => bytesSource(concat([...blocks, BLANK]));
const pax = (...pairs: [string, string][]) => block('pax', 'x', {}, concat(pairs.map(([key, value]) => paxRecord(key, utf8(value)))));
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test('golden: an archive has exactly this digest, the same every time', () => {
  const tree = makeTree([
    directory(''),
    directory('dev'),
    device('char', 'dev/null', 1, 3, 0o666),
    file('hello', bytesSource(utf8('hello\n'))),
    symlink('link', 'hello'),
    file(`${'long/'.repeat(0)}${'n'.repeat(120)}`, bytesSource(utf8('x'))),
  ]);
  const bytes = concat([...encode(tree)]);
  assert.equal(bytes.length, 10240);
  assert.equal(text(bytes.subarray(0, 2)), './');
  assert.deepEqual(concat([...encode(tree)]), bytes);
  assert.ok(detect(bytes));
  assert.equal(printManifest(decode(bytesSource(bytes)), { sha256 }), printManifest(tree, { sha256 }));
});

test('names come from the pax record, then the GNU long name, then prefix and name', () => {
  const long = block('././@LongLink', 'L', { magic: 'ustar ', version: ' ' }, utf8('from/gnu\0'));
  const of = (...blocks: Uint8Array[]): string[] => [...records(archive(...blocks))].map(({ path }) => path);
  assert.deepEqual(of(block('name', '0', { prefix: 'pre' })), ['pre/name']);
  assert.deepEqual(of(block('name', '0', { prefix: 'pre', magic: 'ustar ', version: ' ' })), ['name'], 'GNU keeps times there');
  assert.deepEqual(of(long, block('name', '0'), block('next', '0')), ['from/gnu', 'next']);
  assert.deepEqual(of(pax(['path', 'from/pax']), long, block('name', '0')), ['from/pax']);
  assert.deepEqual(of(pax(['path', '']), block('name', '0')), ['name'], 'an empty value takes the record back');
});

test('numbers: base-256, blanks, pax records with fractions and below zero, global records', () => {
  const one = (...blocks: Uint8Array[]) => [...records(archive(...blocks))][0]!;
  assert.equal(one(block('a', '0', { uid: '  17 \0' })).uid, 0o17);
  assert.equal(one(block('a', '0', { uid: '' })).uid, 0);
  assert.equal(one(block('a', '0', { uid: '\udc80\0\0\0\0\u0012\udcd6\udc87' })).uid, 1234567);
  assert.equal(one(block('a', '0', { mtime: '\udcff'.repeat(12) })).mtime, -1);
  assert.equal(one(pax(['mtime', '-1.5'], ['uid', '3000000000']), block('a', '0')).mtime, -2);
  const global = block('g', 'g', {}, paxRecord('uid', utf8('7')));
  assert.deepEqual(
    [...records(archive(global, block('a', '0'), pax(['uid', '8']), block('b', '0'), block('c', '0')))].map(({ uid }) => uid),
    [7, 8, 7],
  );
});

test('a later entry replaces an earlier one, and a hard link keeps what it named', () => {
  const tree = decode(
    archive(
      block('a', '0', {}, utf8('old')),
      block('b', '1', { linkName: './a', size: '00000000003' }),
      block('a', '0', {}, utf8('new')),
      block('c', '1', { linkName: 'b' }),
    ),
  );
  assert.deepEqual(
    tree.entries.map((entry) => [entry.path, entry.kind, entry.kind === 'file' ? text(readAll(entry.content)) : '']),
    [
      ['a', 'file', 'new'],
      ['b', 'file', 'old'],
      ['c', 'hardlink', ''],
    ],
  );
});

test('forgiven: no end, no last padding, anything after the end, a directory of before POSIX', () => {
  const entry = block('a', '0', {}, utf8('abc'));
  assert.equal(decode(bytesSource(entry)).entries.length, 1);
  assert.equal(decode(bytesSource(entry.subarray(0, 515))).entries.length, 1);
  assert.equal(decode(bytesSource(concat([entry, BLANK, utf8('garbage')]))).entries.length, 1);
  assert.equal(decode(archive(block('old/', '0', { magic: '', version: '' }))).entries[0]?.kind, 'directory');
  assert.equal(decode(bytesSource(new Uint8Array(0))).entries.length, 0);
});

const REFUSED: [string, Uint8Array[], string][] = [
  ['an absolute path', [block('/etc/passwd', '0')], 'BAD_NAME'],
  ['".." in a path', [block('a/../../b', '0')], 'BAD_NAME'],
  ['".." in a pax path', [pax(['path', '../b']), block('a', '0')], 'BAD_NAME'],
  ['".." in a hard link', [block('a', '1', { linkName: '../etc/shadow' })], 'BAD_NAME'],
  ['an empty name', [block('', '0')], 'BAD_NAME'],
  ['a component over 255 bytes', [pax(['path', 'x'.repeat(300)]), block('a', '0')], 'BAD_NAME'],
  ['an entry below a link', [block('a', '2', { linkName: '/etc' }), block('a/passwd', '0')], 'CONFLICT'],
  ['an entry below a file', [block('a', '0'), block('a/b', '0')], 'CONFLICT'],
  ['a hard link to nothing', [block('a', '1', { linkName: 'b' })], 'NO_ENTRY'],
  ['a hard link to itself', [block('a', '1', { linkName: 'a' })], 'NO_ENTRY'],
  ['a hard link to a directory', [block('d', '5'), block('a', '1', { linkName: 'd' })], 'CONFLICT'],
  ['an empty link target', [block('a', '2')], 'BAD_VALUE'],
  ['a wrong checksum', [block('a', '0', { checksum: '000001\0 ' })], 'BAD_CHECKSUM'],
  ['letters in a number', [block('a', '0', { size: 'hello' })], 'BAD_VALUE'],
  ['a size below zero', [block('a', '0', { size: '\udcff'.repeat(12) })], 'BAD_VALUE'],
  ['a size that no number holds', [block('a', '0', { size: `\udcbf${'\udcff'.repeat(11)}` })], 'BAD_VALUE'],
  ['a huge size', [block('a', '0', { size: '77777777777' })], 'TRUNCATED'],
  ['a huge pax size', [pax(['size', '9007199254740991']), block('a', '0')], 'TRUNCATED'],
  ['a huge extended header', [block('a', 'x', {}, new Uint8Array((1 << 20) + 1))], 'LIMIT'],
  ['a pax record whose size is wrong', [block('a', 'x', {}, utf8('99 path=x\n')), block('a', '0')], 'BAD_VALUE'],
  ['a pax record without an end', [block('a', 'x', {}, utf8('8 path=xy')), block('a', '0')], 'BAD_VALUE'],
  ['a pax record of size 0', [block('a', 'x', {}, utf8('0 path=x\n')), block('a', '0')], 'BAD_VALUE'],
  ['a pax number that is none', [pax(['mtime', 'NaN']), block('a', '0')], 'BAD_VALUE'],
  ['a GNU sparse entry', [block('a', 'S')], 'UNSUPPORTED'],
  ['a pax sparse entry', [pax(['GNU.sparse.major', '1']), block('a', '0')], 'UNSUPPORTED'],
  ['a continued volume', [block('a', 'M')], 'UNSUPPORTED'],
];
for (const [what, blocks, code] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => decode(archive(...blocks)),
      (error) => error instanceof KindlingError && error.code === code && error.where.structure !== undefined,
    );
  });
}

test('refused: half a header, with its offset; more entries than the limit; more global records than anyone needs', () => {
  assert.throws(() => decode(bytesSource(concat([block('a', '0'), new Uint8Array(100).fill(65)]))), {
    code: 'TRUNCATED',
    where: { structure: 'tar header', offset: 512 },
  });
  assert.throws(() => decode(archive(block('a', '0'), block('b', '0')), { entryCountMost: 1 }), { code: 'LIMIT' });
  const many = Array.from({ length: 101 }, (_, index) => paxRecord(`key${index}`, utf8('v')));
  assert.throws(() => decode(archive(block('g', 'g', {}, concat(many)))), { code: 'LIMIT' });
  assert.throws(() => [...encode(makeTree([{ ...directory('s'), kind: 'socket' }]))], { code: 'NOT_EXPRESSIBLE' });
});

const anyName = fc.oneof(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[a-cé]{90,120}$/), fc.constant('\udcff\udc80x'));
const anyEntry = fc.record({
  path: fc.array(anyName, { minLength: 1, maxLength: 4 }).map((names) => names.join('/')),
  kind: fc.constantFrom('file', 'symlink', 'directory', 'fifo', 'char'),
  mode: fc.nat(0o7777),
  uid: fc.nat(0xffffffff),
  gid: fc.nat(70000),
  mtime: fc.integer({ min: -1000, max: 2 ** 34 }),
  bytes: fc.uint8Array({ maxLength: 600 }),
  target: fc.stringMatching(/^[acé/.]{1,130}$/),
  xattrs: fc.dictionary(fc.stringMatching(/^user\.[a-z]{1,5}$/), fc.uint8Array({ maxLength: 20 }), { maxKeys: 2 }),
});

function treeOf(specs: readonly (typeof anyEntry extends fc.Arbitrary<infer T> ? T : never)[]) {
  const entries = new Map<string, Entry>();
  for (const { path, kind, mode, uid, gid, mtime, bytes, target, xattrs } of specs) {
    // Parents are directories, whatever came there before.
    const names = path.split('/');
    for (let count = 1; count < names.length; count++) {
      const parent = names.slice(0, count).join('/');
      if (entries.get(parent)?.kind !== 'directory') entries.set(parent, directory(parent));
    }
    if (entries.get(path)?.kind === 'directory') continue;
    const attributes = Object.keys(xattrs).length === 0 ? {} : { xattrs: new Map(Object.entries(xattrs)) };
    const common = { path, mode, uid, gid, mtime, ...attributes };
    if (kind === 'file') entries.set(path, { kind, ...common, content: bytesSource(bytes) });
    else if (kind === 'symlink') entries.set(path, { kind, ...common, mode: 0o777, target });
    else if (kind === 'char') entries.set(path, { kind, ...common, major: uid % 4096, minor: gid });
    else entries.set(path, { kind: kind === 'fifo' ? 'fifo' : 'directory', ...common });
  }
  return makeTree(entries.values());
}

test('property: decode(encode(tree)) is the tree', () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 8 }), (specs) => {
      const tree = treeOf(specs);
      const back = decode(bytesSource(concat([...encode(tree)])));
      assert.equal(printManifest(back, { sha256 }), printManifest(tree, { sha256 }));
      for (const entry of tree.entries) assert.deepEqual(back.get(entry.path)?.xattrs, entry.xattrs);
    }),
    { seed: 3, numRuns: 150 },
  );
});

test('property: changed bytes give a tree or a KindlingError', () => {
  const base = concat([
    pax(['path', 'p/q'], ['mtime', '1.5'], ['SCHILY.xattr.user.a', 'v']),
    block('a', '0', {}, utf8('content')),
    block('././@LongLink', 'L', {}, utf8('long/name\0')),
    block('b', '2', { linkName: 'a' }),
    block('c', '1', { linkName: 'p/q' }),
    BLANK,
  ]);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 4 }),
      fc.nat(base.length),
      fc.boolean(),
      (changes, size, mend) => {
        const bytes = base.slice(0, size);
        for (const [at, value] of changes) if (at < size) bytes[at] = value;
        // With the checksum made right again, the change gets past it.
        for (let at = 0; mend && at + 512 <= size; at += 512) {
          const one = bytes.subarray(at, at + 512);
          if (one[257] === 0x75) one.set(utf8(`${checksums(one).unsigned.toString(8).padStart(6, '0')}\0 `), 148);
        }
        try {
          decode(bytesSource(bytes));
        } catch (error) {
          assert.ok(error instanceof KindlingError, String(error));
        }
      },
    ),
    { seed: 4, numRuns: 3000 },
  );
});
